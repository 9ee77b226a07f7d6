"""Serve the documented APIs of advertising and CRM platforms, so that their clients can be tested on one machine.

Each platform has its own port and its own access tokens. Their common parts: `front` notes requests and lets them meet
planned faults, `state` keeps members with counts, `clock` can be moved forward, and `admin` shows all of it.
"""

from deskcloud.platforms.serving import ADMIN, Running, run

__all__ = ["ADMIN", "Running", "run"]
