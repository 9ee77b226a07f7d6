"""BigQuery without BigQuery ML: the package `local-bigquery` as a process of its own, with what it gets wrong mended.

`launch` starts the process; `child` and `service` are the process; `mends` lists what is mended, each in a module here.
"""
