"""Start the functions, keep them running, and stop them."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deskcloud import jsontext
from deskcloud.functions import proxy
from deskcloud.functions.arriving import GUARD, arguments
from deskcloud.functions.process import FunctionsError, OnLine, Process
from deskcloud.web import serving as asgi
from deskcloud.web.guard import Rules
from deskcloud.web.patience import Patience

__all__ = ["FunctionsError", "OnLine", "serve"]


@contextlib.contextmanager
def serve(
    source: Path,
    names: list[str],
    env: Mapping[str, str],
    port: int = 0,
    on_line: OnLine = lambda _service, _line: None,
    *,
    threads: int = 8,
    is_isolated: bool = False,
    rules: Rules = Rules(),  # noqa: B008 - Rules is immutable
    waits: Patience = Patience(),  # noqa: B008 - as above
) -> Iterator[str]:
    """Yield the base URL while `source` (a main.py) serves the functions `names`.

    The address of a function is URL/FUNCTION. The endpoint of a push subscription is URL/FUNCTION/projects/P/topics/T,
    because functions-framework reads the topic from the path. A process that dies is replaced.

    Args:
        source: the file with the functions. Each process executes the file once for each of its functions.
        names: the functions' entry points.
        env: environment variables for the processes, in addition to this process's environment.
        port: the port on 127.0.0.1. 0 means any free port.
        on_line: called from another thread with (service, line) for each printed line.
        threads: the maximum number of concurrent requests per process.
        is_isolated: run one process per function with the variable K_SERVICE, as on Google Cloud. Otherwise, one
            process serves all functions.
        rules: the access rules of the port.
        waits: the time limits within which a request must arrive.

    Raises:
        FunctionsError: the source does not exist, or a process does not start.
        OSError: the port is taken.
    """
    source = source.resolve()
    if not source.is_file():
        raise FunctionsError(f"{source} does not exist; give the main.py that defines the functions")
    env = {**env, GUARD: jsontext.text(arguments(rules, waits))}
    with contextlib.ExitStack() as stack:
        if is_isolated:
            processes = {
                name: Process(source, [name], {**env, "K_SERVICE": name.replace("_", "-")}, 0, threads, on_line)
                for name in names
            }
        else:
            processes = {"": Process(source, names, env, port, threads, on_line)}
        stack.callback(_all_at_once, Process.stop, processes.values())
        _all_at_once(Process.start, processes.values())
        if is_isolated:
            urls = {name: process.url for name, process in processes.items()}
            yield stack.enter_context(asgi.serve(proxy.create_app(urls), port, rules, waits))
        else:
            yield processes[""].url


def _all_at_once(step: Callable[[Process], None], processes: Collection[Process]) -> None:
    with ThreadPoolExecutor(len(processes)) as pool:
        for done in [pool.submit(step, process) for process in processes]:
            done.result()
