"""Run the emulator in a process in which pandas cannot be imported.

DuckDB tries to import pandas twice per query. If pandas is not installed, the search for pandas takes half of the time
of a short query. If pandas is installed, Google's table reader imports it, which adds 0.4 s to each start. In this
process, an import of pandas fails at once.
"""

import importlib
import sys

from deskcloud.bigquery.emulator import patching

if __name__ == "__main__":
    sys.modules["pandas"] = None  # type: ignore[assignment]  # how Python marks what cannot be imported
    patching.check_versions()
    importlib.import_module("deskcloud.bigquery.emulator.service").main()
