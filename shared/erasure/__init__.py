"""Erase one person: out of our tables, the bucket's objects and the destinations."""
