"""Register models with Vertex AI over its REST API."""

import re
import time
from pathlib import Path
from typing import Any

import httpx

from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.web.owner import BIGQUERY, OWNER_HEADER
from deskcloud.web.plain import NO_TLS

_ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}")


class Registry:
    """A client of the Vertex AI service at a base URL. Models are registered in `location`."""

    def __init__(self, url: str, location: str) -> None:
        headers = {OWNER_HEADER: BIGQUERY}
        self._http = httpx.Client(base_url=f"{url}/v1/", timeout=60, trust_env=False, verify=NO_TLS, headers=headers)
        self._location = location

    def register(self, project: str, vertex_id: str, folder: Path, display_name: str, aliases: list[str]) -> str:
        """Upload a model and return its version.

        If the registry already has a model with the id `vertex_id`, the upload becomes a new version of that model.

        Raises:
            BigQueryError: the service refuses.
        """
        parent = f"projects/{project}/locations/{self._location}"
        model: dict[str, Any] = {
            "displayName": display_name,
            "modelSourceInfo": {"sourceType": "BQML"},
            "artifactUri": f"file://{folder}",
            "versionAliases": aliases,
        }
        name = f"{parent}/models/{vertex_id}"
        taken = self._http.get(name).is_success
        placed = {"parentModel": name} if taken else {"modelId": vertex_id}
        answer = self._done(self._checked(self._http.post(f"{parent}/models:upload", json=placed | {"model": model})))
        return str(answer["modelVersionId"])

    def unregister(self, project: str, vertex_id: str, version: str, successor: str | None = None) -> None:
        """Delete a version of a model from the registry, or the whole model if the model has no other version.

        If the deleted version is the default version, the version `successor`, if any, becomes the default version.

        Raises:
            BigQueryError: the service refuses, e.g. because the version is deployed.
        """
        name = f"projects/{project}/locations/{self._location}/models/{vertex_id}"
        versions = self._versions(name)
        if version not in versions:
            return
        if successor and "default" in versions[version].get("versionAliases", []):
            merge = {"versionAliases": ["default"]}
            self._checked(self._http.post(f"{name}@{successor}:mergeVersionAliases", json=merge))
        path = name if len(versions) == 1 else f"{name}@{version}:deleteVersion"
        self._done(self._checked(self._http.delete(path)))

    def check_replaceable(self, project: str, vertex_id: str, version: str) -> None:
        """Check that no endpoint serves this version of the model, so that the version can be replaced.

        Raises:
            BigQueryError: resourceInUse, if an endpoint serves the version.
        """
        name = f"projects/{project}/locations/{self._location}/models/{vertex_id}"
        if used := self._versions(name).get(version, {}).get("deployedModels"):
            raise BigQueryError(
                "resourceInUse", f"{name}@{version} is deployed on {used[0]['endpoint']}: undeploy it first"
            )

    def _versions(self, name: str) -> dict[str, dict[str, Any]]:
        answer = self._http.get(f"{name}:listVersions")
        models = [] if answer.status_code == 404 else self._checked(answer).get("models", [])
        return {model["versionId"]: model for model in models}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _done(self, operation: dict[str, Any]) -> dict[str, Any]:
        while not operation.get("done"):
            time.sleep(0.05)
            operation = self._checked(self._http.get(operation["name"]))
        if "error" in operation:
            raise BigQueryError("invalidQuery", f"Vertex AI: {operation['error'].get('message', '')}")
        response: dict[str, Any] = operation.get("response", {})
        return response

    @staticmethod
    def _checked(answer: httpx.Response) -> dict[str, Any]:
        if answer.is_error:
            reason = "backendError" if answer.status_code >= 500 else "invalidQuery"
            raise BigQueryError(reason, f"Vertex AI answered {answer.status_code}: {answer.text[:500]}")
        body: dict[str, Any] = answer.json()
        return body


def check_id(vertex_id: object) -> str:
    """Check a registry id and return it.

    Raises:
        BigQueryError: the id violates Vertex AI's rule for ids.
    """
    if not isinstance(vertex_id, str) or not _ID.fullmatch(vertex_id):
        raise BigQueryError(
            "invalidQuery",
            f"Invalid vertex_ai_model_id {vertex_id!r}: up to 63 of a-z, 0-9, _ and -, beginning with a letter or _",
        )
    return vertex_id
