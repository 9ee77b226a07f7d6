"""The sections of the report, one module each.

`asks` returns the statements that a section needs. `tell` makes the section from their rows.
"""
