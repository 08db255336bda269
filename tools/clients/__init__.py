"""Programs that others wrote, next to a running chain: they read it as docs/ says."""
