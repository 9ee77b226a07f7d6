"""A local Cloud Logging. Clients write and list entries, and sinks export them."""

from deskcloud.filters import FilterError
from deskcloud.logs.router import Router, Sink, SinkError
from deskcloud.logs.routes import create_app
from deskcloud.logs.tables import Tables
from deskcloud.logs.wire import entry_from_line

__all__ = [
    "FilterError",
    "Router",
    "Sink",
    "SinkError",
    "Tables",
    "create_app",
    "entry_from_line",
]
