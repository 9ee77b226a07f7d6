"""BigQuery on one machine: the emulator, and BigQuery ML in front of it."""
