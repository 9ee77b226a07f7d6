"""Serve the REST resource `models`, and the requests for datasets and tables that affect models."""

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from deskcloud.bigquery.gateway import reach
from deskcloud.bigquery.gateway.emulator import EmulatorClient
from deskcloud.bigquery.gateway.errors import BigQueryError, already_exists, not_found
from deskcloud.bigquery.gateway.kept_models import Models, Reference
from deskcloud.bigquery.gateway.passthrough import Passthrough, raw
from deskcloud.bigquery.gateway.vertex_registry import Registry
from deskcloud.web.answers import JSONResponse

_LISTED = ("modelReference", "modelType", "creationTime", "lastModifiedTime", "labels", "expirationTime")


class ModelRoutes:
    """The REST routes of BigQuery's models, and the routes of datasets and tables whose requests affect models."""

    def __init__(
        self, passthrough: Passthrough, emulator: EmulatorClient, models: Models, registry: Registry | None
    ) -> None:
        self._passthrough = passthrough
        self._emulator = emulator
        self._models = models
        self._registry = registry

    async def list(self, request: Request) -> Response:
        """Answer models.list, sorted by name. A page token is the number of models on all previous pages."""
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        if not await run_in_threadpool(self._emulator.exists, f"{project}/datasets/{dataset}"):
            raise not_found("Dataset", f"{project}:{dataset}")
        resources = [model.resource for model in self._models.in_dataset(project, dataset)]
        start = int(request.query_params.get("pageToken") or 0)
        end = start + int(request.query_params.get("maxResults") or len(resources))
        shown = [{k: resource[k] for k in _LISTED if k in resource} for resource in resources[start:end]]
        answer: dict[str, Any] = {"models": shown}
        return JSONResponse(answer | ({"nextPageToken": str(end)} if end < len(resources) else {}))

    async def get(self, request: Request) -> Response:
        """Answer models.get with the model's resource."""
        return JSONResponse(self._models.get(_reference(request)).resource)

    async def patch(self, request: Request) -> Response:
        """Answer models.patch. An If-Match header must match the model's etag."""
        try:
            changes = json.loads(await request.body())
        except ValueError as error:
            raise BigQueryError("invalid", f"Invalid JSON payload received: {error}") from error
        etag = request.headers.get("if-match")
        return JSONResponse(self._models.change(_reference(request), changes, etag).resource)

    async def delete(self, request: Request) -> Response:
        """Answer models.delete. The model is removed from Vertex AI's registry too."""
        reference = _reference(request)
        run = self._models.get(reference).resource["trainingRuns"][-1]
        if self._registry and "vertexAiModelId" in run:
            registered = (reference.project, run["vertexAiModelId"], run["vertexAiModelVersion"])
            await run_in_threadpool(self._registry.unregister, *registered)
        self._models.remove(reference)
        return Response(status_code=204)

    async def insert_table(self, request: Request) -> Response:
        """Answer tables.insert. Refuse a table with the name of a model."""
        body = await request.body()
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        try:
            resource = json.loads(body)
            reach.check_table(resource)
            name = resource["tableReference"]["tableId"]
        except (ValueError, KeyError, TypeError):
            return await self._passthrough.forward(request, body)
        reference = Reference(project, dataset, name)
        if self._models.find(reference):
            raise already_exists("Model", str(reference))
        return await self._passthrough.forward(request, body)

    async def delete_dataset(self, request: Request) -> Response:
        """Answer datasets.delete. With deleteContents, delete the dataset's models too.

        Raises:
            BigQueryError: resourceInUse, if the dataset has models and deleteContents is not set.
        """
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        with_contents = request.query_params.get("deleteContents", "").lower() == "true"
        if not with_contents and self._models.in_dataset(project, dataset):
            raise BigQueryError("resourceInUse", f"Dataset {project}:{dataset} is still in use: it has models")
        answer = await self._passthrough.fetch(request)
        if answer.is_success:
            self._models.remove_dataset(project, dataset)
        return raw(answer)


def _reference(request: Request) -> Reference:
    names = request.path_params
    return Reference(names["project"], names["dataset"], names["model"])
