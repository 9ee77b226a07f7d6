"""`propensity demo` in a process of its own, with its clock and its memory."""

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

DAYS = 62
SESSIONS = 62_000
_SAMPLE_SECONDS = 0.1
_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Demonstration:
    """What one took. Memory is resident, in MB: the highest sum over all its processes, and the highest of one."""

    seconds: float
    result: dict[str, Any]
    peak_of_all: float
    peak_of_one: float


@functools.cache
def demonstrate(sessions: int = SESSIONS) -> Demonstration:
    """Run it once with so many sessions; measures that want the same share it.

    Raises:
        RuntimeError: it failed; with the end of what it printed.
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
        return Demonstration(seconds, json.loads(result.read_text()), *peaks)


def _watch(root: psutil.Process, process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    """Sample memory until the process ends; pages that processes share count for each of them."""
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
