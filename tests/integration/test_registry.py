"""The registry against the local Vertex AI, where a chain that runs well does not lead."""

import random

import pytest
from fixtures.ml import sessions
from fixtures.online import PROJECT, deploy, trained

from local import serving
from local import vertex as local_vertex
from shared.chain.registry import Registry
from shared.errors import Permanent
from shared.settings import Settings


@pytest.fixture
def registry(tmp_path, credentials):
    """A champion that takes four inputs, and a canary with a tenth of the traffic that takes two of them."""
    rows = sessions(300)
    few = rows.select(["bounces", "seconds", "bought"])
    models = [trained(tmp_path / str(number), one) for number, one in enumerate((rows, few))]
    app = local_vertex.create_app(tmp_path / "vertex", chance=random.Random(7))  # noqa: S311 - to repeat
    with serving.serve(app) as url:
        deploy(url, models, {"0": 10, "1": 90})
        settings = {"project": PROJECT, "bucket": PROJECT, "serving": {"api_endpoint": url}}
        yield Registry(Settings.from_document(settings), None)


def test_a_canary_answers_golden_rows_that_the_champion_refuses(registry):
    [few] = registry.answers("2", [{"bounces": 1, "seconds": 12.0}])
    assert 0 < few < 1


def test_golden_rows_that_all_refuse_fail_for_good(registry, monkeypatch):
    monkeypatch.setattr("shared.chain.registry.MOST_TRIES", 60)
    with pytest.raises(Permanent, match="cannot answer the golden rows"):
        registry.answers("2", [{"bounces": "none"}])


def test_all_versions_can_be_removed_one_after_the_other_though_one_is_the_default(registry):
    for version in registry.versions():
        registry.remove(version)
    assert registry.versions() == []
