"""Serve the documented APIs of advertising and CRM platforms, so that their clients can be tested on one machine.

Each platform has its own port and its own access tokens. All platforms share these modules:

front    records each request, and makes the request fail if a fault is planned for it
state    keeps members, with counts of their changes
clock    the platforms' time, which tests can move forward
admin    an API that shows the requests and members, moves the clock and plans faults
"""

from deskcloud.platforms.serving import ADMIN, Running, run

__all__ = ["ADMIN", "Running", "run"]
