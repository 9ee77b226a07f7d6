"""Run the chain under random faults, and report what was lost, doubled, stuck or different.

Results are appended to a file, and the summary covers the whole file, so several calls can form one series of trials.
"""

import argparse
import collections
import json
import sys
from pathlib import Path

from faults.schedule import KINDS
from faults.series import TrialSeries, is_wrong
from faults.world import World
from shared import jsontext

RESULTS = "results.jsonl"


def main(arguments: list[str] | None = None) -> int:
    """Make the runs, and print the summary of all results in the file. Return 1 if a result is wrong, otherwise 0."""
    parser = argparse.ArgumentParser("python -m faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="number of runs (default: 5); 0 only prints the summary")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run; each further run adds 1")
    parser.add_argument("--resume", action="store_true", help="skip seeds that have a result already")
    parser.add_argument("--folder", type=Path, default=Path(".state/faults"), help="folder of state and results")
    asked = parser.parse_args(arguments)
    results = asked.folder / RESULTS
    done = {result["seed"] for result in _read(results)} if asked.resume else set()
    seeds = [seed for seed in range(asked.seed, asked.seed + asked.runs) if seed not in done]
    if seeds:
        _run(seeds, asked.folder, results)
    return _summarize(_read(results))


def _run(seeds: list[int], folder: Path, results: Path) -> None:
    world = World(folder)
    with world.proxied():
        series = TrialSeries(world)
        print("preparing: registering two versions, making an undisturbed run ...", flush=True)
        series.prepare()
        for seed in seeds:
            result = series.run(seed)
            with results.open("a") as file:
                file.write(jsontext.text(result) + "\n")
            faults = ", ".join(f"{count} {kind}" for kind, count in sorted(result["faults"].items())) or "no faults"
            print(f"seed {seed}: {result['seconds']} s; {faults}; {'WRONG' if is_wrong(result) else 'ok'}", flush=True)


def _read(results: Path) -> list[dict]:
    """Return the last result of each seed in the file `results`, or nothing if there is no such file."""
    lines = results.read_text().splitlines() if results.exists() else []
    return list({result["seed"]: result for result in map(json.loads, lines)}.values())


def _summarize(results: list[dict]) -> int:
    struck: collections.Counter[str] = collections.Counter()
    for result in results:
        struck.update(result["faults"])
    print(f"runs       {len(results)}")
    print("faults     " + ", ".join(f"{struck[kind]} {kind}" for kind in KINDS))
    for kind in ("lost", "doubled", "stuck", "different"):
        seeds = [result["seed"] for result in results if result[kind]]
        print(f"{kind:10} {len(seeds)}" + (f" (seeds {', '.join(map(str, seeds))})" if seeds else ""))
    return int(any(map(is_wrong, results)))


if __name__ == "__main__":
    sys.exit(main())
