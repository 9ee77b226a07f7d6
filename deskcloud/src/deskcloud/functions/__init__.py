"""Cloud Functions: every function behind functions-framework, in processes of their own."""

from deskcloud.functions.process import WARM_UP
from deskcloud.functions.serving import FunctionsError, OnLine, serve

__all__ = ["WARM_UP", "FunctionsError", "OnLine", "serve"]
