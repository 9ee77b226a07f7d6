"""The header by which the local BigQuery identifies its requests to the local Vertex AI.

On Google Cloud, only BigQuery can delete a model that BigQuery ML has registered. Vertex AI recognizes BigQuery by its
account.
"""

OWNER_HEADER = "x-local-owner"
BIGQUERY = "bigquery"
