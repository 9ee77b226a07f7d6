"""The header by which the local BigQuery identifies its requests to the local Vertex AI.

On Google Cloud, only BigQuery can delete a model that BigQuery ML has registered, and Vertex AI recognizes BigQuery by
its account. Here, the header replaces the account.
"""

OWNER_HEADER = "x-local-owner"
BIGQUERY = "bigquery"
