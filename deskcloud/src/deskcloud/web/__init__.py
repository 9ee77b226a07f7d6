"""What all services use to answer requests: access rules, time limits and JSON responses."""
