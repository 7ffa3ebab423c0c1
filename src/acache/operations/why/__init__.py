"""Why calls were computed rather than answered from the store."""
