"""Cloud Functions: every function behind functions-framework, in processes of their own."""

from local.functions.serving import FunctionsError, OnLine, serve

__all__ = ["FunctionsError", "OnLine", "serve"]
