"""Run the package `local-bigquery`, a BigQuery without BigQuery ML, in its own process and with corrections.

`launch` starts the process. `child` and `service` run in the process. `mends` lists the modules with the corrections.
"""
