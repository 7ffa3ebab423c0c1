"""Reports into text: tables for people, JSON for programs, pictures."""
