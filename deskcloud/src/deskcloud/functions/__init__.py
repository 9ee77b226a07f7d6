"""A local Cloud Functions: all functions run by functions-framework, in their own processes."""

from deskcloud.functions.process import WARM_UP
from deskcloud.functions.serving import FunctionsError, OnLine, serve

__all__ = ["WARM_UP", "FunctionsError", "OnLine", "serve"]
