"""How the local BigQuery tells the local Vertex AI that a request is its own.

On Google Cloud a model that BigQuery ML registers is deleted through BigQuery alone; there the service account tells.
"""

OWNER_HEADER = "x-local-owner"
BIGQUERY = "bigquery"
