"""The sections of the report, one module each: what it asks BigQuery, and what it tells."""
