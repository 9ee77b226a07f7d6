"""Send an audit entry about each finished job to Cloud Logging.

The entries have the format BigQueryAuditMetadata, which is newer than BigQuery's other format, AuditData.
"""

import datetime as dt
import json
import logging
from typing import Any

import httpx

from deskcloud import jsontext
from deskcloud.bigquery.gateway.state import Database
from deskcloud.bigquery.gateway.waking import WakingThread
from deskcloud.web.plain import NO_TLS

_LOG = logging.getLogger(__name__)
_TYPES = {"query": "QUERY", "load": "IMPORT", "copy": "COPY", "extract": "EXPORT"}
# Map BigQuery's error reasons to codes of google.rpc.Code.
_CODES = {"stopped": 1, "notFound": 5, "duplicate": 6, "accessDenied": 7, "conditionNotMet": 9, "notImplemented": 12}
_CODES |= {"invalid": 3, "invalidQuery": 3, "internalError": 13, "backendError": 14}
# BigQueryAuditMetadata has only these statement types, although jobs can have further types.
STATEMENT_TYPES = frozenset(
    {
        *("SELECT", "ASSERT", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE_TABLE", "SCRIPT", "CALL"),
        *("EXPORT_DATA", "CREATE_TABLE", "CREATE_TABLE_AS_SELECT", "CREATE_VIEW", "CREATE_MODEL"),
        *("CREATE_MATERIALIZED_VIEW", "CREATE_FUNCTION", "CREATE_TABLE_FUNCTION", "CREATE_PROCEDURE"),
        *("CREATE_ROW_ACCESS_POLICY", "CREATE_SCHEMA", "CREATE_SNAPSHOT_TABLE", "CREATE_EXTERNAL_TABLE"),
        *("DROP_TABLE", "DROP_EXTERNAL_TABLE", "DROP_VIEW", "DROP_MODEL", "DROP_MATERIALIZED_VIEW", "DROP_FUNCTION"),
        *("DROP_PROCEDURE", "DROP_SCHEMA", "DROP_ROW_ACCESS_POLICY", "DROP_SNAPSHOT_TABLE", "ALTER_TABLE"),
        *("ALTER_VIEW", "ALTER_MATERIALIZED_VIEW", "ALTER_SCHEMA"),
    }
)
_LONGEST_QUERY = 50_000
_RETRY_SECONDS = (0.2, 0.5, 1, 2, 5)


class Audit:
    """A persistent queue of audit entries. The text of an entry is deleted once Cloud Logging has accepted it."""

    def __init__(self, database: Database, url: str | None) -> None:
        self._database = database
        self._url = url
        self._http = httpx.Client(timeout=10, trust_env=False, verify=NO_TLS)
        self._failures = 0
        self._thread = WakingThread("bigquery-audit", self._send) if url else None

    @property
    def is_on(self) -> bool:
        """Return whether audit entries are sent to Cloud Logging."""
        return self._thread is not None

    def tell(self, job: dict[str, Any]) -> None:
        """Queue the audit entry of a finished job. The entry is queued only once, even if the call is repeated."""
        if self._thread is None:
            return
        reference = job["jobReference"]
        self._database.execute(
            "INSERT OR IGNORE INTO audit VALUES (?, ?, ?, FALSE)",
            reference["projectId"],
            reference["jobId"],
            jsontext.text(entry(job)),
        )
        self._database.prune()
        self._thread.wake()

    def close(self) -> None:
        """Stop sending. The queued entries are sent after the next start."""
        if self._thread is not None:
            self._thread.close()
        self._http.close()

    def _send(self) -> float | None:
        """Send the queued entries.

        If Cloud Logging did not accept the entries, return the seconds until the next attempt. Otherwise, return None.
        """
        self._failures = 0 if self._is_sent() else self._failures + 1
        return _RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS)) - 1] if self._failures else None

    def _is_sent(self) -> bool:
        """Send the queued entries. Return False if Cloud Logging did not accept them."""
        rows = self._database.execute("SELECT project, job, entry FROM audit WHERE NOT sent ORDER BY rowid")
        if not rows:
            return True
        try:
            body = {"entries": [json.loads(text) for _, _, text in rows]}
            self._http.post(f"{self._url}/v2/entries:write", json=body).raise_for_status()
        except httpx.HTTPError as error:
            _LOG.warning("Cloud Logging did not accept the audit entries, will retry: %r", error)
            return False
        for project, job, _ in rows:
            self._database.execute(
                "UPDATE audit SET sent = TRUE, entry = '' WHERE (project, job) = (?, ?)", project, job
            )
        return True


def entry(job: dict[str, Any]) -> dict[str, Any]:
    """Return the LogEntry of a finished job. `job` is the job's resource."""
    project, job_id = job["jobReference"]["projectId"], job["jobReference"]["jobId"]
    status = _status(job["status"].get("errorResult"))
    name = f"projects/{project}/jobs/{job_id}"
    return {
        "logName": f"projects/{project}/logs/cloudaudit.googleapis.com%2Fdata_access",
        "resource": {
            "type": "bigquery_project",
            "labels": {"project_id": project, "location": job["jobReference"].get("location", "US")},
        },
        "timestamp": _time(job["statistics"]["endTime"]),
        "severity": "ERROR" if status else "INFO",
        # Cloud Logging drops a second entry with the same insertId, so it does no harm if an entry is sent twice.
        "insertId": f"{project}:{job_id}",
        "operation": {"id": f"{project}:{job_id}", "producer": "bigquery.googleapis.com", "last": True},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "bigquery.googleapis.com",
            "methodName": "google.cloud.bigquery.v2.JobService.InsertJob",
            "resourceName": name,
            "authenticationInfo": {"principalEmail": job.get("user_email", "")},
            "status": status,
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.audit.BigQueryAuditMetadata",
                "jobChange": {
                    "before": "RUNNING",
                    "after": "DONE",
                    "job": {
                        "jobName": name,
                        "jobConfig": _configuration(job),
                        "jobStatus": {"jobState": "DONE"} | ({"errorResult": status} if status else {}),
                        "jobStats": _times(job["statistics"]),
                    },
                },
            },
        },
    }


def _status(error: dict[str, Any] | None) -> dict[str, Any]:
    if not error:
        return {}
    return {"code": _CODES.get(error.get("reason", ""), 2), "message": error.get("message", "")}


def _configuration(job: dict[str, Any]) -> dict[str, Any]:
    configuration = job["configuration"]
    kind = next(kind for kind in _TYPES if kind in configuration)
    given = configuration[kind]
    shown: dict[str, Any] = {"type": _TYPES[kind]}
    if labels := configuration.get("labels"):
        shown["labels"] = labels
    details: dict[str, Any] = {}
    if table := given.get("destinationTable"):
        details["destinationTable"] = "projects/{projectId}/datasets/{datasetId}/tables/{tableId}".format(**table)
    if kind == "query":
        details["query"] = given["query"][:_LONGEST_QUERY]
        statement_type = job["statistics"].get("query", {}).get("statementType")
        if statement_type in STATEMENT_TYPES:
            details["statementType"] = statement_type
    return shown | {f"{'table' if kind == 'copy' else kind}{'Copy' if kind == 'copy' else ''}Config": details}


def _times(statistics: dict[str, Any]) -> dict[str, str]:
    times = (("createTime", "creationTime"), ("startTime", "startTime"), ("endTime", "endTime"))
    return {shown: _time(statistics[name]) for shown, name in times if name in statistics}


def _time(milliseconds: str) -> str:
    moment = dt.datetime.fromtimestamp(int(milliseconds) / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
