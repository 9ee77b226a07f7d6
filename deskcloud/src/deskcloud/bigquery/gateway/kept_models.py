"""Store models. Each model has a resource of the REST API and a folder with the trained model."""

import hashlib
import json
import shutil
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from deskcloud import jsontext
from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway.errors import BigQueryError, not_found
from deskcloud.bigquery.gateway.state import Database

_SETTABLE = ("friendlyName", "description", "labels", "expirationTime")


@dataclass(frozen=True)
class Reference:
    """A model's full name."""

    project: str
    dataset: str
    model: str

    def __str__(self) -> str:
        return f"{self.project}:{self.dataset}.{self.model}"

    @property
    def wire(self) -> dict[str, str]:
        """Return the name in the API's format for a modelReference."""
        return {"projectId": self.project, "datasetId": self.dataset, "modelId": self.model}

    @property
    def as_table(self) -> dict[str, str]:
        """Return the name in the format of a tableReference. Jobs report the model in this format."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.model}


@dataclass(frozen=True)
class Model:
    """A stored model, with its resource in the REST API and the folder with its files."""

    resource: dict[str, Any]
    folder: Path

    def trained(self) -> ml.TrainedModel:
        """Load the trained model from its folder. The eight models that were used last are cached."""
        return _load(self.folder)


@lru_cache(maxsize=8)
def _load(folder: Path) -> ml.TrainedModel:
    return ml.load(folder)


def now() -> str:
    """Return the current time in the API's format: milliseconds since 1970, as a string."""
    return str(time.time_ns() // 1_000_000)


class Models:
    """All stored models. The resources are in a database, the trained models in a folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def find(self, reference: Reference) -> Model | None:
        """Return the model, or None if the model does not exist or has expired. An expired model is deleted."""
        rows = self._database.execute(
            "SELECT folder, resource FROM models WHERE (project, dataset, model) = (?, ?, ?)", *_key(reference)
        )
        if not rows:
            return None
        model = Model(json.loads(rows[0][1]), self._folder / rows[0][0])
        expires = model.resource.get("expirationTime")
        if expires and int(expires) < int(now()):
            self.remove(reference)
            return None
        return model

    def get(self, reference: Reference) -> Model:
        """Return the model.

        Raises:
            BigQueryError: notFound, if there is no such model.
        """
        if (model := self.find(reference)) is None:
            raise not_found("Model", str(reference))
        return model

    def in_dataset(self, project: str, dataset: str) -> list[Model]:
        """Return the models of a dataset, sorted by name."""
        names = self._database.execute(
            "SELECT model FROM models WHERE (project, dataset) = (?, ?) ORDER BY model", project, dataset
        )
        found = [self.find(Reference(project, dataset, name)) for (name,) in names]
        return [model for model in found if model]

    def save(self, reference: Reference, learned: ml.TrainedModel, resource: dict[str, Any]) -> Model:
        """Store a model under the name `reference` in one step. Readers see either the old model or the new one."""
        former = self.find(reference)
        folder = self._folder / uuid.uuid4().hex
        learned.save(folder)
        resource = {"modelReference": reference.wire, "location": "US", "creationTime": now()} | resource
        model = self._store(reference, Model(resource, folder))
        if former:
            shutil.rmtree(former.folder, ignore_errors=True)
        return model

    def change(self, reference: Reference, changes: dict[str, Any], etag: str | None = None) -> Model:
        """Change fields of the model's resource. A field or a label with the value None is removed.

        Raises:
            BigQueryError: notFound, if there is no such model. conditionNotMet, if `etag` is not the model's etag.
        """
        model = self.get(reference)
        if etag and etag not in {model.resource["etag"], "*"}:
            raise BigQueryError("conditionNotMet", "Precondition check failed.")
        settable = {name: changes[name] for name in _SETTABLE if name in changes}
        if settable.get("labels") is not None:
            settable["labels"] = _without_none(model.resource.get("labels", {}) | settable["labels"])
        return self._store(reference, Model(_without_none(model.resource | settable), model.folder))

    def register(self, reference: Reference, vertex_id: str, version: str) -> None:
        """Store the id and the version that the model has in Vertex AI's registry."""
        model = self.get(reference)
        runs = [dict(run) for run in model.resource["trainingRuns"]]
        runs[-1] |= {"vertexAiModelId": vertex_id, "vertexAiModelVersion": version}
        self._store(reference, Model(model.resource | {"trainingRuns": runs}, model.folder))

    def touch(self, reference: Reference) -> None:
        """Set the time of the model's last change to now."""
        self._store(reference, self.get(reference))

    def remove(self, reference: Reference) -> None:
        """Delete the model's resource and its folder."""
        rows = self._database.execute(
            "DELETE FROM models WHERE (project, dataset, model) = (?, ?, ?) RETURNING folder", *_key(reference)
        )
        for (folder,) in rows:
            shutil.rmtree(self._folder / folder, ignore_errors=True)

    def remove_dataset(self, project: str, dataset: str) -> None:
        """Delete all models of a dataset."""
        for model in self.in_dataset(project, dataset):
            self.remove(Reference(project, dataset, model.resource["modelReference"]["modelId"]))

    def _store(self, reference: Reference, model: Model) -> Model:
        resource = model.resource | {"lastModifiedTime": now()}
        resource.pop("etag", None)
        content = jsontext.encode(resource, is_sorted=True)
        resource["etag"] = hashlib.sha256(content).hexdigest()[:22]
        self._database.execute(
            "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?)",
            *_key(reference),
            model.folder.name,
            jsontext.text(resource),
        )
        return Model(resource, model.folder)


def _key(reference: Reference) -> tuple[str, str, str]:
    return reference.project, reference.dataset, reference.model


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
