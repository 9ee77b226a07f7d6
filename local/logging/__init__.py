"""Cloud Logging: entries in, sinks out, and a log that can be listed."""

from local.logging.entries import entry_from_line
from local.logging.filter import FilterError
from local.logging.router import Router, Sink, SinkError
from local.logging.routes import create_app
from local.logging.tables import Tables

__all__ = [
    "FilterError",
    "Router",
    "Sink",
    "SinkError",
    "Tables",
    "create_app",
    "entry_from_line",
]
