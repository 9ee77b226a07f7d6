"""Compare the local BigQuery with Google's reference implementation of GoogleSQL; for tests and a script."""
