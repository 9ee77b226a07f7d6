"""Environment variables between the emulator and the process that starts it, and its DuckDB extensions."""

EXTENSIONS = ("icu", "ducklake", "spatial", "avro", "json", "parquet")

SCRATCH = "LOCAL_BIGQUERY_SCRATCH"
"""The folder for files exchanged between the gateway and the emulator."""

SECRET = "LOCAL_BIGQUERY_SECRET"  # noqa: S105 - a variable's name
"""The secret that a request must send in the header below."""

SECRET_HEADER = "x-local-secret"  # noqa: S105 - a header's name

LOCATION_HEADER = "x-local-location"
"""The header with the location that a job names; empty if it names none."""

READING_SECRET = "LOCAL_BIGQUERY_READING_SECRET"  # noqa: S105 - a variable's name
"""The bearer token that a client of the Storage Read API must send."""

ROWS = "GATEWAY_ROWS"
"""The table function that reads NAME.parquet in the scratch folder; NAME is random, so no client can guess it."""
