"""Run `propensity demo` as a separate process, and measure its duration and memory."""

import functools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.measure import say
from shared import jsontext

DAYS = 62
SESSIONS = 62_000
_SAMPLE_SECONDS = 0.1
_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Demonstration:
    """The duration and the result of a demonstration, and its peak resident memory in MB.

    `peak_of_all` is the highest sum over all processes. `peak_of_one` is the highest value of a single process.
    `logged` holds the lines that the functions logged.
    """

    seconds: float
    result: dict[str, Any]
    peak_of_all: float
    peak_of_one: float
    logged: list[bytes]


@functools.cache
def demonstrate(sessions: int = SESSIONS) -> Demonstration:
    """Run a demonstration with `sessions` sessions. Benchmarks that ask for the same number share one result.

    Raises:
        RuntimeError: the demonstration has failed. The message contains the end of its output.
    """
    say(f"  propensity demo --days {DAYS} --sessions {sessions}")
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "output").open("w+") as output:
        result = Path(folder) / "result.json"
        command = [str(Path(sys.executable).with_name("propensity")), "demo", "--json", str(result)]
        command += ["--days", str(DAYS), "--sessions", str(sessions), "--state", f"{folder}/state"]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
            peaks = _watch(psutil.Process(process.pid), process)
        seconds = time.perf_counter() - started
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{output.read()[-2000:]}")
        logged = _logged(Path(folder) / "state" / "logging" / "entries.ndjson")
        return Demonstration(seconds, json.loads(result.read_text()), *peaks, logged)


def _logged(entries: Path) -> list[bytes]:
    found = map(json.loads, entries.read_text().splitlines())
    return [jsontext.encode(one["jsonPayload"]) for one in found if one["logName"].endswith("stdout")]


def _watch(root: psutil.Process, process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    """Sample memory until the process ends, and return the two peaks in MB. Shared pages count for each process."""
    peak_of_all = peak_of_one = 0.0
    while process.poll() is None:
        sizes = [_resident(one) for one in (root, *_children(root))]
        peak_of_all = max(peak_of_all, sum(sizes))
        peak_of_one = max(peak_of_one, *sizes)
        time.sleep(_SAMPLE_SECONDS)
    return peak_of_all, peak_of_one


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return list(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / _MEGABYTE
    except psutil.NoSuchProcess:
        return 0.0
