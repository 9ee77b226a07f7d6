"""Run `local-bigquery` for as long as the process that started it lives.

Standard input is a pipe whose other end the parent holds. It closes however the parent ends, even by SIGKILL, and
this process goes with it: no orphan is left that keeps the ports and the database's lock.
"""

import os
import sys
import threading

import uvicorn.config
from local_bigquery import cli

from local.bigquery import emulator_mends


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    emulator_mends.apply()
    # A line for each request would make the log grow for ever.
    uvicorn.config.LOGGING_CONFIG["loggers"]["uvicorn.access"]["level"] = "WARNING"
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    cli.main(sys.argv[1:])
