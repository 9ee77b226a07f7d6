"""The sections of the report, one module each: `asks` names its statements, `tell` makes it from their rows."""
