"""The registered model, its versions, and the endpoint that serves the champion.

The registry itself is the truth about who is champion: the alias `champion` of the one registered model. A version's
labels say which run and candidate made it, and so which model in BigQuery it is.
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
# The version that a rollback returns to.
FORMER = "former"
# The alias that Vertex AI itself gives, to the first version.
DEFAULT = "default"
# How a deployment fails that may succeed later: Vertex AI is at fault, or machines, a quota or a right are missing.
HEALING = (Aborted, Forbidden, ServerError, TooManyRequests)
# Requests until the canary, which gets a share of them, has surely been among those who answered.
MOST_TRIES = 500


class Registry:
    """Vertex AI for one registered model and one endpoint. Methods may be called again after any failure."""

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
        """Return the version that serves, or None before the first deployment."""
        return self._named(CHAMPION)

    def traffic(self) -> dict[str, int]:
        """Return the percentage of the traffic that each deployed version takes, by the version's number."""
        endpoint = self._endpoint()
        return {one.model_version_id: endpoint.traffic_split.get(one.id, 0) for one in endpoint.deployed_models}

    def register(self, model: str, run_id: str, candidate: str, warehouse: Warehouse) -> Version:
        """Make the BigQuery model a version of the registered one, if it is none yet, and label it.

        Raises:
            NotReady: the registry does not know it yet.
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
        """Return the deployed model's id once it takes the canary's share of traffic, all of it on an empty endpoint.

        `operation_note` keeps the deployment's operation between deliveries.

        Raises:
            NotReady: the deployment still goes on.
            GoogleAPICallError: the deployment failed for a reason that may heal; the next delivery deploys anew.
            Permanent: the deployment failed.
        """
        deployed_id = _deployed_id(version)
        if not self._deployed(version):
            self._deploy(version, deployed_id, operation_note, deadline)
        endpoint = self._endpoint()
        if not endpoint.traffic_split.get(deployed_id):
            self._set_traffic(self._canary_split(endpoint, deployed_id))
        return deployed_id

    def answers(self, deployed_id: str, instances: list[dict[str, Any]], deadline: Deadline) -> list[float]:
        """Return the probabilities that this deployed model itself gives.

        Raises:
            NotReady: the endpoint sent every request elsewhere.
            Permanent: it refuses the instances, or its answer is none of a BigQuery ML model's.
        """
        refusal = None
        for _ in range(MOST_TRIES):
            try:
                answer = self._predictions.ask(instances, deadline.request_timeout)
            except RefusedError as error:
                if error.status != 400:
                    raise
                # Who refuses is not said: it may be the champion, whose inputs need not be this one's.
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
        """Give all traffic and the alias to the version; keep the former champion deployed, and no older one.

        The alias comes last: whoever finds it moved, finds all else done, and must not take the version for its own
        predecessor.
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
        """Take a canary off the endpoint; its traffic goes to the champion, if there is one."""
        champion = self.champion()
        serving = [one.id for one in self._deployed(champion) if one.id != deployed_id] if champion else []
        self._set_traffic({serving[0]: 100} if serving else {})
        self._undeploy(deployed_id)

    def champion_and(self, number: str | None = None) -> tuple[Version, Version]:
        """Return the champion, and the deployed version of that number or the one that was champion before.

        Raises:
            Permanent: there is no champion, or no such version is deployed.
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
            raise Permanent(f"no version but the champion {champion.number} is deployed, so there is none to return to")
        return champion, former

    def stand(self, number: str) -> None:
        """Give all traffic and the alias to a deployed version, unless it has the alias.

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
        """Take a run's canary off the endpoint, if there is one; a champion and the one before it stay."""
        named = {one.number for one in (self.champion(), self._named(FORMER)) if one}
        for version in self.versions():
            if version.run_id == run_id and version.number not in named:
                for deployed in self._deployed(version):
                    self.withdraw(deployed.id)

    def versions(self) -> list[Version]:
        """Return every version that a run registered; none when there is no registered model yet."""
        return [_version(model) for model in self._listed() if "run_id" in model.labels]

    def remove(self, version: Version) -> None:
        """Take the version off the endpoint and delete its BigQuery model; what is gone already is left out.

        BigQuery owns the version: Vertex AI's registry drops it when BigQuery deletes the model, and does not delete it
        when asked itself (https://context.google.com/vertex-ai/docs/model-registry/delete-model).
        """
        for deployed in self._deployed(version):
            self.withdraw(deployed.id)
        versions = self._listed()
        others = [one.version_id for one in versions if one.version_id != version.number]
        is_default = any(DEFAULT in one.version_aliases for one in versions if one.version_id == version.number)
        if is_default and others:
            # Vertex AI deletes the default version with the whole model only.
            self._name(others[-1], DEFAULT)
        self._bigquery.delete_model(self._in_bigquery(version.model), not_found_ok=True)

    def _named(self, alias: str) -> Version | None:
        try:
            return _version(self._models.get_model(name=self._model_name(alias)))
        except NotFound:
            return None
        except BadRequest:
            # Google documents no answer for an alias that does not exist. A 400 may say that, or something else.
            if any(alias in one.version_aliases for one in self._listed()):
                raise
            return None

    def _listed(self) -> list[vertex.Model]:
        """Return every version, the oldest first; none when there is no registered model."""
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
                # Another delivery has deployed it meanwhile.
                return
            note.write(operation)
        self._wait(version, operation, note, deadline)

    def _wait(self, version: Version, operation: str, note: Note, deadline: Deadline) -> None:
        pause = 0.05
        while not (state := self._endpoints.transport.operations_client.get_operation(operation)).done:
            if deadline.has_passed:
                raise NotReady(f"deployment {operation} goes on; the next delivery looks again")
            time.sleep(pause)
            pause = min(pause * 2, 10)
        # Of two deliveries that deploy side by side one fails, for it comes too late: as good as done.
        if not self._deployed(version):
            note.write(None)
            message = f"deployment {operation} failed: {state.error.message or 'it was undeployed since'}"
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
        """Give the alias to the version; the one that had it loses it."""
        self._models.merge_version_aliases(name=self._model_name(number), version_aliases=[alias])

    def _undeploy(self, deployed_id: str) -> None:
        with contextlib.suppress(NotFound):
            self._endpoints.undeploy_model(endpoint=self._endpoint_name, deployed_model_id=deployed_id).result()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Note:
    """A place that keeps one operation's name between deliveries."""

    read: Callable[[], str | None]
    write: Callable[[str | None], None]


def _version(model: vertex.Model) -> Version:
    return Version(model.version_id, model.labels["run_id"], model.labels["candidate"])


def _deployed_id(version: Version) -> str:
    """Return the id to deploy the version under: always the same, so that it is deployed once. At most 10 digits."""
    digest = hashlib.sha256(f"{version.run_id} {version.number}".encode()).hexdigest()
    return str(int(digest, 16) % 10**10)
