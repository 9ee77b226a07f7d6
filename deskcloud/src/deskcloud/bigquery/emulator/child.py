"""The emulator's process, in which pandas cannot be imported.

DuckDB tries to import pandas twice per query. Without pandas, that takes half the time of a short query. With pandas,
Google's reader of tables imports it, which adds 0.4 s to each start.
"""

import importlib
import sys

from deskcloud.bigquery.emulator import patching

if __name__ == "__main__":
    sys.modules["pandas"] = None  # type: ignore[assignment]  # how Python marks what cannot be imported
    patching.check_versions()
    importlib.import_module("deskcloud.bigquery.emulator.service").main()
