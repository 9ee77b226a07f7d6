"""Create endpoints, and deploy models on them."""

from pathlib import Path
from typing import Any

from deskcloud.jsonstore import Document, Documents
from deskcloud.vertex import traffic
from deskcloud.vertex import wire as fields
from deskcloud.vertex.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from deskcloud.vertex.registry import Models

_ENDPOINT_ID = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,18}"
_DEPLOYED_ID = r"[0-9]{1,19}"
_CREATE_FIELDS = ("displayName", "description", "labels")
_DEPLOYED_FIELDS = ("dedicatedResources", "automaticResources", "serviceAccount", "enableAccessLogging")
_RESOURCES = ("dedicatedResources", "automaticResources", "sharedResources")
_MUTABLE = (
    "automaticResources.maxReplicaCount",
    "automaticResources.minReplicaCount",
    "dedicatedResources.autoscalingMetricSpecs",
    "dedicatedResources.maxReplicaCount",
    "dedicatedResources.minReplicaCount",
    "dedicatedResources.requiredReplicaCount",
)


class Endpoints:
    """All endpoints. Each endpoint is stored as JSON in the format of the REST API.

    A method `prepare_x` checks a request and returns the arguments of the method `x`. The arguments are JSON, so that
    an operation can store them and continue after a restart of the process.
    """

    def __init__(self, documents: Documents, models: Models) -> None:
        self._documents, self._models = documents, models

    def get(self, name: str) -> Document:
        """Return the endpoint's resource.

        Raises:
            NotFoundError: no endpoint has that name.
        """
        endpoint = self._documents.get(name)
        if endpoint is None:
            raise NotFoundError(f"Endpoint {name} is not found.")
        return fields.tagged(endpoint)

    def list(self, location: str) -> list[Document]:
        """Return the endpoints of a location."""
        found = self._documents.matching(f"{location}/endpoints/*")
        return [fields.tagged(endpoint) for _, endpoint in found]

    def deployed(self, name: str, deployed_id: str) -> Document:
        """Return a deployed model of the endpoint `name`.

        Raises:
            NotFoundError: there is no such endpoint, or the endpoint has no such deployed model.
        """
        for deployed in self.get(name)["deployedModels"]:
            if deployed["id"] == deployed_id:
                found: Document = deployed
                return found
        raise NotFoundError(f"Endpoint {name} has no deployed model {deployed_id}.")

    def artifact(self, deployed: Document) -> Path:
        """Return the folder that contains the files of a deployed model.

        Raises:
            NotFoundError, FailedPreconditionError: see `Models.artifact`.
        """
        return self._models.artifact(f"{deployed['model']}@{deployed['modelVersionId']}")

    # Methods for endpoints

    def prepare_create(self, location: str, endpoint_id: str | None, body: Document) -> Document:
        """Check a request to create an endpoint.

        Raises:
            InvalidArgumentError: a field or the id is invalid.
            AlreadyExistsError: the id is taken.
        """
        fields.display_name(body.get("displayName"))
        fields.labels(body.get("labels"))
        traffic.checked(body.get("trafficSplit"), ())
        name = f"{location}/endpoints/{fields.checked_id(endpoint_id or fields.new_id(), _ENDPOINT_ID, 'endpointId')}"
        self._check_free(name)
        return {"name": name, "endpoint": {key: body[key] for key in _CREATE_FIELDS if key in body}}

    def _check_free(self, name: str) -> None:
        if self._documents.get(name) is not None:
            raise AlreadyExistsError(f"Endpoint {name} already exists.")

    def create(self, request: Document) -> Document:
        """Create the endpoint. `request` is the result of `prepare_create`.

        Raises:
            AlreadyExistsError: the id was taken in the meantime.
        """
        self._check_free(request["name"])
        time = fields.now()
        endpoint = {"labels": {}} | request["endpoint"]
        endpoint |= {"name": request["name"], "deployedModels": [], "trafficSplit": {}}
        self._documents.put(request["name"], endpoint | {"createTime": time, "updateTime": time})
        return self.get(request["name"])

    def patch(self, name: str, body: Document, mask: str | None) -> Document:
        """Set the fields that `mask` names to the values in `body`.

        Raises:
            NotFoundError: there is no such endpoint.
            InvalidArgumentError: the mask or a field is invalid.
            AbortedError: the etag in `body` differs from the etag of the endpoint.
        """
        changes = fields.masked(mask, body, {*_CREATE_FIELDS, "trafficSplit"})
        if "displayName" in changes:
            fields.display_name(changes["displayName"])
        if "labels" in changes:
            changes["labels"] = fields.labels(changes["labels"])
        with self._documents.transaction():
            endpoint = self.get(name)
            fields.check_etag(endpoint, body.get("etag"))
            if "trafficSplit" in changes:
                changes["trafficSplit"] = traffic.checked(changes["trafficSplit"], _ids(endpoint))
            return self._put(endpoint | changes)

    def check_deletable(self, name: str) -> None:
        """Check that the endpoint can be deleted.

        Raises:
            NotFoundError: there is no such endpoint.
            FailedPreconditionError: models are deployed on the endpoint.
        """
        if ids := _ids(self.get(name)):
            raise FailedPreconditionError(f"Endpoint {name} has deployed models: undeploy {', '.join(ids)} first.")

    def delete(self, name: str) -> None:
        """Delete an endpoint.

        Raises:
            NotFoundError, FailedPreconditionError: see `check_deletable`.
        """
        self.check_deletable(name)
        self._documents.delete(name)

    def _put(self, endpoint: Document) -> Document:
        kept = {key: value for key, value in endpoint.items() if key != "etag" and value is not None}
        self._documents.put(kept["name"], kept | {"updateTime": fields.now()})
        return self.get(kept["name"])

    # Methods for deployed models

    def prepare_deploy(self, name: str, request: Document) -> Document:
        """Check a deployModel request, and choose the version and the id of the deployed model.

        This method chooses the version and the id, so that a repeated call of `deploy` has the same result.

        Raises:
            NotFoundError, InvalidArgumentError, AlreadyExistsError: the request is invalid.
        """
        wanted = request.get("deployedModel") or {}
        if not wanted.get("model"):
            raise InvalidArgumentError("Required field: deployedModel.model.")
        if not any(wanted.get(kind) for kind in _RESOURCES):
            raise InvalidArgumentError(f"deployedModel needs one of {', '.join(_RESOURCES)}.")
        _check_replicas(wanted)
        model = self._models.get(wanted["model"])
        deployed_id = fields.checked_id(str(wanted.get("id") or fields.new_id(10)), _DEPLOYED_ID, "deployedModel.id")
        deployed = {key: wanted[key] for key in _DEPLOYED_FIELDS if key in wanted} | {
            "id": deployed_id,
            "model": model["name"],
            "modelVersionId": model["versionId"],
            "displayName": wanted.get("displayName") or model["displayName"],
            "createTime": fields.now(),
        }
        self._with_deployed(name, deployed, request.get("trafficSplit"))
        return {"name": name, "deployed": deployed, "trafficSplit": request.get("trafficSplit")}

    def _with_deployed(self, name: str, deployed: Document, split: Any) -> Document:
        endpoint = self.get(name)
        ids = _ids(endpoint)
        if deployed["id"] in ids:
            raise AlreadyExistsError(f"Endpoint {name} already has a deployed model {deployed['id']}.")
        endpoint["trafficSplit"] = traffic.deploying(split, deployed["id"], ids, endpoint["trafficSplit"])
        endpoint["deployedModels"].append(deployed)
        return endpoint

    def deploy(self, request: Document) -> Document:
        """Deploy the model. `request` is the result of `prepare_deploy`.

        Raises:
            NotFoundError: the model or the endpoint was deleted in the meantime.
            FailedPreconditionError: the local Vertex AI cannot serve this kind of model.
            AlreadyExistsError: the id was taken in the meantime.
            InvalidArgumentError: the traffic split has become invalid in the meantime.
        """
        self.artifact(request["deployed"])
        self._put(self._with_deployed(request["name"], request["deployed"], request["trafficSplit"]))
        return {"deployedModel": request["deployed"]}

    def prepare_undeploy(self, name: str, request: Document) -> Document:
        """Check an undeployModel request.

        Raises:
            NotFoundError: there is no such endpoint, or the endpoint has no such deployed model.
            InvalidArgumentError, FailedPreconditionError: see `traffic.undeploying`.
        """
        undeploy: Document = {"name": name, "id": str(request.get("deployedModelId", ""))}
        undeploy["trafficSplit"] = request.get("trafficSplit")
        self._without(undeploy)
        return undeploy

    def _without(self, request: Document) -> Document:
        self.deployed(request["name"], request["id"])
        endpoint = self.get(request["name"])
        split = traffic.undeploying(request["trafficSplit"], request["id"], _ids(endpoint), endpoint["trafficSplit"])
        left = [deployed for deployed in endpoint["deployedModels"] if deployed["id"] != request["id"]]
        return endpoint | {"trafficSplit": split, "deployedModels": left}

    def undeploy(self, request: Document) -> Document:
        """Remove a deployed model from its endpoint. `request` is the result of `prepare_undeploy`.

        Raises:
            NotFoundError, InvalidArgumentError, FailedPreconditionError: see `prepare_undeploy`.
        """
        self._put(self._without(request))
        return {}

    def prepare_mutate(self, name: str, request: Document) -> Document:
        """Check a mutateDeployedModel request. Such a request can change only the scaling of a deployed model.

        Raises:
            NotFoundError: there is no such endpoint, or the endpoint has no such deployed model.
            InvalidArgumentError: a field cannot be changed.
        """
        wanted = request.get("deployedModel") or {}
        changes = fields.masked(request.get("updateMask"), wanted, _MUTABLE)
        _check_replicas(wanted)
        self.deployed(name, str(wanted.get("id", "")))
        return {"name": name, "id": str(wanted["id"]), "changes": changes}

    def mutate(self, request: Document) -> Document:
        """Change the scaling of a deployed model. `request` is the result of `prepare_mutate`.

        Raises:
            NotFoundError: the endpoint or the deployed model was deleted in the meantime.
        """
        endpoint = self.get(request["name"])
        for deployed in endpoint["deployedModels"]:
            if deployed["id"] == request["id"]:
                for path, value in request["changes"].items():
                    kind, _, field = path.partition(".")
                    deployed.setdefault(kind, {})[field] = value
        self._put(endpoint)
        return {"deployedModel": self.deployed(request["name"], request["id"])}


def _ids(endpoint: Document) -> list[str]:
    return [deployed["id"] for deployed in endpoint["deployedModels"]]


def _check_replicas(deployed: Document) -> None:
    resources = deployed.get("dedicatedResources") or {}
    least, most = resources.get("minReplicaCount", 1), resources.get("maxReplicaCount")
    if not isinstance(least, int) or least < 1:
        raise InvalidArgumentError(f"dedicatedResources.minReplicaCount is {least!r}: it must be at least 1.")
    if most is not None and (not isinstance(most, int) or most < least):
        raise InvalidArgumentError(f"dedicatedResources.maxReplicaCount is {most!r}: it must be at least {least}.")
