"""What `propensity up` is, with a proxy in front of each port: the process that the campaign starts and kills.

    python -m faults.child STATE SETTINGS PORTS PROXIES     (the last three are JSON)

It prints its environment as one line of JSON once it answers. It ends with its standard input, or when it is killed.
"""

import json
import sys
from pathlib import Path

from local import cloud
from local.provision import Names
from shared import jsontext
from shared.settings import Settings


def main(state: Path, document: dict, ports: dict[str, int], proxies: dict[str, int]) -> None:
    """Run the cloud until standard input ends."""

    def reached_at(service: str, url: str) -> str:
        return f"{url.rpartition(':')[0]}:{proxies[service]}"

    settings = Settings.from_document({"project": document["bucket"], **document})
    names = Names(
        settings.project, settings.bucket, settings.dataset, settings.serving.region, settings.serving.endpoint_id
    )
    # Twenty attempts with Google's backoff last for hours, and with this one for less than a slow start of `up`.
    soon = cloud.Backoff(minimum_seconds=0.1, maximum_seconds=1, attempts=100)
    with cloud.run(
        state,
        names,
        document,
        ports=cloud.Ports(**ports),
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
