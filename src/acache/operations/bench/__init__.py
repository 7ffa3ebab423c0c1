"""Timing a command with its cache off, cold and warm."""
