"""Tracing of the cached calls that child processes make.

`session` starts and ends a trace, `calls` adds up what was written, and the folder ``child`` holds
what the traced Pythons load: it is no part of this package.
"""
