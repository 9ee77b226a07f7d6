"""Run the local cloud of fault trials in a separate process, because some faults kill or freeze its processes.

The cloud is the same as with `propensity up`, but its services are reached through proxies.

    python -m faults.child STATE SETTINGS PORTS PROXIES     (the last three are JSON)

Once the services answer, the process prints its environment as one line of JSON. The process exits when its standard
input is closed.
"""

import json
import sys
from pathlib import Path

from cli import local_cloud
from deskcloud.cloud import Ports
from shared import jsontext


def main(state: Path, document: dict, ports: dict[str, int], proxies: dict[str, int]) -> None:
    """Run the cloud until standard input ends. `proxies` maps each service to the port of its proxy."""

    def reached_at(service: str, url: str) -> str:
        return f"{url.rpartition(':')[0]}:{proxies[service]}"

    # The backoff is short, so that a trial is quick. So during a slow restart, more than the usual twenty attempts may
    # fail.
    soon = local_cloud.Backoff(minimum_seconds=0.1, maximum_seconds=1, attempts=100)
    with local_cloud.run(
        state,
        document["bucket"],
        document,
        ports=Ports(**ports),
        backoff=soon,
        on_line=lambda line: print(jsontext.text(line.get("jsonPayload", line)), file=sys.stderr, flush=True),
        reached_at=reached_at,
    ) as started:
        # The trial series publishes the scheduled messages itself.
        started.scheduler.stop()
        print(jsontext.text(started.environment), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(json.loads(one) for one in sys.argv[2:]))
