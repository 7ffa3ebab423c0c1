"""Replaying logged calls under size limits: what a smaller cache would have saved."""
