"""Vertex AI's REST API v1: https://cloud.google.com/vertex-ai/docs/reference/rest."""

import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deskcloud.jsonstore import Document
from deskcloud.vertex import listing
from deskcloud.vertex.errors import InvalidArgumentError, UnimplementedError, VertexError
from deskcloud.vertex.predictors import Predictor, load_bqml
from deskcloud.vertex.service import Service
from deskcloud.web.answers import JSONResponse
from deskcloud.web.credentials import Grants
from deskcloud.web.owner import OWNER_HEADER

_MAX_WAIT_SECONDS = 600.0
_PATIENCE_SECONDS = 0.2


def create_app(
    state: Path,
    *,
    load: Callable[[Path], Predictor] = load_bqml,
    chance: random.Random | None = None,
    grants: Grants | None = None,
) -> Starlette:
    """Return an ASGI app that serves Vertex AI's API and keeps its state in the folder `state`.

    `load` loads a model for predictions. `chance` chooses the deployed model that answers a prediction. The app also
    issues OAuth tokens, because Google's clients need a service from which they get tokens.

    Raises:
        RuntimeError: another process uses `state`.
    """
    service = Service(state, load, chance or random.Random())  # noqa: S311 - load balancing is not security-relevant

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(service.close)

    location = "/v1/projects/{project}/locations/{location}"
    model, endpoint = f"{location}/models/{{model}}", f"{location}/endpoints/{{endpoint}}"
    # Serve the same paths under /v1 and /ui, because Google's clients request the state of operations under /ui.
    places = [
        version + place.removeprefix("/v1") for version in ("/v1", "/ui") for place in (location, model, endpoint)
    ]
    operations = [f"{place}/operations" for place in places]
    app = Starlette(
        routes=[
            (grants or Grants()).route(),
            *(Route(f"{path}/{{operation}}:wait", wait_operation, methods=["POST"]) for path in operations),
            *(Route(f"{path}/{{operation}}", get_operation) for path in operations),
            *(Route(path, list_operations) for path in operations),
            Route(f"{location}/models:upload", upload_model, methods=["POST"]),
            Route(f"{location}/models", list_models),
            Route(f"{model}:listVersions", list_versions),
            Route(f"{model}:mergeVersionAliases", merge_version_aliases, methods=["POST"]),
            Route(f"{model}:deleteVersion", delete_version, methods=["DELETE"]),
            Route(model, get_model),
            Route(model, patch_model, methods=["PATCH"]),
            Route(model, delete_model, methods=["DELETE"]),
            Route(f"{location}/endpoints", create_endpoint, methods=["POST"]),
            Route(f"{location}/endpoints", list_endpoints),
            Route(f"{endpoint}:deployModel", deploy_model, methods=["POST"]),
            Route(f"{endpoint}:undeployModel", undeploy_model, methods=["POST"]),
            Route(f"{endpoint}:mutateDeployedModel", mutate_deployed_model, methods=["POST"]),
            Route(f"{endpoint}:predict", predict, methods=["POST"]),
            Route(f"{endpoint}:rawPredict", raw_predict, methods=["POST"]),
            Route(endpoint, get_endpoint),
            Route(endpoint, patch_endpoint, methods=["PATCH"]),
            Route(endpoint, delete_endpoint, methods=["DELETE"]),
            Route("/{path:path}", unimplemented, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        exception_handlers={VertexError: _error},
        lifespan=lifespan,
    )
    app.state.service = service
    return app


def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, VertexError)  # noqa: S101 - Starlette types the argument as Exception
    return JSONResponse(error.body(), error.code)


# Read a request


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _location(request: Request) -> str:
    return f"projects/{request.path_params['project']}/locations/{request.path_params['location']}"


def _model(request: Request) -> str:
    return f"{_location(request)}/models/{request.path_params['model']}"


def _endpoint(request: Request) -> str:
    return f"{_location(request)}/endpoints/{request.path_params['endpoint']}"


def _decoded(body: bytes) -> Document:
    try:
        value = json.loads(body) if body.strip() else {}
    except ValueError as error:
        raise InvalidArgumentError(f"The request's JSON cannot be parsed: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidArgumentError("The request's JSON must be an object.")
    return value


async def _json(request: Request) -> Document:
    return _decoded(await request.body())


async def _started(request: Request, parent: str, action: str, arguments: Document) -> Response:
    operations = _service(request).operations
    operation = operations.start(parent, action, arguments)
    # Wait a moment, so that the answer already shows the end of a fast operation. Google's clients ask again only after
    # a second.
    return JSONResponse(await run_in_threadpool(operations.wait, operation["name"], _PATIENCE_SECONDS))


# Routes for models


async def upload_model(request: Request) -> Response:
    """Start to register a model, or a new version of the model that the request names as `parentModel`."""
    service, body = _service(request), await _json(request)
    upload = await run_in_threadpool(service.models.prepare_upload, _location(request), body)
    upload["owner"] = request.headers.get(OWNER_HEADER, "")
    return await _started(request, upload["name"], "upload", upload)


def list_models(request: Request) -> Response:
    """Return the default version of each model of the location."""
    models = _service(request).models.list(_location(request))
    return JSONResponse(listing.page(models, "models", request.query_params))


def list_versions(request: Request) -> Response:
    """Return a model's versions."""
    versions = _service(request).models.versions(_model(request))
    return JSONResponse(listing.page(versions, "models", request.query_params))


def get_model(request: Request) -> Response:
    """Return the model version that the URL names, or the default version."""
    return JSONResponse(_service(request).models.get(_model(request)))


async def patch_model(request: Request) -> Response:
    """Update those fields of a model or version that `updateMask` names."""
    body = await _json(request)
    return JSONResponse(_service(request).models.patch(_model(request), body, request.query_params.get("updateMask")))


async def merge_version_aliases(request: Request) -> Response:
    """Set aliases on a version, or remove aliases from a version."""
    aliases = (await _json(request)).get("versionAliases")
    return JSONResponse(_service(request).models.merge_aliases(_model(request), aliases))


async def delete_model(request: Request) -> Response:
    """Start to delete a model with all its versions."""
    service, name = _service(request), _model(request)
    service.models.check_deletable(name, request.headers.get(OWNER_HEADER, ""))
    return await _started(request, name, "delete model", {"name": name})


async def delete_version(request: Request) -> Response:
    """Start to delete one version of a model."""
    service, name = _service(request), _model(request)
    service.models.check_version_deletable(name, request.headers.get(OWNER_HEADER, ""))
    return await _started(request, name.partition("@")[0], "delete version", {"name": name})


# Routes for endpoints


async def create_endpoint(request: Request) -> Response:
    """Start to create an endpoint."""
    service, body = _service(request), await _json(request)
    wanted = service.endpoints.prepare_create(_location(request), request.query_params.get("endpointId"), body)
    return await _started(request, wanted["name"], "create endpoint", wanted)


def list_endpoints(request: Request) -> Response:
    """Return the location's endpoints."""
    endpoints = _service(request).endpoints.list(_location(request))
    return JSONResponse(listing.page(endpoints, "endpoints", request.query_params))


def get_endpoint(request: Request) -> Response:
    """Return an endpoint with its deployed models."""
    return JSONResponse(_service(request).endpoints.get(_endpoint(request)))


async def patch_endpoint(request: Request) -> Response:
    """Update those fields of an endpoint that `updateMask` names. A new trafficSplit takes effect at once."""
    body, mask = await _json(request), request.query_params.get("updateMask")
    return JSONResponse(_service(request).endpoints.patch(_endpoint(request), body, mask))


async def delete_endpoint(request: Request) -> Response:
    """Start to delete an endpoint, which must have no deployed models."""
    service, name = _service(request), _endpoint(request)
    service.endpoints.check_deletable(name)
    return await _started(request, name, "delete endpoint", {"name": name})


async def deploy_model(request: Request) -> Response:
    """Start to deploy a model version on an endpoint."""
    service, name, body = _service(request), _endpoint(request), await _json(request)
    return await _started(request, name, "deploy", service.endpoints.prepare_deploy(name, body))


async def undeploy_model(request: Request) -> Response:
    """Start to remove a deployed model from an endpoint."""
    service, name, body = _service(request), _endpoint(request), await _json(request)
    return await _started(request, name, "undeploy", service.endpoints.prepare_undeploy(name, body))


async def mutate_deployed_model(request: Request) -> Response:
    """Start to change the scaling of a deployed model."""
    service, name, body = _service(request), _endpoint(request), await _json(request)
    return await _started(request, name, "mutate", service.endpoints.prepare_mutate(name, body))


async def predict(request: Request) -> Response:
    """Return predictions for the request's instances, and the deployed model that made them."""
    return JSONResponse(await _predicted(request))


async def raw_predict(request: Request) -> Response:
    """Return only the predictions, like a serving container. Headers name the endpoint and the deployed model."""
    answer = await _predicted(request)
    headers = {
        "X-Vertex-AI-Endpoint-Id": request.path_params["endpoint"],
        "X-Vertex-AI-Deployed-Model-Id": answer["deployedModelId"],
    }
    return JSONResponse({"predictions": answer["predictions"]}, headers=headers)


async def _predicted(request: Request) -> Document:
    body = await request.body()
    return await run_in_threadpool(_service(request).predict, _endpoint(request), body, _decoded(body))


# Routes for operations


def _operation(request: Request) -> str:
    return request.url.path[len("/v1/") :].removesuffix(":wait")


def get_operation(request: Request) -> Response:
    """Return an operation's current state."""
    return JSONResponse(_service(request).operations.get(_operation(request)))


async def wait_operation(request: Request) -> Response:
    """Wait until an operation is done, but at most `timeout` (such as "1.5s"), and return the operation.

    Raises:
        InvalidArgumentError: `timeout` is not a number of seconds.
        NotFoundError: there is no such operation.
    """
    timeout = request.query_params.get("timeout") or f"{_MAX_WAIT_SECONDS}s"
    try:
        seconds = min(float(str(timeout).removesuffix("s")), _MAX_WAIT_SECONDS)
    except ValueError:
        raise InvalidArgumentError(f"Invalid timeout {timeout!r}: write seconds, such as '1.5s'.") from None
    return JSONResponse(await run_in_threadpool(_service(request).operations.wait, _operation(request), seconds))


def list_operations(request: Request) -> Response:
    """Return the operations of a location, model or endpoint."""
    found = _service(request).operations.below(_operation(request).removesuffix("/operations"))
    return JSONResponse(listing.page(found, "operations", request.query_params))


def unimplemented(request: Request) -> Response:
    """Refuse a method of Google's API that is not implemented.

    Raises:
        UnimplementedError: always.
    """
    raise UnimplementedError(f"{request.method} {request.url.path}: not supported by the local Vertex AI.")
