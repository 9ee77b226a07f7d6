"""What the process that starts the emulator tells it in its environment, and which extensions of DuckDB it may use."""

EXTENSIONS = ("icu", "ducklake", "spatial", "avro", "json", "parquet")

SCRATCH = "LOCAL_BIGQUERY_SCRATCH"
"""The folder in which the gateway and the emulator hand files to each other."""

SECRET = "LOCAL_BIGQUERY_SECRET"  # noqa: S105 - a variable's name
"""What a request must bring, in this header."""

SECRET_HEADER = "x-local-secret"  # noqa: S105 - a header's name

LOCATION_HEADER = "x-local-location"
"""The location that a job names; empty where it names none."""

READING_SECRET = "LOCAL_BIGQUERY_READING_SECRET"  # noqa: S105 - a variable's name
"""What a client of the Storage Read API must bring, as a bearer token."""

ROWS = "GATEWAY_ROWS"
"""The table function that reads NAME.parquet of the scratch folder; NAME is random, so no client can write it down."""
