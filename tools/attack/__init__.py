"""Attacks a running chain of two households, and says which attacks it withstands."""
