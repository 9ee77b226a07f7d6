"""A separate run makes the recommendations from the current data, in parallel with the run that trains and scores."""

import msgspec
import pytest

from cli import resetting
from fixtures.chain import DAYS, FIRST_DAY
from shared.chain import recommending
from shared.online.recommendations import Recommender
from shared.recommendations import ARTEFACT, Artefact

pytestmark = pytest.mark.slow


def of(chain):
    """Return the run that made the recommendations from the current data."""
    return chain.run(recommending.served_run(chain.clients))


def test_a_separate_run_recommends_products_to_every_scored_visitor(chain):
    run = of(chain)
    assert (run.outcome, run.reason, [*run.seconds]) == ("recommended", "", ["build_recommendations"])
    report = run.documents.recommendations
    # The generated customers buy products in bundles, and the method "popularity" cannot learn bundles.
    assert report.method != "popularity"
    assert report.method in report.better_than_popularity
    assert report.methods.keys() == {"popularity", "similarity", "matrix_factorization"}
    assert report.rules == len(chain.rows("product_rules")) > 0
    visitors = chain.rows("scored_visitors")
    assert len(visitors) == len(chain.rows("scores")) == report.visitors
    assert all(len(visitor["next_products"]) == len(set(visitor["next_products"])) == 5 for visitor in visitors)
    assert {visitor["recommended_by"] for visitor in visitors} == {report.method, "popularity"}
    artefact = msgspec.json.decode(chain.text(f"gs://chain-test/{ARTEFACT}"), type=Artefact)
    assert artefact.as_of == FIRST_DAY.replace(day=DAYS)
    [rule] = chain.rows("product_rules", "array_length(consequents) = 1 order by confidence desc limit 1")
    assert Recommender(artefact).next_products(rule["antecedents"], set(), 1)


def test_a_scheduled_message_on_unchanged_data_opens_no_new_run(chain):
    before = chain.state()
    assert chain.send("recommendations-due", {}) == []
    assert chain.state() == before


def test_recommendations_can_be_reset_and_made_again(chain):
    run, expected = of(chain), chain.outcome(chain.first)
    removal = resetting.plan(chain.clients, run.run_id)
    assert "the recommendations in use" in removal.lines
    removal.carry_out()
    for table in ("product_rules", "visitor_recommendations", "visitor_products", "recommended_products"):
        assert chain.rows(table, f"run_id = '{run.run_id}'") == []
    assert ARTEFACT not in chain.blobs()
    models = [one.model_id for one in chain.clients.bigquery.list_models("propensity")]
    assert not [name for name in models if "factors" in name and name.endswith(run.run_id.replace("-", "_"))]

    [again] = chain.send("recommendations-due", {})
    assert (again.run_id, again.outcome, again.reason) == (run.run_id, "recommended", "")
    assert chain.outcome(chain.first) == expected
    assert ARTEFACT in chain.blobs()
