"""Start the package `local-bigquery` as its own process on 127.0.0.1, without any download.

The emulator wants DuckDB's extensions where DuckDB looks for them, below HOME. It gets a HOME of its own in the
state folder, filled with links to the extensions that pip installed.

`gs://` paths: the emulator reads them below `buckets`, the folder in which the storage service keeps
`BUCKET/OBJECT` as a file. It must not write there, since an object also has metadata and a generation: the
gateway (`outbound.py`) lets it write to a scratch file and uploads that to the storage service.
"""

import contextlib
import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import httpx

from deskcloud.bigquery.emulator.place import EXTENSIONS, READING_SECRET, SCRATCH, SECRET, SECRET_HEADER


class EmulatorDiedError(RuntimeError):
    """The emulator did not come to answer; the message carries the end of its log."""


@dataclass(frozen=True)
class Emulator:
    """Where a running emulator answers, and to whom."""

    url: str
    grpc_address: str
    """Where the Storage Read API answers."""
    scratch: Path
    """A folder that it reads and writes."""
    secret: str
    """What each request over HTTP must bring in SECRET_HEADER."""


@contextlib.contextmanager
def run(
    state: Path,
    *,
    project: str = "local",
    buckets: Path | None = None,
    port: int = 0,
    grpc_port: int = 0,
    reading_secret: str = "",
    deadline_seconds: float = 60,
) -> Iterator[Emulator]:
    """Yield the emulator once it answers, and end exactly its process afterwards.

    Tables live below `state`/data and outlast the process. Port 0 takes a free one. Whoever reads tables over gRPC
    brings `reading_secret`; where that is empty, the emulator's own secret.

    Raises:
        EmulatorDiedError: it ended, failed, or did not answer within the deadline; says why, or has the end of its log.
        OSError: a port is taken.
    """
    state.mkdir(parents=True, exist_ok=True)
    log, scratch, secret = state / "emulator.log", (state / "scratch").absolute(), secrets.token_hex(32)
    scratch.mkdir(exist_ok=True)
    for left_over in scratch.iterdir():
        left_over.unlink()
    with _held(port) as listening, _held(grpc_port) as reading:
        command = [sys.executable, "-m", "deskcloud.bigquery.emulator.child", "--host", "127.0.0.1"]
        command += ["--port", str(listening), "--grpc-port", str(reading)]
        command += ["--project", project, "--dataset", "local", "--data-dir", str(state / "data")]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                command,
                env=_environment(state, buckets)
                | {SCRATCH: str(scratch), SECRET: secret, READING_SECRET: reading_secret or secret},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal reaches the whole group; the supervisor decides when this process ends.
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{listening}"
        try:
            _wait_until_it_answers(url, {SECRET_HEADER: secret}, process, log, deadline_seconds)
            yield Emulator(url, f"127.0.0.1:{reading}", scratch, secret)
        finally:
            _end(process)


def _environment(state: Path, buckets: Path | None) -> dict[str, str]:
    home = (state / "home").absolute()
    _link_extensions(home)
    root = Path(__file__).parents[2]
    own = {"HOME": str(home), "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    # The clients' own switches must not turn the emulator's requests round to itself.
    passed = {k: v for k, v in os.environ.items() if not k.endswith("_EMULATOR_HOST") and k != "GCS_LOCAL_ROOT"}
    return passed | own | ({"GCS_LOCAL_ROOT": str(buckets.absolute())} if buckets else {})


def _link_extensions(home: Path) -> None:
    with duckdb.connect() as connection:
        version, platform = connection.execute("SELECT version(), platform FROM pragma_platform()").fetchall()[0]
    folder = home / ".duckdb" / "extensions" / version / platform
    folder.mkdir(parents=True, exist_ok=True)
    for name in EXTENSIONS:
        file = extension(name, version)
        link = folder / file.name
        link.unlink(missing_ok=True)
        link.symlink_to(file)


def extension(name: str, version: str) -> Path:
    """The file of one of DuckDB's extensions, as pip installed it.

    Raises:
        EmulatorDiedError: it is not installed.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise EmulatorDiedError(
            f"DuckDB's extension {name} is missing: pip install duckdb-extension-{name}=={version[1:]}"
        )
    return Path(spec.origin).parent / "extensions" / version / f"{name}.duckdb_extension"


@contextlib.contextmanager
def _held(port: int) -> Iterator[int]:
    """Yield the port, or a free one for 0, which nobody is given until the emulator listens there.

    A socket that is bound and does not listen keeps others off, but for one that wants to share the address.
    """
    with socket.create_server(("127.0.0.1", port)) if port else contextlib.nullcontext():
        pass
    with socket.socket() as holder:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            holder.setsockopt(socket.SOL_SOCKET, option, 1)
        holder.bind(("127.0.0.1", port))
        yield holder.getsockname()[1]


def _wait_until_it_answers(
    url: str, headers: dict[str, str], process: subprocess.Popen[bytes], log: Path, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    with httpx.Client(timeout=seconds, trust_env=False, headers=headers) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmulatorDiedError(f"the BigQuery emulator ended with status {process.returncode}:\n{_tail(log)}")
            with contextlib.suppress(httpx.TransportError):
                answer = client.get(f"{url}/bigquery/v2/projects")
                if answer.is_success:
                    return
                # It opens its database at the first request; what keeps it from that does not go away.
                raise EmulatorDiedError(
                    f"the BigQuery emulator cannot open the state in {log.parent}: {_reason(answer)}. "
                    f"Name another state folder, or remove this one; the emulator's log is {log}"
                )
            time.sleep(0.05)
    raise EmulatorDiedError(f"the BigQuery emulator did not answer within {seconds:.0f} s:\n{_tail(log)}")


def _reason(answer: httpx.Response) -> str:
    try:
        message: str = answer.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return f"it answers {answer.status_code}"
    return " ".join(message.split()).rstrip(".")


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()
