"""The entry points of all functions, as Google Cloud expects them in main.py.

An entry point is imported at its first use, so a deployed instance imports only the modules of its own function.
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
        raise AttributeError(f"functions/ has no function {name!r}") from None
