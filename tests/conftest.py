"""Fixtures that several folders share; each lives in tests/fixtures beside what it starts."""

pytest_plugins = ["fixtures.bigquery", "fixtures.chain", "fixtures.storage", "fixtures.vertex"]
