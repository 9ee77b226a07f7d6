"""Access rules, time limits and JSON responses, which all services use to answer requests."""
