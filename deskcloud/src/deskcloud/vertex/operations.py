"""Run long-running operations, which continue after a restart of the process."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from deskcloud.jsonstore import Document, Documents
from deskcloud.vertex import wire as fields
from deskcloud.vertex.errors import NotFoundError, VertexError

_logger = logging.getLogger(__name__)
_TYPES = "type.googleapis.com/google.cloud.aiplatform.v1."
# Resources and operations are stored in the same database. An operation's name begins with the name of its resource, so
# the keys of operations have this prefix. Then no search for resources finds operations.
_KEY = "operation:"
_EMPTY = "type.googleapis.com/google.protobuf.Empty"


@dataclass(frozen=True, slots=True)
class Action:
    """The work of one kind of operation. If the process ends before `apply` has returned, the work runs again.

    apply: changes the stored resources and returns the response, in the same transaction that ends the operation
    prepare: the slow part of the work, which runs before `apply`
    metadata: the name of Vertex AI's metadata message
    response: the name of Vertex AI's response message, or None for google.protobuf.Empty
    """

    apply: Callable[[Document], Document]
    metadata: str
    response: str | None
    prepare: Callable[[Document], object] = lambda _arguments: None


class Operations:
    """Runs operations in threads and stores the results. Unfinished operations start again after a restart."""

    def __init__(self, documents: Documents, actions: Mapping[str, Action]) -> None:
        self._documents, self._actions = documents, actions
        self._threads = ThreadPoolExecutor(2, "vertex-operation")
        self._changed = threading.Condition()

    def resume(self) -> None:
        """Start all unfinished operations again."""
        for kept in self._unfinished():
            self._threads.submit(self._run, kept["operation"]["name"], kept["action"], kept["arguments"])

    def unfinished(self) -> list[Document]:
        """Return the arguments of all unfinished operations."""
        return [kept["arguments"] for kept in self._unfinished()]

    def _unfinished(self) -> list[Document]:
        found = self._documents.matching(f"{_KEY}*")
        return [kept for _, kept in found if not kept["operation"].get("done")]

    def close(self) -> None:
        """Wait for running operations. Operations that have not begun will run after the next start."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def start(self, parent: str, action: str, arguments: Document) -> Document:
        """Start `action` and return the unfinished operation.

        `parent` is the name of the resource that the action changes. The operation's name begins with `parent`.
        """
        name, time = f"{parent}/operations/{fields.new_id()}", fields.now()
        metadata = {
            "@type": _TYPES + self._actions[action].metadata,
            "genericMetadata": {"createTime": time, "updateTime": time},
        }
        operation: Document = {"name": name, "metadata": metadata}
        self._documents.put(_KEY + name, {"operation": operation, "action": action, "arguments": arguments})
        self._threads.submit(self._run, name, action, arguments)
        return operation

    def get(self, name: str) -> Document:
        """Return the operation.

        Raises:
            NotFoundError: no operation has that name.
        """
        kept = self._documents.get(_KEY + name)
        if kept is None:
            raise NotFoundError(f"Operation {name} is not found.")
        operation: Document = kept["operation"]
        return operation

    def wait(self, name: str, seconds: float) -> Document:
        """Wait until the operation is done, but at most `seconds`, and return the operation.

        Raises:
            NotFoundError: no operation has that name.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.get(name).get("done"), seconds)
        return self.get(name)

    def below(self, parent: str) -> list[Document]:
        """Return all operations of `parent`, which is a location, a model or an endpoint."""
        return [kept["operation"] for _, kept in self._documents.matching(f"{_KEY}{parent}/*operations/*")]

    def _run(self, name: str, action: str, arguments: Document) -> None:
        try:
            self._actions[action].prepare(arguments)
            with self._documents.transaction():
                response = self._actions[action].apply(arguments)
                kind = self._actions[action].response
                self._end(name, "response", {"@type": _TYPES + kind if kind else _EMPTY, **response})
        except VertexError as error:
            self._end(name, "error", error.result())
        except Exception as error:
            _logger.exception("operation %s failed", name)
            self._end(name, "error", VertexError(f"{type(error).__name__}: {error}").result())
        with self._changed:
            self._changed.notify_all()

    def _end(self, name: str, outcome: str, value: dict[str, Any]) -> None:
        kept = self._documents.get(_KEY + name)
        if kept is None:
            return
        operation = kept["operation"] | {"done": True, outcome: value}
        operation["metadata"]["genericMetadata"]["updateTime"] = fields.now()
        self._documents.put(_KEY + name, kept | {"operation": operation})
