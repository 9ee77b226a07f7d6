"""What a request may name beside SQL: objects of Cloud Storage, and no other place."""

from collections.abc import Iterable
from typing import Any

from local.bigquery.errors import BigQueryError, unsupported


def check_job(configuration: dict[str, Any]) -> None:
    """Let a job's configuration pass.

    Raises:
        BigQueryError: it reads from or writes to another place.
    """
    load, extract, query = (configuration.get(kind) or {} for kind in ("load", "extract", "query"))
    _check_uris(load.get("sourceUris") or (), "Source URI must be a Google Cloud Storage location")
    written = [*(extract.get("destinationUris") or ()), *filter(None, [extract.get("destinationUri")])]
    _check_uris(written, "Destination URI must be a Google Cloud Storage location")
    if query.get("tableDefinitions"):
        raise unsupported(f"The external table {', '.join(query['tableDefinitions'])}")


def check_table(resource: Any) -> None:
    """Let a table's resource pass.

    Raises:
        BigQueryError: its rows lie in another place.
    """
    if isinstance(resource, dict) and resource.get("externalDataConfiguration"):
        uris = resource["externalDataConfiguration"].get("sourceUris") or ["no URI"]
        raise unsupported(f"An external table of {', '.join(map(str, uris))}")


def _check_uris(uris: Iterable[str], otherwise: str) -> None:
    for uri in uris:
        if not uri.startswith("gs://"):
            raise BigQueryError("invalid", f"{otherwise}: {uri}")
