"""The chain runs on real exports with few buyers, so the gate approves a model only with relaxed settings."""

import contextlib
from pathlib import Path

import pytest

from demo import loading, sources
from fixtures.chain import SETTINGS, environment, started

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[3] / "shared" / "data"
RELAXED = {
    "min_positives": 0,
    "min_roc_auc": 0,
    "min_roc_auc_lower": 0,
    "max_single_feature_roc_auc": 1,
    "margin": 1e9,
}


def load(kind, folder, chain):
    intake = sources.read([DATA / kind], folder / "read")
    loading.load(intake.day_files, chain.clients.bigquery, chain.clients.settings.source.dataset)


@pytest.mark.skipif(not (DATA / "ga4").is_dir(), reason=f"there are no real GA4 rows in {DATA}")
@pytest.mark.timeout(1200)
def test_a_model_of_few_buyers_is_rejected_with_reasons_and_approved_by_a_relaxed_gate(tmp_path):
    with cloud("ga4", tmp_path, gate={}) as chain:
        load("ga4", tmp_path, chain)
        rejected = chain.refresh()
        assert rejected.outcome == "rejected"
        assert "gate.min_positives" in rejected.reason
        assert chain.clients.registry.champion() is None
    # Start a second cloud on the state of the first cloud, with relaxed settings of the gate.
    with cloud("ga4", tmp_path, gate=RELAXED) as chain:
        run = chain.refresh(reason="relaxed gate")
        assert (run.outcome, run.reason) == ("published", "")
        assert chain.clients.registry.champion().run_id == run.run_id
        assert len(chain.rows("audience")) == run.documents.audience.members > 0


@pytest.mark.skipif(not (DATA / "ga360").is_dir(), reason=f"there are no real GA360 rows in {DATA}")
@pytest.mark.timeout(1200)
def test_without_any_known_purchase_nothing_is_trained_and_the_reason_is_given(tmp_path):
    """All four purchases on a return visit are on the last day of the sample.

    On this day, the label's horizon of these visitors is not over, so their outcome is not known yet.
    """
    with cloud("ga360", tmp_path, gate=RELAXED) as chain:
        load("ga360", tmp_path, chain)
        run = chain.refresh()
        assert len(chain.rows("sessions")) == 5286
        assert run.outcome == "rejected"
        assert "training visitors bought on a return visit" in run.reason
        assert chain.clients.registry.champion() is None


@contextlib.contextmanager
def cloud(kind, folder, gate):
    """Start a local cloud whose checks accept an export with few rows and with days that are far apart."""
    document = {
        **SETTINGS,
        "source": {"kind": kind},
        "checks": {"max_age_days": 0, "min_rows_share": 0},
        "training": {"window_days": 400},
        "gate": gate,
    }
    with started(folder, document, is_filled=False) as chain, environment(chain.cloud):
        yield chain
