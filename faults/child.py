"""The process that a campaign starts and kills: a local cloud as of `propensity up`, reached through proxies.

    python -m faults.child STATE SETTINGS PORTS PROXIES     (the last three are JSON)

Once the services answer, it prints its environment as one line of JSON. It exits when its standard input ends.
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

    # With so short a backoff, a slow restart would use up the twenty attempts that are declared.
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
        # The campaign publishes the schedules' messages itself.
        started.scheduler.stop()
        print(jsontext.text(started.environment), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(json.loads(one) for one in sys.argv[2:]))
