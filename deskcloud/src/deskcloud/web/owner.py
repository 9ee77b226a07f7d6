"""The header by which the local BigQuery identifies its requests to the local Vertex AI.

On Google Cloud, a model registered by BigQuery ML can be deleted only through BigQuery, identified by its account.
"""

OWNER_HEADER = "x-local-owner"
BIGQUERY = "bigquery"
