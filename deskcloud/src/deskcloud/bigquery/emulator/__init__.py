"""BigQuery without BigQuery ML: the package `local-bigquery` in its own process, with its errors corrected.

`launch` starts the process; `child` and `service` run in it; `mends` lists the corrections, each in a module here.
"""
