"""A local Vertex AI: model registry, endpoints, long-running operations and predictions over REST.

It serves models registered by BigQuery ML, loads them into its own process, and does not check access. Replica counts
are stored and returned, but nothing scales.
"""

from deskcloud.vertex.routes import create_app

__all__ = ["create_app"]
