"""BigQuery on one machine, in three packages.

emulator/  runs the package `local-bigquery` on DuckDB, with corrections. It answers every plain statement, e.g. SELECT.
gateway/   serves the public REST API. It runs BigQuery ML, EXPORT DATA, extract jobs, and scripts that contain them.
           It forwards every other request to the emulator.
ml/        trains models and computes with them. The gateway calls it.
"""
