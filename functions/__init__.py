"""One file is one deployed function."""
