"""Tracing of the cached calls that child processes make.

`session` starts and ends a trace, `trace_log` adds up what was written. The folder ``child`` holds
what the traced Pythons load, and is not part of this package.
"""
