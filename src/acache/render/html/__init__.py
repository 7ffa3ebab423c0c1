"""Reports as HTML: one page for a browser, tables for notebooks. Nothing is fetched."""
