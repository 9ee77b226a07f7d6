"""What `propensity up` is, with a proxy in front of each port: the process that the campaign starts and kills.

    python -m faults.child STATE SETTINGS PORTS PROXIES     (the last three are JSON)

It prints its environment as one line of JSON once it answers. It ends with its standard input, or when it is killed.
"""

import json
import sys
from pathlib import Path

from cli import desk
from deskcloud.cloud import Ports
from shared import jsontext


def main(state: Path, document: dict, ports: dict[str, int], proxies: dict[str, int]) -> None:
    """Run the cloud until standard input ends."""

    def reached_at(service: str, url: str) -> str:
        return f"{url.rpartition(':')[0]}:{proxies[service]}"

    # Twenty attempts with Google's backoff last for hours, and with this one for less than a slow start of `up`.
    soon = desk.Backoff(minimum_seconds=0.1, maximum_seconds=1, attempts=100)
    with desk.run(
        state,
        document["bucket"],
        document,
        ports=Ports(**ports),
        backoff=soon,
        on_line=lambda line: print(jsontext.text(line.get("jsonPayload", line)), file=sys.stderr, flush=True),
        reached_at=reached_at,
    ) as started:
        # The campaign ticks.
        started.scheduler.stop()
        print(jsontext.text(started.environment), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(json.loads(one) for one in sys.argv[2:]))
