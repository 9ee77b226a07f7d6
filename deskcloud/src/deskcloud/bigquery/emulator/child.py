"""Run the emulator in a process in which pandas cannot be imported.

DuckDB tries to import pandas twice per query. If pandas is not installed, the search for pandas takes half of the time
of a short query. If pandas is installed, Google's table reader imports it, which adds 0.4 s to each start. In this
process, an import of pandas fails at once.

The engine V8 runs functions that are written in JavaScript. If V8 protects its memory with the processor's memory
protection keys, a thread that was started before V8 cannot access this memory. The thread's first call of V8 would then
end the process. Therefore this module starts V8 without these keys.
"""

import importlib
import sys

from py_mini_racer import DEFAULT_V8_FLAGS, init_mini_racer

from deskcloud.bigquery.emulator import patching

if __name__ == "__main__":
    sys.modules["pandas"] = None  # type: ignore[assignment]  # None makes every import of pandas fail
    init_mini_racer(flags=(*DEFAULT_V8_FLAGS, "--no-memory-protection-keys"), ignore_duplicate_init=True)
    patching.check_versions()
    importlib.import_module("deskcloud.bigquery.emulator.service").main()
