"""The public face of the local BigQuery: its REST API with BigQuery ML, in front of the emulator."""
