"""Serve the public REST API of the local BigQuery. BigQuery ML and exports run here, all else in the emulator."""
