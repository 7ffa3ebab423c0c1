"""Functions cached by write_store.py, in the shapes that real packages have."""
