"""Settings: values, their origins, and what librosa makes of them."""
