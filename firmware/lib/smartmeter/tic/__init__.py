"""The labels of France's meters (TIC)."""
