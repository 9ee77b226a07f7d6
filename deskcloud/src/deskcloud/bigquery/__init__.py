"""BigQuery on one machine: the emulator `local-bigquery` and a gateway that adds BigQuery ML."""
