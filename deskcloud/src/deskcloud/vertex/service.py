"""Connect the registry, the endpoints, the operations and the predictions of the local Vertex AI."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deskcloud.jsonstore import Document, Documents
from deskcloud.vertex import traffic
from deskcloud.vertex.endpoints import Endpoints
from deskcloud.vertex.errors import FailedPreconditionError, InvalidArgumentError
from deskcloud.vertex.operations import Action, Operations
from deskcloud.vertex.predictors import Predictor, Predictors
from deskcloud.vertex.registry import Models

_MAX_PREDICT_BYTES = 1_500_000  # Vertex AI's limit for a request to a shared public endpoint


class Service:
    """The local Vertex AI, which keeps its state in the folder `state`."""

    def __init__(self, state: Path, load: Callable[[Path], Predictor], chance: random.Random) -> None:
        """Open the state and start unfinished operations again.

        Raises:
            RuntimeError: another process uses `state`.
        """
        self._documents = Documents(state)
        self.models = Models(self._documents, state / "artifacts")
        self.endpoints = Endpoints(self._documents, self.models)
        self._predictors, self._chance = Predictors(load), chance
        self.operations = Operations(
            self._documents,
            {
                "upload": Action(self.models.upload, "UploadModelOperationMetadata", "UploadModelResponse"),
                "delete model": Action(self._delete_model, "DeleteOperationMetadata", None),
                "delete version": Action(self._delete_version, "DeleteOperationMetadata", None),
                "create endpoint": Action(self.endpoints.create, "CreateEndpointOperationMetadata", "Endpoint"),
                "delete endpoint": Action(self._delete_endpoint, "DeleteOperationMetadata", None),
                "deploy": Action(
                    self.endpoints.deploy, "DeployModelOperationMetadata", "DeployModelResponse", self._load
                ),
                "undeploy": Action(self._undeploy, "UndeployModelOperationMetadata", "UndeployModelResponse"),
                "mutate": Action(
                    self.endpoints.mutate, "MutateDeployedModelOperationMetadata", "MutateDeployedModelResponse"
                ),
            },
        )
        self.models.remove_orphans(self.operations.unfinished())
        self.operations.resume()

    def close(self) -> None:
        """Wait for running operations and close the state."""
        self.operations.close()
        self._documents.close()

    def predict(self, endpoint: str, body: bytes, request: Document) -> Document:
        """Return predictions of one deployed model. Choose the model at random, by the shares of the traffic split.

        Raises:
            NotFoundError: there is no such endpoint.
            FailedPreconditionError: no deployed model receives traffic.
            InvalidArgumentError: the request is too large, or an instance is invalid.
        """
        if len(body) > _MAX_PREDICT_BYTES:
            raise InvalidArgumentError(f"The request has {len(body)} bytes; the limit is {_MAX_PREDICT_BYTES}.")
        instances = request.get("instances")
        if not isinstance(instances, list) or not instances:
            raise InvalidArgumentError("Required field: instances, a list of JSON objects.")
        chosen = traffic.choose(self.endpoints.get(endpoint)["trafficSplit"], self._chance)
        if chosen is None:
            raise FailedPreconditionError(f"Endpoint {endpoint} has no deployed model that receives traffic.")
        deployed = self.endpoints.deployed(endpoint, chosen)
        predictor = self._predictors.get(f"{endpoint}/{chosen}", lambda: self.endpoints.artifact(deployed))
        return {
            "predictions": predictor(instances),
            "deployedModelId": chosen,
            "model": deployed["model"],
            "modelDisplayName": deployed["displayName"],
            "modelVersionId": deployed["modelVersionId"],
        }

    # The methods below do the work of long-running operations. `Operations` calls them as `apply` or `prepare`.

    def _load(self, request: Document) -> Any:
        deployed = request["deployed"]
        deployment = f"{request['name']}/{deployed['id']}"
        return self._predictors.get(deployment, lambda: self.endpoints.artifact(deployed))

    def _undeploy(self, request: Document) -> Document:
        self.endpoints.undeploy(request)
        self._predictors.forget(f"{request['name']}/{request['id']}")
        return {}

    def _delete_model(self, request: Document) -> Document:
        self.models.delete(request["name"])
        return {}

    def _delete_version(self, request: Document) -> Document:
        self.models.delete_version(request["name"])
        return {}

    def _delete_endpoint(self, request: Document) -> Document:
        self.endpoints.delete(request["name"])
        return {}
