"""How long the local BigQuery stores a model."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from deskcloud.bigquery import ml
from deskcloud.bigquery.gateway import kept_models
from deskcloud.bigquery.gateway.kept_models import Models, Reference
from deskcloud.bigquery.gateway.state import Database

NAME = Reference("project", "dataset", "model")


@pytest.fixture
def kept(tmp_path):
    database = Database(tmp_path / "gateway.sqlite")
    yield Models(database, tmp_path / "models")
    database.close()


@pytest.fixture
def learned():
    rows = pa.table({"x": np.arange(20.0), "label": np.arange(20) % 2})
    return ml.train({"model_type": "LOGISTIC_REG", "input_label_cols": ["label"]}, rows)


def test_a_model_without_an_expiration_does_not_expire(kept, learned, monkeypatch):
    ticks = itertools.count(1)
    monkeypatch.setattr(kept_models, "now", lambda: str(next(ticks)))
    kept.save(NAME, learned, {})
    assert kept.find(NAME) is not None


def test_an_expired_model_is_gone(kept, learned):
    kept.save(NAME, learned, {"expirationTime": "1"})
    assert kept.find(NAME) is None
