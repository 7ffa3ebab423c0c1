"""Reports as JSON documents, one module per command."""
