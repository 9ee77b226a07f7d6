"""Start the package `local-bigquery` as its own process on 127.0.0.1, without any download.

The emulator expects DuckDB's extensions below HOME. Therefore HOME is a folder in the state folder, with links to the
extensions that pip installed.

The emulator reads `gs://` paths from the folder `buckets`, where the storage service stores each object as the file
BUCKET/OBJECT. The emulator must not write to this folder, because only the storage service writes an object's metadata
and generation. The gateway (`outbound.py`) therefore lets the emulator write to a scratch file, and uploads the file.
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
from deskcloud.web.plain import NO_TLS


class EmulatorDiedError(RuntimeError):
    """The emulator did not start. The message contains the end of the emulator's log."""


@dataclass(frozen=True)
class Emulator:
    """The addresses and the secret of a running emulator."""

    url: str
    grpc_address: str
    """Address of the Storage Read API."""
    scratch: Path
    """Folder for files that are exchanged with the emulator."""
    secret: str
    """Each HTTP request must send this secret in the header SECRET_HEADER."""


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
    """Start the emulator and yield once it answers. At the end, stop the emulator's process.

    Tables are stored below `state`/data and are kept after the process has ended. Port 0 means a free port. Clients of
    the gRPC API must send `reading_secret`, or the emulator's secret if `reading_secret` is empty.

    Raises:
        EmulatorDiedError: the emulator ended, failed or did not answer in time; the message says why.
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
            process = subprocess.Popen(  # noqa: S603 - interpreter and arguments are our own
                command,
                env=_environment(state, buckets)
                | {SCRATCH: str(scratch), SECRET: secret, READING_SECRET: reading_secret or secret},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal goes to the whole process group, but only the supervisor may end this process.
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
    # The variables *_EMULATOR_HOST are for clients. They must not redirect the emulator's own requests.
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
    """Return the file of a DuckDB extension that pip installed.

    Raises:
        EmulatorDiedError: the extension is not installed.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise EmulatorDiedError(
            f"DuckDB's extension {name} is missing: pip install duckdb-extension-{name}=={version[1:]}"
        )
    return Path(spec.origin).parent / "extensions" / version / f"{name}.duckdb_extension"


@contextlib.contextmanager
def _held(port: int) -> Iterator[int]:
    """Yield `port`, or a free port if `port` is 0. Keep the port reserved until the emulator listens on it.

    The port is reserved by a socket that is bound and does not listen. Other sockets can use the port only with
    SO_REUSEPORT, as the emulator does.
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
    with httpx.Client(timeout=seconds, trust_env=False, verify=NO_TLS, headers=headers) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmulatorDiedError(f"the BigQuery emulator ended with status {process.returncode}:\n{_tail(log)}")
            with contextlib.suppress(httpx.TransportError):
                answer = client.get(f"{url}/bigquery/v2/projects")
                if answer.is_success:
                    return
                # End the start here. The emulator has failed to open its database, and every later request would fail
                # too.
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
