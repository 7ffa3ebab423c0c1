"""What a command does, one module or package per command."""
