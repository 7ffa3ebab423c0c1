"""The operating system: folders, processes, signals, files, errors."""
