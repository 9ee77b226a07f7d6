"""Write the files of EXPORT MODEL.

Boosted trees are written in BigQuery's format:

    model.bst                    the booster in XGBoost 0.82's binary format
    assets/model_metadata.json   the inputs in the order of the booster's columns, and the classes
    assets/N.txt                 the vocabulary of the N-th input (from 0), if this input is a category

The code of a category is its line number in the vocabulary, from 1. NULL and unseen categories have the code 0.

For linear and logistic regression and matrix factorization, Google writes a TensorFlow SavedModel. Here, these models
are written to one file in a format of this project, `weights.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from deskcloud import jsontext
from deskcloud.bigquery.ml import legacy_booster
from deskcloud.bigquery.ml.classifier import Classifier
from deskcloud.bigquery.ml.columns import as_strings
from deskcloud.bigquery.ml.encoding import UNSEEN, Category, Input, Numeric
from deskcloud.bigquery.ml.errors import MLError
from deskcloud.bigquery.ml.factorization import Factorization
from deskcloud.bigquery.ml.linear import Linear

if TYPE_CHECKING:
    from pathlib import Path

    from deskcloud.bigquery.ml.factorization import Side
    from deskcloud.bigquery.ml.model import TrainedModel
    from deskcloud.bigquery.ml.supervised import Supervised
    from deskcloud.bigquery.ml.trees import Trees


def export(model: TrainedModel, folder: Path) -> list[Path]:
    """Write the model into `folder` and return the written files.

    Raises:
        MLError: the model has a TIMESTAMP feature, or a category contains a line break.
    """
    for feature in model.features:
        if feature.type == "TIMESTAMP":
            raise MLError(
                f"A model with a TIMESTAMP feature cannot be exported, and {feature.name!r} is a TIMESTAMP: "
                "train on UNIX_SECONDS(...) and EXTRACT(... FROM ...) of it."
            )
    if isinstance(model, Factorization):
        files = _factorization_files(model)
    else:
        learned = cast("Supervised", model)
        files = _linear_files(learned) if isinstance(learned.estimator, Linear) else _tree_files(learned)
    written = []
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def _tree_files(model: Supervised) -> dict[str, bytes]:
    learned = cast("Trees", model.estimator)
    inputs = [_input(input_) for input_ in learned.inputs]
    files: dict[str, bytes] = {}
    for position, input_ in enumerate(learned.inputs):
        if isinstance(input_, Category):
            inputs[position] |= {
                "vocabulary": f"{position}.txt",
                "encoding": "one_hot" if learned.one_hot else "label",
            }
            files[f"assets/{position}.txt"] = _lines(input_)
    metadata = _head(model) | {"features": inputs}
    return {
        "model.bst": legacy_booster.dumps(learned.booster),
        "assets/model_metadata.json": _json(metadata),
    } | files


def _linear_files(model: Supervised) -> dict[str, bytes]:
    learned = cast("Linear", model.estimator)
    inputs = []
    for input_, weights in zip(learned.inputs, learned.weights, strict=True):
        shown = _input(input_)
        if isinstance(input_, Numeric):
            shown |= {"stddev": input_.stddev, "weight": float(weights[0])}
        else:
            values = weights[UNSEEN + 1 :].tolist()
            shown |= {"weights": dict(zip(input_.vocabulary, values, strict=False)), "null_weight": values[-1]}
        inputs.append(shown)
    # The weights apply to standardised numbers. A number x is standardised to (x - mean) / stddev, or to 0 if stddev is
    # 0.
    return {"weights.json": _json(_head(model) | {"intercept": learned.intercept, "features": inputs})}


def _factorization_files(model: Factorization) -> dict[str, bytes]:
    # A prediction is the sum of the three intercepts and the dot product of the factors.
    content = {
        "model_type": model.model_type,
        "feedback_type": model.training_options["feedbackType"],
        "rating_col": model.label,
        "global_intercept": model.global_intercept,
        "user": _side(model.users),
        "item": _side(model.items),
    }
    return {"weights.json": _json(content)}


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.feature.name,
        "type": side.feature.type,
        "ids": as_strings(pa.chunked_array([side.ids])).to_pylist(),
        "intercepts": side.vectors.intercepts.tolist(),
        "factors": side.vectors.factors.tolist(),
    }


def _head(model: Supervised) -> dict[str, Any]:
    head = {"model_type": model.model_type, "label_col": model.label, "label_type": model.label_type}
    return head | {"class_labels": list(model.class_names)} if isinstance(model, Classifier) else head


def _input(input_: Input) -> dict[str, Any]:
    if isinstance(input_, Numeric):
        return {"name": input_.name, "kind": "numeric", "mean": input_.mean}
    return {"name": input_.name, "kind": "category"}


def _lines(category: Category) -> bytes:
    for name in category.vocabulary:
        if "\n" in name or "\r" in name:
            raise MLError(
                f"Feature {category.name!r} has the category {name!r}, and a vocabulary file holds one category "
                "a line: take line breaks out, for example with REPLACE(x, '\\n', ' ')."
            )
    return "".join(f"{name}\n" for name in category.vocabulary).encode()


def _json(content: dict[str, Any]) -> bytes:
    return jsontext.encode(content, 1) + b"\n"
