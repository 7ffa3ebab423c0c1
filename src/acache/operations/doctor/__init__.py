"""Checks of settings, permissions, disk and store."""
