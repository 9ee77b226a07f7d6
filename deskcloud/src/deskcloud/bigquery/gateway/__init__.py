"""Serve the public REST API of the local BigQuery, with BigQuery ML, in front of the emulator."""
