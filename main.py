"""What Google Cloud builds: every function's entry point, found when asked for.

A deployed instance serves one function and pays for that one's imports alone.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Return the entry point `name` of functions/name.py."""
    try:
        return getattr(import_module(f"functions.{name}"), name)
    except ModuleNotFoundError as error:
        if error.name != f"functions.{name}":
            raise
        raise AttributeError(f"there is no function {name!r} in functions/") from None
