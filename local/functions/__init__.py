"""Cloud Functions: every function behind functions-framework, in processes of their own."""

from local.functions.process import WARM_UP
from local.functions.serving import FunctionsError, OnLine, serve

__all__ = ["WARM_UP", "FunctionsError", "OnLine", "serve"]
