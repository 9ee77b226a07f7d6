"""Vertex AI on one machine: model registry, endpoints, long-running operations and predictions over REST.

It serves models that BigQuery ML registered, loads them into its own process, and checks no access. Replica counts are
kept and shown; nothing scales.
"""

from deskcloud.vertex.routes import create_app

__all__ = ["create_app"]
