"""Screens for a terminal: the only room that imports textual."""
