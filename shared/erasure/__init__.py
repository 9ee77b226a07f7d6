"""Erase a person from our tables, the bucket's objects and the destinations."""
