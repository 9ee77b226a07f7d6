"""Run Pub/Sub in a thread of this process. The thread has its own event loop."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import grpc

from deskcloud.pubsub.broker import Broker
from deskcloud.pubsub.push import Pusher
from deskcloud.pubsub.queues import Progress
from deskcloud.pubsub.routes import Routes
from deskcloud.pubsub.state import Store

_log = logging.getLogger(__name__)

_OPTIONS = [
    # Without so_reuseport = 0, two servers could share a port, so a taken port would not raise an error.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 20_000_000),
    ("grpc.max_send_message_length", -1),
]


class Server:
    """A running Pub/Sub. Any thread may call the methods."""

    def __init__(self, state: Path, port: int, push_concurrency: int) -> None:
        self._state = state
        self._port = port
        self._push_concurrency = push_concurrency
        self._observers: list[Callable[[Progress], None]] = []
        self._loop: asyncio.AbstractEventLoop
        self._broker: Broker
        self._stop: asyncio.Event
        self._thread: threading.Thread
        self.host = ""
        """The value of PUBSUB_EMULATOR_HOST, 127.0.0.1:PORT."""

    def on_delivery(self, callback: Callable[[Progress], None]) -> None:
        """Call `callback` in the server's thread with each outcome of a delivery. The callback must be fast."""
        self._observers.append(callback)

    def idle(self) -> bool:
        """Return whether all messages of push subscriptions are acknowledged.

        A callback of `on_delivery` must not call this method, because the call would wait forever.
        """

        async def count() -> int:
            return sum(len(queue) for queue in self._broker.queues if queue.is_push)

        return asyncio.run_coroutine_threadsafe(count(), self._loop).result() == 0

    def start(self) -> None:
        """Start the service and wait until it answers.

        Raises:
            OSError: the port is taken.
            StateInUseError: another process uses the state folder.
        """
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="pubsub", daemon=True)
        self._thread.start()
        started.result()

    def stop(self) -> None:
        """Stop the service. Unacknowledged messages are delivered again after the next start."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self, started: "Future[None]") -> None:
        async def main() -> None:
            async with contextlib.AsyncExitStack() as stack:
                try:
                    await self._serve(stack)
                except BaseException as error:  # noqa: BLE001 raised again in the thread that starts the server
                    started.set_exception(error)
                    return
                started.set_result(None)
                await self._stop.wait()

        asyncio.run(main())

    async def _serve(self, stack: contextlib.AsyncExitStack) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        store = Store(self._state)
        stack.callback(store.close)
        self._broker = Broker(store, self._observe)
        pusher = Pusher(self._push_concurrency)
        stack.push_async_callback(pusher.close)
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(Routes(self._broker, pusher, store).handlers())
        try:
            port = server.add_insecure_port(f"127.0.0.1:{self._port}")
        except RuntimeError as error:
            raise OSError(f"127.0.0.1:{self._port} is taken; give Pub/Sub another port") from error
        await server.start()
        stack.push_async_callback(server.stop, grace=0.1)
        self.host = f"127.0.0.1:{port}"
        for queue in self._broker.queues:
            pusher.follow(queue)

    def _observe(self, progress: Progress) -> None:
        for observer in self._observers:
            try:
                observer(progress)
            except Exception:  # noqa: BLE001 a failing observer must not stop deliveries
                _log.exception("an observer of deliveries failed")


@contextlib.contextmanager
def serve(state: Path, port: int = 0, push_concurrency: int = 8) -> Iterator[Server]:
    """Yield a Pub/Sub on 127.0.0.1 that keeps its state in the folder `state`. Port 0 means any free port.

    `push_concurrency` is the maximum number of concurrent requests per push subscription.

    Raises:
        OSError: the port is taken.
        StateInUseError: another process uses the state folder.
    """
    server = Server(state, port, push_concurrency)
    server.start()
    try:
        yield server
    finally:
        server.stop()
