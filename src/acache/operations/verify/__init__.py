"""Checks of every entry, without loading any."""
