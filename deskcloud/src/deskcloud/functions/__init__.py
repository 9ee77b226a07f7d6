"""Serve functions as Cloud Functions does, with functions-framework.

One process serves all functions, or each function has its own process.
"""

from deskcloud.functions.process import WARM_UP
from deskcloud.functions.serving import FunctionsError, OnLine, serve

__all__ = ["WARM_UP", "FunctionsError", "OnLine", "serve"]
