"""The emulator's process, in which nothing finds pandas.

DuckDB looks for pandas twice a query, which takes half of a short one's time where it is not installed. Where it is,
Google's reader of tables imports it: 0.4 s of each start.
"""

import importlib
import sys

from deskcloud.bigquery.emulator import patching

if __name__ == "__main__":
    sys.modules["pandas"] = None  # type: ignore[assignment]  # how Python marks what cannot be imported
    patching.check_versions()
    importlib.import_module("deskcloud.bigquery.emulator.service").main()
