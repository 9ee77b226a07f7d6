"""Serve the public REST API of the local BigQuery. Run BigQuery ML and exports; the emulator runs all else."""
