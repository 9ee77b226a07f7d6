"""The deployed functions, one per file."""
