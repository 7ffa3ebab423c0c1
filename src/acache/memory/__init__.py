"""The library: cached functions."""
