"""Serve Vertex AI's REST API for the model registry, endpoints, long-running operations and predictions.

The service predicts only with models that BigQuery ML has registered, and loads these models into its own process. It
does not check permissions. Numbers of replicas are stored and returned, but have no effect.
"""

from deskcloud.vertex.routes import create_app

__all__ = ["create_app"]
