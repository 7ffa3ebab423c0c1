"""A joblib store on disk: its format, scan, entries and deletion."""
