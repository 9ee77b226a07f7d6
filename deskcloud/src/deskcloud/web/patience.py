"""Limit the time that a request may take to arrive, so that slow clients do not block other clients."""

import asyncio
from dataclasses import dataclass
from typing import Any

import h11

from deskcloud.web.resets import ResettableProtocol

TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True)
class Patience:
    """Maximum times, in seconds, until the first byte, the whole head and the whole body of a request have arrived.

    The time for a body grows with its size: one second for every `bytes_a_second` bytes.
    """

    first_byte: float = 75.0
    head: float = 10.0
    body: float = 30.0
    bytes_a_second: float = 10_000.0

    def seconds(self, received: int, *, has_head: bool) -> float:
        """Return the maximum age, in seconds, of a request that is still arriving.

        The age counts from the first byte. `received` is the number of bytes that have arrived. `has_head` says whether
        the whole head has arrived. If not, the limit for heads applies.
        """
        return self.body + received / self.bytes_a_second if has_head else self.head


def protocol(waits: Patience) -> type[ResettableProtocol]:
    """Return an HTTP protocol class for uvicorn.

    The protocol closes a connection if a request takes longer to arrive than `waits` allows.
    """
    return type("PatientProtocol", (_PatientProtocol,), {"waits": waits})


class _PatientProtocol(ResettableProtocol):
    waits: Patience

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._began = 0.0
        self._received = 0
        self._was_paused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(self.loop.time() + self.waits.first_byte)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._received or self._was_paused:
            # After a pause of reading, count the time from now, because the app has caused the pause, not the client.
            self._began = self.loop.time()
        self._received += len(data)
        super().data_received(data)
        self._was_paused = self.flow.read_paused
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        """Set the timer for the rest of a request. If the request is complete, clear the timer."""
        has_head = self.conn.their_state is h11.SEND_BODY
        has_begun = bool(self.conn.trailing_data[0]) and self.conn.their_state is h11.IDLE
        if has_head or has_begun:
            self._arm(self._began + self.waits.seconds(self._received, has_head=has_head))
        else:
            self._received = 0
            self._disarm()

    def _arm(self, at: float) -> None:
        self._disarm()
        self._timer = self.loop.call_at(at, self._give_up)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if self.flow.read_paused:
            # Reading is paused. Wait longer, because the app has caused this pause, not the client.
            self._arm(self.loop.time() + self.waits.body)
            return
        if self._received and self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE:
            self.transport.write(TIMED_OUT)
        self.transport.close()
