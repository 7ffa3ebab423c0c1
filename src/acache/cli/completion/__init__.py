"""Completion in the shell: the scripts, and what the store has to offer to them."""
