"""The model registry in situations that do not occur in a normal run of the chain. Uses the local Vertex AI."""

import random

import pytest
from google.api_core.exceptions import BadRequest, ResourceExhausted
from starlette.responses import JSONResponse

from desk.ml import sessions
from deskcloud import vertex as local_vertex
from deskcloud.vertex import predictors
from deskcloud.vertex.errors import FailedPreconditionError, VertexError
from deskcloud.web import serving
from fixtures.online import PROJECT, deploy, trained
from shared.chain.registry import Note, Registry
from shared.deadline import Deadline
from shared.errors import Permanent
from shared.settings import Settings


@pytest.fixture
def refusals():
    """Return a dict in which a test sets the requests that Vertex AI refuses.

    A key is the end of a request's path. The value is the HTTP code and the status of the error.
    """
    return {}


def refusing(app, refusals):
    """Wrap `app` in a layer that refuses each request whose path ends with a key of `refusals`."""

    async def asked(scope, receive, send):
        ends = [end for end in refusals if scope["type"] == "http" and scope["path"].endswith(end)]
        if not ends:
            return await app(scope, receive, send)
        code, status = refusals[ends[0]]
        error = {"code": code, "message": "as a test wants it", "status": status}
        return await JSONResponse({"error": error}, code)(scope, receive, send)

    return asked


@pytest.fixture
def registry(tmp_path, credentials, refusals):
    """Return a registry with a champion and a canary.

    The champion has four inputs. The canary has two of these inputs and a tenth of the traffic.
    """
    rows = sessions(300)
    few = rows.select(["bounces", "seconds", "bought"])
    models = [trained(tmp_path / str(number), one) for number, one in enumerate((rows, few))]
    app = local_vertex.create_app(tmp_path / "vertex", chance=random.Random(7))  # noqa: S311 - seeded, to repeat the choice of versions; not for security
    with serving.serve(refusing(app, refusals)) as url:
        deploy(url, models, {"0": 10, "1": 90})
        settings = {"project": PROJECT, "bucket": PROJECT, "serving": {"api_endpoint": url}}
        yield Registry(Settings.from_document(settings), None)


def test_a_canary_answers_golden_rows_that_the_champion_refuses(registry):
    [few] = registry.answers("2", [{"bounces": 1, "seconds": 12.0}], Deadline(30))
    assert 0 < few < 1


def test_golden_rows_that_every_version_refuses_fail_the_run_for_good(registry, monkeypatch):
    monkeypatch.setattr("shared.chain.registry.MOST_TRIES", 60)
    with pytest.raises(Permanent, match="cannot answer the golden rows"):
        registry.answers("2", [{"bounces": "none"}], Deadline(30))


class NoMachinesError(VertexError):
    code, number, status = 429, 8, "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("failure", "kind"), [(NoMachinesError, ResourceExhausted), (FailedPreconditionError, Permanent)]
)
def test_a_deployment_without_free_machines_is_retried_and_an_invalid_one_is_not(registry, monkeypatch, failure, kind):
    registry.withdraw("2")
    notes = []
    note = Note(lambda: notes[-1] if notes else None, notes.append)

    def get(*_):
        raise failure("as a test wants it")

    with monkeypatch.context() as patch:
        patch.setattr(predictors.Predictors, "get", get)
        with pytest.raises(kind, match=r"deployment .* failed: as a test wants it"):
            registry.deploy_canary(registry.versions()[1], note, Deadline(30))
    assert notes[-1] is None
    registry.deploy_canary(registry.versions()[1], note, Deadline(30))
    assert registry.traffic() == {"1": 0, "2": 100}


@pytest.mark.parametrize("refusal", [None, (400, "INVALID_ARGUMENT"), (400, "FAILED_PRECONDITION"), (404, "NOT_FOUND")])
def test_if_the_alias_is_missing_there_is_no_champion_whatever_error_vertex_ai_gives(registry, refusals, refusal):
    if refusal:
        refusals["@champion"] = refusal
    assert registry.champion() is None


def test_an_error_is_not_taken_for_a_missing_alias_if_the_alias_exists(registry, refusals):
    registry.promote("1", registry.versions()[0])
    assert registry.champion().number == "1"
    refusals["@champion"] = (400, "FAILED_PRECONDITION")
    with pytest.raises(BadRequest, match="as a test wants it"):
        registry.champion()


def test_without_a_registered_model_there_is_no_champion(registry, refusals):
    refusals["/models/propensity"] = refusals[":listVersions"] = (404, "NOT_FOUND")
    refusals["@champion"] = (400, "INVALID_ARGUMENT")
    assert registry.champion() is None
