"""The fast engine: joblib's store, answered many times as fast."""
