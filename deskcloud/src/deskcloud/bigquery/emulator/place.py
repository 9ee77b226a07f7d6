"""Names that the emulator shares with the process that starts it: environment variables, headers and extensions."""

EXTENSIONS = ("icu", "ducklake", "spatial", "avro", "json", "parquet")

SCRATCH = "LOCAL_BIGQUERY_SCRATCH"
"""Variable with the folder for files that the gateway and the emulator exchange."""

SECRET = "LOCAL_BIGQUERY_SECRET"  # noqa: S105 - a variable's name
"""Variable with the secret that each HTTP request must send in SECRET_HEADER."""

SECRET_HEADER = "x-local-secret"  # noqa: S105 - a header's name

LOCATION_HEADER = "x-local-location"
"""Header with the location that a job names. The header is empty if the job names no location."""

READING_SECRET = "LOCAL_BIGQUERY_READING_SECRET"  # noqa: S105 - a variable's name
"""Variable with the bearer token that each client of the Storage Read API must send."""

ROWS = "GATEWAY_ROWS"
"""Table function that reads NAME.parquet in the scratch folder. NAME is random, so no client can guess it."""
