"""The registered model in Vertex AI, its versions, and the endpoint that serves the champion.

The alias `champion` in the registry defines which version is champion. A version's labels name its run and candidate,
from which the name of its model in BigQuery follows.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import (
    Aborted,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    ServerError,
    TooManyRequests,
    from_grpc_status,
)
from google.cloud import aiplatform_v1 as vertex

from shared.chain.versions import Version
from shared.errors import NotReady, Permanent
from shared.vertex import Predictions, RefusedError, address
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud import bigquery

    from shared.deadline import Deadline
    from shared.settings import Settings
    from shared.warehouse import Warehouse

CHAMPION = "champion"
# The alias of the version to which a rollback returns.
FORMER = "former"
# The alias that Vertex AI itself gives to the first version.
DEFAULT = "default"
# Errors after which a new deployment may succeed: faults of Vertex AI, missing machines, exceeded quotas, missing
# rights.
HEALING = (Aborted, Forbidden, ServerError, TooManyRequests)
# Maximum number of requests that are sent until the canary answers. Other versions may answer the first requests,
# because the canary gets only a share of the traffic.
MOST_TRIES = 500


class Registry:
    """One registered model and one endpoint in Vertex AI. Each method can be called again after a failure."""

    def __init__(self, settings: Settings, bigquery_client: bigquery.Client) -> None:
        self._settings = settings
        self._bigquery = bigquery_client
        self._parent = f"projects/{settings.project}/locations/{settings.serving.region}"
        self._endpoint_name = f"{self._parent}/endpoints/{settings.serving.endpoint_id}"
        self._model = f"{self._parent}/models/{settings.serving.model_id}"
        self._options: dict[str, Any] = {"client_options": {"api_endpoint": address(settings)}, "transport": "rest"}
        self._predictions = Predictions(settings)

    @cached_property
    def _models(self) -> vertex.ModelServiceClient:
        return vertex.ModelServiceClient(**self._options)

    @cached_property
    def _endpoints(self) -> vertex.EndpointServiceClient:
        return vertex.EndpointServiceClient(**self._options)

    def champion(self) -> Version | None:
        """Return the champion, or None before the first deployment."""
        return self._named(CHAMPION)

    def traffic(self) -> dict[str, int]:
        """Return each deployed version's share of the traffic, in percent, by the version's number."""
        endpoint = self._endpoint()
        return {one.model_version_id: endpoint.traffic_split.get(one.id, 0) for one in endpoint.deployed_models}

    def register(self, model: str, run_id: str, candidate: str, warehouse: Warehouse) -> Version:
        """Register the BigQuery model as a version, unless it is registered already, and label the version.

        Raises:
            NotReady: BigQuery has not registered the model yet.
        """
        number = self._registered_number(model)
        if number is None:
            identifiers = {"model": model, "model_id": self._settings.serving.model_id}
            warehouse.query_all([Statement("deployment/register_model", {}, identifiers)])
            number = self._registered_number(model)
        if number is None:
            raise NotReady(f"model {model} is not in the registry yet")
        labels = {"run_id": run_id, "candidate": candidate, "pipeline": "propensity"}
        self._models.update_model(
            model=vertex.Model(name=self._model_name(number), labels=labels), update_mask={"paths": ["labels"]}
        )
        return Version(number, run_id, candidate)

    def deploy_canary(self, version: Version, operation_note: Note, deadline: Deadline) -> str:
        """Deploy the version, give it the canary's share of the traffic, and return the deployed model's id.

        On an empty endpoint, the version gets all traffic. `operation_note` stores the name of the deployment's
        operation for later deliveries.

        Raises:
            NotReady: the deployment is still running.
            GoogleAPICallError: the deployment failed, and a retry may help: the next delivery deploys again.
            Permanent: the deployment failed, and a retry cannot help.
        """
        deployed_id = _deployed_id(version)
        if not self._deployed(version):
            self._deploy(version, deployed_id, operation_note, deadline)
        endpoint = self._endpoint()
        if not endpoint.traffic_split.get(deployed_id):
            self._set_traffic(self._canary_split(endpoint, deployed_id))
        return deployed_id

    def answers(self, deployed_id: str, instances: list[dict[str, Any]], deadline: Deadline) -> list[float]:
        """Return the probabilities that the deployed model `deployed_id` computes for the instances.

        Raises:
            NotReady: other deployed models answered all requests.
            Permanent: the endpoint refused the instances, or its answer does not have the form of a BigQuery ML answer.
        """
        refusal = None
        for _ in range(MOST_TRIES):
            try:
                answer = self._predictions.ask(instances, deadline.request_timeout)
            except RefusedError as error:
                if error.code != 400:
                    raise
                # A refusal does not name the deployed model that refused. The champion may have refused, because its
                # inputs may differ from the canary's. So ask again.
                refusal = error
                continue
            if answer.deployed_model_id == deployed_id:
                try:
                    return answer.probabilities
                except ValueError as error:
                    raise Permanent(f"the endpoint cannot answer the golden rows: {error}") from error
        if refusal:
            raise Permanent(f"the endpoint cannot answer the golden rows: {refusal}") from refusal
        raise NotReady(f"deployed model {deployed_id} answered none of {MOST_TRIES} requests")

    def promote(self, deployed_id: str, version: Version) -> None:
        """Give all traffic and the alias to the version, and undeploy all other versions except the former champion.

        The alias moves last. If the version has the alias already, an earlier call has completed all other changes. In
        this case the method returns early, because otherwise it would record the version as the former champion.
        """
        former = self.champion()
        self._set_traffic({deployed_id: 100})
        if former and former.number == version.number:
            return
        kept = {version.number, former.number if former else ""}
        for deployed in self._endpoint().deployed_models:
            if deployed.model_version_id not in kept:
                self._undeploy(deployed.id)
        if former:
            self._name(former.number, FORMER)
        self._name(version.number, CHAMPION)

    def withdraw(self, deployed_id: str) -> None:
        """Undeploy a canary.

        All traffic goes to the champion. If the champion is not deployed, the endpoint gets no traffic.
        """
        champion = self.champion()
        serving = [one.id for one in self._deployed(champion) if one.id != deployed_id] if champion else []
        self._set_traffic({serving[0]: 100} if serving else {})
        self._undeploy(deployed_id)

    def champion_and(self, number: str | None = None) -> tuple[Version, Version]:
        """Return the champion and the deployed version `number`. By default, `number` is that of the former champion.

        Raises:
            Permanent: there is no champion, or version `number` is not deployed.
        """
        champion = self.champion()
        if champion is None:
            raise Permanent(f"model {self._settings.serving.model_id} has no champion to roll back from")
        if number is not None:
            deployed_numbers = self.traffic()
            known = {one.number: one for one in self.versions() if one.number in deployed_numbers}
            if number not in known:
                raise Permanent(f"version {number} is not deployed; deployed are: {', '.join(sorted(known, key=int))}")
            return champion, known[number]
        former = self._named(FORMER)
        deployed = self._deployed(former) if former else []
        if former is None or former.number == champion.number or not deployed:
            raise Permanent(f"the former champion of version {champion.number} is not deployed: there is no way back")
        return champion, former

    def make_champion(self, number: str) -> None:
        """Give all traffic and the alias `champion` to version `number`, unless the version has the alias already.

        Raises:
            Permanent: the version is not deployed.
        """
        champion = self.champion()
        if champion and champion.number == number:
            return
        deployed = [one for one in self._endpoint().deployed_models if one.model_version_id == number]
        if not deployed:
            raise Permanent(f"version {number} is not deployed, so it cannot serve")
        self._set_traffic({deployed[0].id: 100})
        if champion:
            self._name(champion.number, FORMER)
        self._name(number, CHAMPION)

    def withdraw_run(self, run_id: str) -> None:
        """Undeploy the run's versions, except the champion and the former champion."""
        named = {one.number for one in (self.champion(), self._named(FORMER)) if one}
        for version in self.versions():
            if version.run_id == run_id and version.number not in named:
                for deployed in self._deployed(version):
                    self.withdraw(deployed.id)

    def versions(self) -> list[Version]:
        """Return all versions that runs have registered and labelled; none if there is no registered model yet."""
        return [_version(model) for model in self._listed() if "run_id" in model.labels]

    def answering(self) -> list[Version]:
        """Return all versions that may answer at the endpoint: the champion, the former champion and canaries.

        A version that is newer than the champion may be a canary.
        """
        listed = [model for model in self._listed() if "run_id" in model.labels]
        champion = max((int(one.version_id) for one in listed if CHAMPION in one.version_aliases), default=0)
        named = {CHAMPION, FORMER}
        return [
            _version(one)
            for one in listed
            if int(one.version_id) > champion or not named.isdisjoint(one.version_aliases)
        ]

    def remove(self, version: Version) -> None:
        """Undeploy the version and delete its BigQuery model, unless this was done already.

        BigQuery owns the version: if the BigQuery model is deleted, the version disappears from Vertex AI's registry.
        The registry refuses to delete a version directly
        (https://cloud.google.com/vertex-ai/docs/model-registry/delete-model).
        """
        for deployed in self._deployed(version):
            self.withdraw(deployed.id)
        versions = self._listed()
        others = [one.version_id for one in versions if one.version_id != version.number]
        is_default = any(DEFAULT in one.version_aliases for one in versions if one.version_id == version.number)
        if is_default and others:
            # Vertex AI deletes the default version only together with the whole model. So give the alias `default` to
            # another version first.
            self._name(others[-1], DEFAULT)
        self._bigquery.delete_model(self._in_bigquery(version.model), not_found_ok=True)

    def _named(self, alias: str) -> Version | None:
        try:
            return _version(self._models.get_model(name=self._model_name(alias)))
        except NotFound:
            return None
        except BadRequest:
            # Google does not document the answer for a missing alias. HTTP 400 may mean a missing alias or another
            # error.
            if any(alias in one.version_aliases for one in self._listed()):
                raise
            return None

    def _listed(self) -> list[vertex.Model]:
        """Return all versions, the oldest first; an empty list if there is no registered model."""
        try:
            return list(self._models.list_model_versions(name=self._model))
        except NotFound:
            return []

    def _registered_number(self, model: str) -> str | None:
        runs = self._bigquery.get_model(self._in_bigquery(model)).training_runs
        return runs[-1].get("vertexAiModelVersion") if runs else None

    def _in_bigquery(self, model: str) -> str:
        return f"{self._bigquery.project}.{self._settings.dataset}.{model}"

    def _model_name(self, version_or_alias: str) -> str:
        return f"{self._model}@{version_or_alias}"

    def _endpoint(self) -> vertex.Endpoint:
        return self._endpoints.get_endpoint(name=self._endpoint_name)

    def _deployed(self, version: Version) -> list[vertex.DeployedModel]:
        return [one for one in self._endpoint().deployed_models if one.model_version_id == version.number]

    def _deploy(self, version: Version, deployed_id: str, note: Note, deadline: Deadline) -> None:
        serving = self._settings.serving
        operation = note.read()
        if operation is None:
            deployed = vertex.DeployedModel(
                id=deployed_id,
                model=self._model_name(version.number),
                display_name=version.model,
                dedicated_resources=vertex.DedicatedResources(
                    machine_spec=vertex.MachineSpec(machine_type=serving.machine_type),
                    min_replica_count=1,
                    max_replica_count=serving.max_replicas,
                ),
            )
            split = self._canary_split(self._endpoint(), "0")
            request = vertex.DeployModelRequest(
                endpoint=self._endpoint_name, deployed_model=deployed, traffic_split=split
            )
            try:
                operation = self._endpoints.deploy_model(request=request).operation.name
            except Conflict:
                # In the meantime, another delivery has deployed the version.
                return
            note.write(operation)
        self._wait(version, operation, note, deadline)

    def _wait(self, version: Version, operation: str, note: Note, deadline: Deadline) -> None:
        pause = 0.05
        while not (state := self._endpoints.transport.operations_client.get_operation(operation)).done:
            if deadline.has_passed:
                raise NotReady(f"deployment {operation} is still running; the next delivery looks again")
            time.sleep(pause)
            pause = min(pause * 2, 10)
        # If two deliveries deploy at the same time, one operation fails, but the other operation deploys the version.
        # So ignore the failure if the version is deployed.
        if not self._deployed(version):
            note.write(None)
            message = f"deployment {operation} failed: {state.error.message or 'the model was undeployed meanwhile'}"
            error = from_grpc_status(state.error.code, message)  # type: ignore[no-untyped-call]
            raise error if isinstance(error, HEALING) else Permanent(message)

    def _canary_split(self, endpoint: vertex.Endpoint, canary: str) -> dict[str, int]:
        serving = [deployed_id for deployed_id, percent in endpoint.traffic_split.items() if percent]
        if not serving:
            return {canary: 100}
        share = self._settings.serving.canary_percent
        largest = max(serving, key=lambda deployed_id: endpoint.traffic_split[deployed_id])
        return {canary: share, largest: 100 - share}

    def _set_traffic(self, split: dict[str, int]) -> None:
        endpoint = vertex.Endpoint(name=self._endpoint_name, traffic_split=split)
        self._endpoints.update_endpoint(endpoint=endpoint, update_mask={"paths": ["traffic_split"]})

    def _name(self, number: str, alias: str) -> None:
        """Give the alias to the version with this number, and take it from any other version."""
        self._models.merge_version_aliases(name=self._model_name(number), version_aliases=[alias])

    def _undeploy(self, deployed_id: str) -> None:
        with contextlib.suppress(NotFound):
            self._endpoints.undeploy_model(endpoint=self._endpoint_name, deployed_model_id=deployed_id).result()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Note:
    """Reads and writes the name of the operation that deploys a version, or None if there is no operation.

    The name is stored outside the process, so that the next delivery waits for the same operation.
    """

    read: Callable[[], str | None]
    write: Callable[[str | None], None]


def _version(model: vertex.Model) -> Version:
    return Version(model.version_id, model.labels["run_id"], model.labels["candidate"])


def _deployed_id(version: Version) -> str:
    """Return the deployed model's id, of at most 10 digits.

    The id depends only on the version, so Vertex AI refuses to deploy the version a second time.
    """
    digest = hashlib.sha256(f"{version.run_id} {version.number}".encode()).hexdigest()
    return str(int(digest, 16) % 10**10)
