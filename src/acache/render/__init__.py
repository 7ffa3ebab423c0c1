"""Reports into text: tables for people, JSON for programs, HTML pages, pictures."""
