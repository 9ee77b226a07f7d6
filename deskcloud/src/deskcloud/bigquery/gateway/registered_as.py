"""Register models with Vertex AI, and remove them. BigQuery stores the id and version that a model has in Vertex AI."""

from deskcloud.bigquery.gateway.errors import BigQueryError, unsupported
from deskcloud.bigquery.gateway.kept_models import Reference
from deskcloud.bigquery.gateway.vertex_registry import Registry
from deskcloud.bigquery.gateway.work import Work
from deskcloud.bigquery.ml.options import FACTORIZATION


def register(work: Work, reference: Reference, vertex_id: str, aliases: list[str]) -> str:
    """Register a model with Vertex AI under `vertex_id`, unless it is already registered. Return the model's version.

    Raises:
        BigQueryError: the model is registered under an id other than `vertex_id`, models of its type cannot be
            registered, or no registry is configured.
    """
    model = work.services.models.get(reference)
    check_type(model.resource["modelType"])
    former = find(work, reference)
    if former and former[0] == vertex_id:
        return former[1]
    if former:
        raise BigQueryError(
            "invalidQuery",
            f"vertex_ai_model_id of model {reference} is {former[0]!r} and cannot be changed to {vertex_id!r}",
        )
    version = service(work).register(reference.project, vertex_id, model.folder, reference.model, aliases)
    work.services.models.register(reference, vertex_id, version)
    return version


def check_type(model_type: str) -> None:
    """Check that models of this type can be registered.

    Raises:
        BigQueryError: the type cannot be registered.
    """
    if model_type == FACTORIZATION:
        raise unsupported(f"Registering a model of type {model_type} with Vertex AI")


def find(work: Work, reference: Reference) -> tuple[str, str] | None:
    """Return the model's id and version in the registry, or None if the model is not registered."""
    model = work.services.models.find(reference)
    training_run = model.resource["trainingRuns"][-1] if model else {}
    if "vertexAiModelId" not in training_run:
        return None
    return training_run["vertexAiModelId"], training_run["vertexAiModelVersion"]


def check_replaceable(work: Work, project: str, found: tuple[str, str]) -> None:
    """Check that no endpoint serves a certain version of a model, so that the version can be replaced.

    `found` is the model's id in the registry and this version.

    Raises:
        BigQueryError: resourceInUse, if an endpoint serves the version.
    """
    service(work).check_replaceable(project, *found)


def unregister(work: Work, project: str, found: tuple[str, str], successor: str | None = None) -> None:
    """Remove a version of a model from the registry. `found` is the model's id in the registry and this version.

    If the removed version is the default version, the version `successor`, if any, becomes the default version.

    Raises:
        BigQueryError: the registry refuses, e.g. because the version is deployed.
    """
    service(work).unregister(project, *found, successor)


def service(work: Work) -> Registry:
    """Return the client of Vertex AI's registry.

    Raises:
        BigQueryError: no Vertex AI service is configured.
    """
    if work.services.registry is None:
        raise unsupported("Vertex AI's model registry without a Vertex AI service configured")
    return work.services.registry
