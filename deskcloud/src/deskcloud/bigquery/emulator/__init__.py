"""Run the package `local-bigquery` in its own process, with corrections. It is BigQuery without BigQuery ML.

`launch` starts the process. `child` and `service` run in the process. `mends` lists the modules with the corrections.
"""
