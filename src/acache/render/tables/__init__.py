"""Reports for people: tables that fit 80 columns. Only here are rich and humanize imported."""
