"""The model registry, which stores models, their versions and the aliases of the versions."""

import builtins
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deskcloud.jsonstore import Document, Documents
from deskcloud.vertex import wire as fields
from deskcloud.vertex.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)

DEFAULT = "default"
MODEL_ID = r"[a-z_][a-z0-9_-]{0,62}|[1-9][0-9]{0,18}"
_ALIAS = r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]"
# The value BQML of a model's `modelSourceInfo.sourceType`. Clients may send the name or the number of this enum value.
_BQML = ("BQML", 3)
_VERSION_FIELDS = (
    "artifactUri",
    "containerSpec",
    "explanationSpec",
    "metadata",
    "metadataSchemaUri",
    "modelSourceInfo",
    "pipelineJob",
    "predictSchemata",
    "versionDescription",
)


def versioned(name: str) -> tuple[str, str]:
    """Split `.../models/M@VERSION` into the model's name and the version.

    The version is a number or an alias, or "" if the name contains no @.
    """
    model, _, version = name.partition("@")
    return model, version


class Models:
    """All models.

    Each model is stored as JSON. The JSON has the model's fields and two further fields. `versions` maps a number to a
    version, and `aliases` maps an alias to the number of a version.
    """

    def __init__(self, documents: Documents, artifacts: Path) -> None:
        """Open the registry. `artifacts` is the folder for the registry's copies of model files."""
        self._documents, self._artifacts = documents, artifacts
        artifacts.mkdir(parents=True, exist_ok=True)

    # Read models and versions

    def document(self, name: str) -> Document:
        """Return the model as it is stored.

        Raises:
            NotFoundError: no model has that name.
        """
        model = self._documents.get(name)
        if model is None:
            raise NotFoundError(f"Model {name} is not found.")
        return model

    def version_of(self, name: str, model: Document) -> str:
        """Return the number of a version of `model`.

        `name` is MODEL@NUMBER, MODEL@ALIAS, or MODEL for the default version.

        Raises:
            NotFoundError: the model has no such version or alias.
        """
        base, wanted = versioned(name)
        number: str = model["aliases"].get(wanted or DEFAULT, wanted)
        if number not in model["versions"]:
            raise NotFoundError(f"Model {base} has no version or alias {wanted!r}.")
        return number

    def get(self, name: str) -> Document:
        """Return the resource of a version.

        `name` is MODEL@NUMBER, MODEL@ALIAS, or MODEL for the default version.

        Raises:
            NotFoundError: there is no such model, version or alias.
        """
        model = self.document(versioned(name)[0])
        return self._resource(versioned(name)[0], model, self.version_of(name, model))

    def list(self, location: str) -> list[Document]:
        """Return the default version of each model of a location."""
        models = self._documents.matching(f"{location}/models/*")
        return [self._resource(name, model, model["aliases"][DEFAULT]) for name, model in models]

    def versions(self, name: str) -> builtins.list[Document]:
        """Return all versions of a model, the oldest first.

        Raises:
            NotFoundError: there is no such model.
        """
        base = versioned(name)[0]
        model = self.document(base)
        return [self._resource(base, model, number) for number in sorted(model["versions"], key=int)]

    def artifact(self, name: str) -> Path:
        """Return the folder that holds the registry's copy of the files of a model version.

        Raises:
            NotFoundError: there is no such version.
            FailedPreconditionError: the local Vertex AI cannot serve this kind of model.
        """
        model = self.document(versioned(name)[0])
        version: Document = model["versions"][self.version_of(name, model)]
        if "artifact" not in version:
            source = version.get("modelSourceInfo", {}).get("sourceType", "unspecified")
            raise FailedPreconditionError(
                f"Model {name} cannot be served: its source is {source}, and the local Vertex AI serves BQML models "
                "only, those that BigQuery ML registers (CREATE MODEL ... OPTIONS(MODEL_REGISTRY='VERTEX_AI'))."
            )
        return self._artifacts / str(version["artifact"])

    def _resource(self, name: str, model: Document, number: str) -> Document:
        version = model["versions"][number]
        aliases = sorted(alias for alias, target in model["aliases"].items() if target == number)
        resource: Document = {key: model[key] for key in ("displayName", "description", "createTime") if key in model}
        resource |= {key: version[key] for key in _VERSION_FIELDS if key in version}
        resource |= {
            "name": name,
            "versionId": number,
            "versionAliases": aliases,
            "versionCreateTime": version["createTime"],
            "versionUpdateTime": version["updateTime"],
            "updateTime": max(model["updateTime"], version["updateTime"]),
            # The labels of the model and of the version are stored separately. A version's resource has all of them.
            "labels": model["labels"] | version["labels"],
            "supportedDeploymentResourcesTypes": ["DEDICATED_RESOURCES"],
            "deployedModels": self._deployments(name, number),
        }
        return fields.tagged(resource)

    def _deployments(self, name: str, number: str | None = None) -> builtins.list[Document]:
        return [
            {"endpoint": endpoint_name, "deployedModelId": deployed["id"]}
            for endpoint_name, endpoint in self._documents.matching("projects/*/endpoints/*")
            for deployed in endpoint["deployedModels"]
            if deployed["model"] == name and number in {None, deployed["modelVersionId"]}
        ]

    # Upload models

    def prepare_upload(self, location: str, request: Document) -> Document:
        """Check an upload request and copy the model's files, so that later changes of the originals have no effect.

        Raises:
            InvalidArgumentError, NotFoundError, AlreadyExistsError: the request is invalid.
        """
        model = request.get("model")
        if not isinstance(model, dict):
            raise InvalidArgumentError("Required field: model.")
        fields.display_name(model.get("displayName"))
        fields.labels(model.get("labels"))
        for alias in model.get("versionAliases", []):
            _check_alias(alias)
        if parent := request.get("parentModel"):
            name = versioned(parent if "/" in parent else f"{location}/models/{parent}")[0]
            self.document(name)
        else:
            model_id = fields.checked_id(request.get("modelId") or fields.new_id(), MODEL_ID, "modelId")
            name = f"{location}/models/{model_id}"
            self._check_free(name)
        return {"name": name, "new": not parent, "model": model, "artifact": self._copied(model)}

    def _check_free(self, name: str) -> None:
        if self._documents.get(name) is not None:
            raise AlreadyExistsError(f"Model {name} already exists: upload a version with parentModel.")

    def _copied(self, model: Document) -> str | None:
        if model.get("modelSourceInfo", {}).get("sourceType") not in _BQML:
            return None
        folder = Path(str(model.get("artifactUri", "")).removeprefix("file://"))
        if not str(model.get("artifactUri", "")).startswith("file:///") or not folder.is_dir():
            raise InvalidArgumentError(
                f"artifactUri {model.get('artifactUri')!r}: a BQML model needs file:///FOLDER, a folder that is there."
            )
        key = fields.new_id()
        shutil.copytree(folder, self._artifacts / key)
        return key

    def upload(self, upload: Document) -> Document:
        """Register a new model or version, and return its name and version. `upload` is the result of `prepare_upload`.

        Raises:
            AlreadyExistsError: another upload has taken a new model's id in the meantime.
            NotFoundError: the model to which the version would belong was deleted in the meantime.
        """
        name, given, time = upload["name"], upload["model"], fields.now()
        if upload["new"]:
            self._check_free(name)
            model: Document = {key: given[key] for key in ("displayName", "description") if key in given}
            model |= {"labels": {}, "createTime": time, "versions": {}, "aliases": {}, "nextVersion": 1}
        else:
            model = self.document(name)
        number = str(model["nextVersion"])
        version = {key: given[key] for key in _VERSION_FIELDS if key in given}
        version |= {"labels": given.get("labels", {}), "createTime": time, "updateTime": time}
        if owner := upload.get("owner"):
            version["owner"] = owner
        if upload["artifact"]:
            version["artifact"] = upload["artifact"]
        model["versions"][number] = version
        model |= {"nextVersion": int(number) + 1, "updateTime": time}
        model["aliases"] = {DEFAULT: number} | model["aliases"] | dict.fromkeys(given.get("versionAliases", []), number)
        self._documents.put(name, model)
        return {"model": name, "modelVersionId": number}

    def remove_orphans(self, unfinished: Iterable[Document]) -> None:
        """Delete copies of model files that belong neither to a version nor to an `unfinished` upload."""
        kept = {upload.get("artifact") for upload in unfinished}
        for _, model in self._documents.matching("projects/*/models/*"):
            kept |= {version.get("artifact") for version in model["versions"].values()}
        for folder in self._artifacts.iterdir():
            if folder.name not in kept:
                shutil.rmtree(folder)

    # Change and delete models

    def patch(self, name: str, body: Document, mask: str | None) -> Document:
        """Update the fields that `mask` names. If `name` contains a version, update the version, otherwise the model.

        Raises:
            NotFoundError: there is no such model or version.
            InvalidArgumentError: the mask or a field is invalid.
            AbortedError: the etag in `body` differs from the etag of the resource.
        """
        base, wanted = versioned(name)
        to_version = wanted not in {"", "-"}
        target = name if to_version else base
        allowed = {"labels", "versionDescription"} if to_version else {"labels", "displayName", "description"}
        changes = fields.masked(mask, body, allowed)
        if "displayName" in changes:
            fields.display_name(changes["displayName"])
        if "labels" in changes:
            changes["labels"] = fields.labels(changes["labels"])
        with self._documents.transaction():
            fields.check_etag(self.get(target), body.get("etag"))
            model = self.document(base)
            place = model["versions"][self.version_of(target, model)] if to_version else model
            place |= changes | {"updateTime": fields.now()}
            for cleared in [key for key, value in changes.items() if value is None]:
                del place[cleared]
            self._documents.put(base, model)
            return self.get(target)

    def merge_aliases(self, name: str, changes: Any) -> Document:
        """Give the version `name` the aliases in `changes`. An entry with a minus sign ("-alias") takes the alias away.

        Raises:
            NotFoundError: there is no such version.
            InvalidArgumentError: an alias is invalid, or the default alias would be removed.
        """
        if not isinstance(changes, list) or not changes:
            raise InvalidArgumentError("Required field: versionAliases.")
        with self._documents.transaction():
            base = versioned(name)[0]
            model = self.document(base)
            number = self.version_of(name, model)
            for change in changes:
                alias = _check_alias(str(change).removeprefix("-"))
                if not str(change).startswith("-"):
                    model["aliases"][alias] = number
                elif alias == DEFAULT:
                    raise InvalidArgumentError(
                        "Alias 'default' cannot be removed: apply it to another version instead."
                    )
                elif model["aliases"].get(alias) == number:
                    del model["aliases"][alias]
            model["versions"][number]["updateTime"] = fields.now()
            self._documents.put(base, model)
            return self._resource(base, model, number)

    def check_deletable(self, name: str, asker: str) -> None:
        """Check that `asker` may delete the model with all its versions. `asker` is the value of OWNER_HEADER.

        Raises:
            InvalidArgumentError: `name` is the name of a version.
            NotFoundError: there is no such model.
            FailedPreconditionError: the model is deployed, or `asker` does not own the model.
        """
        if versioned(name)[1]:
            raise InvalidArgumentError(f"{name} is a version: use deleteVersion, or name the model without '@'.")
        for version in self.document(name)["versions"].values():
            _check_owner(name, version, asker)
        self._check_unused(name)

    def _check_unused(self, name: str) -> None:
        self.document(name)
        if used := self._deployments(name):
            raise FailedPreconditionError(f"Model {name} is deployed on {used[0]['endpoint']}: undeploy it first.")

    def delete(self, name: str) -> None:
        """Delete a model with all its versions. The caller must call `check_deletable` first.

        Raises:
            NotFoundError, FailedPreconditionError: the model was deleted or deployed in the meantime.
        """
        self._check_unused(name)
        self._documents.delete(name)

    def check_version_deletable(self, name: str, asker: str | None = None) -> None:
        """Check that `asker` may delete the version. If `asker` is None, the owner is not checked.

        Raises:
            InvalidArgumentError: `name` does not contain a version.
            NotFoundError: there is no such model, version or alias.
            FailedPreconditionError: the version is the model's only version or the default version, is deployed, or
                does not belong to `asker`.
        """
        base, wanted = versioned(name)
        model = self.document(base)
        if not wanted:
            raise InvalidArgumentError(f"{name} names no version: write {name}@VERSION.")
        number = self.version_of(name, model)
        if asker is not None:
            _check_owner(name, model["versions"][number], asker)
        if len(model["versions"]) == 1:
            raise FailedPreconditionError(f"{name} is the only version: delete the model instead.")
        if model["aliases"][DEFAULT] == number:
            raise FailedPreconditionError(f"{name} is the default version: apply 'default' to another version first.")
        if used := self._deployments(base, number):
            raise FailedPreconditionError(f"{name} is deployed on {used[0]['endpoint']}: undeploy it first.")

    def delete_version(self, name: str) -> None:
        """Delete a version and its aliases.

        Raises:
            InvalidArgumentError, NotFoundError, FailedPreconditionError: see `check_version_deletable`.
        """
        self.check_version_deletable(name)
        base = versioned(name)[0]
        model = self.document(base)
        number = self.version_of(name, model)
        del model["versions"][number]
        model["aliases"] = {alias: target for alias, target in model["aliases"].items() if target != number}
        self._documents.put(base, model)


def _check_owner(name: str, version: Document, asker: str) -> None:
    if version.get("owner", asker) != asker:
        raise FailedPreconditionError(
            f"Model {name} is managed by BigQuery ML: delete the BigQuery model, and this entry goes with it."
        )


def _check_alias(alias: Any) -> str:
    if not isinstance(alias, str) or not re.fullmatch(_ALIAS, alias):
        raise InvalidArgumentError(
            f"Invalid version alias {alias!r}: it must match {_ALIAS}, so that it does not look like a version number."
        )
    return alias
