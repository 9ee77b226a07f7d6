"""Compare the local BigQuery with Google's reference implementation of GoogleSQL, in tests and in a script."""
