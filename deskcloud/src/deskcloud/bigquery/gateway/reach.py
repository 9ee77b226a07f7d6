"""Refuse requests that BigQuery would refuse, or that the local BigQuery cannot serve.

These are requests with URIs other than gs://, with unknown locations, with external tables, or with legacy SQL.
"""

import re
from collections.abc import Iterable
from typing import Any

from deskcloud.bigquery.gateway.errors import BigQueryError, unsupported

# The names of multi-regions and regions: https://cloud.google.com/bigquery/docs/locations.
_LOCATION = re.compile(r"us|eu|[a-z]+-[a-z]+[0-9]+", re.IGNORECASE)
# The first line of a query may select legacy SQL or GoogleSQL:
# https://cloud.google.com/bigquery/docs/introduction-sql#changing_from_the_default_dialect
_PREFIX = re.compile(r"\s*#(legacy|standard)sql[ \t]*(?:\n|\Z)", re.IGNORECASE)


def check_job(configuration: dict[str, Any]) -> None:
    """Check a job's configuration.

    Raises:
        BigQueryError: the job reads or writes outside Cloud Storage, reads an external table, or uses legacy SQL.
    """
    load, extract, query = (configuration.get(kind) or {} for kind in ("load", "extract", "query"))
    _check_uris(load.get("sourceUris") or (), "Source URI must be a Google Cloud Storage location")
    written = [*(extract.get("destinationUris") or ()), *filter(None, [extract.get("destinationUri")])]
    _check_uris(written, "Destination URI must be a Google Cloud Storage location")
    _check_dialect(query)
    if query.get("tableDefinitions"):
        raise unsupported(f"The external table {', '.join(query['tableDefinitions'])}")


def check_table(resource: Any) -> None:
    """Check a table's resource.

    Raises:
        BigQueryError: the table is external, or is a view in legacy SQL.
    """
    if isinstance(resource, dict) and (view := resource.get("view")):
        _check_dialect(view)
    if isinstance(resource, dict) and resource.get("externalDataConfiguration"):
        uris = resource["externalDataConfiguration"].get("sourceUris") or ["no URI"]
        raise unsupported(f"An external table of {', '.join(map(str, uris))}")


def location(named: str | None) -> str:
    """Check the location that a job names. Return the location, or "" if the job names none.

    Raises:
        BigQueryError: BigQuery has no such location.
    """
    if named and not _LOCATION.fullmatch(named):
        raise BigQueryError("invalid", f"Location {named} does not support this operation.")
    return named or ""


def _check_dialect(query: dict[str, Any]) -> None:
    """Refuse legacy SQL. A request selects legacy SQL by an option, or by the first line of the query."""
    option, prefix = query.get("useLegacySql"), _PREFIX.match(str(query.get("query") or ""))
    is_legacy = prefix and prefix[1].lower() == "legacy"
    if prefix and option is not None and bool(option) != is_legacy:
        said, asked = str(is_legacy).lower(), str(bool(option)).lower()
        message = f"Query text specifies use_legacy_sql:{said}, while API options specify:{asked}"
        raise BigQueryError("invalidQuery", message)
    if option or is_legacy:
        raise unsupported("Legacy SQL")


def _check_uris(uris: Iterable[str], otherwise: str) -> None:
    for uri in uris:
        if not uri.startswith("gs://"):
            raise BigQueryError("invalid", f"{otherwise}: {uri}")
