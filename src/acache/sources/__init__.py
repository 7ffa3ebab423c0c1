"""Sources of functions: stored, installed, their levels, whether they differ."""
