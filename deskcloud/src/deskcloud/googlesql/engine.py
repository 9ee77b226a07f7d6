"""Load GoogleSQL's WebAssembly module and call it. The compiled machine code is kept in the user's cache folder."""

import contextlib
import ctypes
import fcntl
import os
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tzdata
import wasmtime
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

from deskcloud.googlesql.errors import Crashed, Failed, Refused

_ERROR = re.compile(r"Code: (\d+), Message: (.*)", re.DOTALL)

# The status code of a valid statement that fails when it runs. A refused statement has another code.
_OUT_OF_RANGE = 11
_KEPT_CATALOGS = 32
_LENGTH = 4
_BUFFER = 1 << 16


class Engine:
    """An instance of GoogleSQL's WebAssembly module. Threads can share an engine, but only one call runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._catalogs: OrderedDict[bytes, int] = OrderedDict()
        config = wasmtime.Config()
        config.shared_memory = True
        self._wasm = wasmtime.Engine(config)
        self._module = _compiled(self._wasm)
        self._start()

    def call[M: Message](self, method: str, request: Message, answer: type[M]) -> M:
        """Call a method of GoogleSQL's local service.

        Raises:
            Refused: GoogleSQL refuses the request. The message comes from GoogleSQL.
            Crashed: the module failed and was restarted.
        """
        with self._lock:
            try:
                content = self._call(f"ZetaSqlLocalService_{method}", request.SerializeToString())
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                # Restart the module, because its memory may be corrupt.
                self._start()
                raise Crashed(f"GoogleSQL's module failed: {str(error).splitlines()[0]}") from error
        made: M = answer.FromString(content)
        return made

    def call_with_catalog[M: Message](
        self, method: str, request: Any, answer: type[M], catalog: service.RegisterCatalogRequest
    ) -> M:
        """Register `catalog`, and call a method whose request needs the catalog. The errors are as in `call`.

        Building a catalog's functions takes nine tenths of the time of an analysis. So the 32 most recently used
        catalogs, of 0.6 MB each, stay registered in the WebAssembly module.
        """
        with self._lock:
            request.registered_catalog_id = self._registered(catalog)
            return self.call(method, request, answer)

    def _registered(self, catalog: service.RegisterCatalogRequest) -> int:
        key = catalog.SerializeToString(deterministic=True)
        number = self._catalogs.pop(key, None)
        if number is None:
            number = self.call("RegisterCatalog", catalog, service.RegisterResponse).registered_id
        self._catalogs[key] = number
        if len(self._catalogs) > _KEPT_CATALOGS:
            _, oldest = self._catalogs.popitem(last=False)
            self.call("UnregisterCatalog", service.UnregisterRequest(registered_id=oldest), Empty)
        return int(number)

    def _start(self) -> None:
        self._catalogs.clear()
        # The address of the buffer for requests in the module's memory, and its size in bytes.
        self._buffer = self._capacity = 0
        self._store = wasmtime.Store(self._wasm)
        wasi = wasmtime.WasiConfig()
        wasi.preopen_dir(str(Path(tzdata.__file__).parent / "zoneinfo"), "/usr/share/zoneinfo")
        self._store.set_wasi(wasi)
        linker = wasmtime.Linker(self._wasm)
        linker.define_wasi()
        self._exports: Any = linker.instantiate(self._store, self._module).exports(self._store)
        self._function("_initialize")
        self._reserve(_BUFFER)

    def _function(self, name: str, *arguments: int) -> int:
        result: int = self._exports[name](self._store, *arguments)
        return result

    def _call(self, method: str, request: bytes) -> bytes:
        """Call an exported function with a request. The first four bytes of the buffer receive the answer's length.

        The buffer is kept for later requests. A new buffer would need another call of the module, and each call lets
        other threads run, which can take 5 ms.
        """
        if _LENGTH + len(request) > self._capacity:
            self._reserve(_LENGTH + len(request))
        self._write(self._buffer + _LENGTH, request)
        answered = self._function(method, self._buffer + _LENGTH, len(request), self._buffer)
        if not answered:
            raise self._last_error()
        answer = self._read(answered, int.from_bytes(self._read(self._buffer, _LENGTH), "little"))
        self._function("wasm_free", answered)
        return answer

    def _reserve(self, size: int) -> None:
        if self._buffer:
            self._function("wasm_free", self._buffer)
        self._buffer, self._capacity = self._function("wasm_malloc", size), size

    def _last_error(self) -> Refused:
        length = self._function("wasm_get_last_error_size")
        text = self._read(self._function("wasm_get_last_error"), length).decode(errors="replace")
        match = _ERROR.match(text)
        if match is None:
            return Refused(text)
        return (Failed if int(match[1]) == _OUT_OF_RANGE else Refused)(match[2])

    # A call may move the module's memory, so the memory's address is read each time.
    def _address(self) -> int:
        return ctypes.addressof(self._exports["memory"].data_ptr().contents)

    def _write(self, address: int, data: bytes) -> None:
        ctypes.memmove(self._address() + address, data, len(data))

    def _read(self, address: int, size: int) -> bytes:
        return ctypes.string_at(self._address() + address, size)


@cache
def engine() -> Engine:
    """Return this process's engine. The first call takes 0.2 s, or 35 s of CPU time if the module must be compiled."""
    return Engine()


def _compiled(engine: wasmtime.Engine) -> wasmtime.Module:
    """Return the compiled WebAssembly module. Load it from the cache, or compile and cache it if loading fails."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "propensity"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"googlesql-{version('zetasql')}-wasmtime-{version('wasmtime')}.cwasm"
    with _only_one_process(file.with_suffix(".lock")):
        if file.exists():
            with contextlib.suppress(wasmtime.WasmtimeError):
                return wasmtime.Module.deserialize_file(engine, str(file))
        print("compiling Google's SQL analyzer, once: about 20 s on two cores ...", file=sys.stderr)  # noqa: T201
        module = wasmtime.Module.from_file(engine, get_wasm_path())
        part = file.with_suffix(".part")
        part.write_bytes(module.serialize())
        part.rename(file)
        return module


@contextlib.contextmanager
def _only_one_process(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
