"""Run BigQuery without BigQuery ML: the package `local-bigquery` in its own process, with corrections.

`launch` starts the process. `child` and `service` run in the process. `mends` lists the modules with the corrections.
"""
