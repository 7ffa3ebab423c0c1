"""Reports for people: tables that fit 80 columns. Here alone rich and humanize are imported."""
