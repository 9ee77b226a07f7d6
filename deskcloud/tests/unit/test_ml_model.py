"""What all types of trained models have in common: predictions, explanations, files and metadata."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from desk.ml import LOGISTIC, TREES, margin, sessions
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml.columns import Columns

EXPLAINED = {"enable_global_explain": True}


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return sessions()


@pytest.fixture(scope="module", params=[LOGISTIC, TREES], ids=["logistic", "trees"])
def model(request, rows) -> ml.TrainedModel:
    return ml.train(request.param | EXPLAINED, rows)


def positive(table: pa.Table, label: str = "bought") -> np.ndarray:
    return table[f"predicted_{label}_probs"].combine_chunks().flatten().field("prob").to_numpy()[::2]


def test_predict_keeps_the_columns_and_adds_label_and_probabilities(model, rows):
    table = ml.predict(model, rows)

    pair = pa.struct({"label": pa.int64(), "prob": pa.float64()})
    assert table.column_names == ["predicted_bought", "predicted_bought_probs", *rows.column_names]
    assert table.schema.field("predicted_bought").type == pa.int64()
    assert table.schema.field("predicted_bought_probs").type == pa.list_(pair)
    assert table.select(rows.column_names).equals(rows)
    for row in table.slice(0, 50).to_pylist():
        first, second = row["predicted_bought_probs"]
        assert (first["label"], second["label"]) == (1, 0)
        assert first["prob"] + second["prob"] == pytest.approx(1)
        assert row["predicted_bought"] == int(first["prob"] >= 0.5)


def test_a_threshold_changes_the_predicted_label_and_not_the_probabilities(model, rows):
    low, high = (ml.predict_columns(model, rows, threshold) for threshold in (0.0, 1.0))

    assert set(low["predicted_bought"].to_pylist()) == {1}
    assert set(high["predicted_bought"].to_pylist()) == {0}
    assert low["predicted_bought_probs"].equals(high["predicted_bought_probs"])


def test_no_rows_give_no_predictions(model, rows):
    assert ml.predict(model, rows.slice(0, 0)).num_rows == 0
    assert ml.explain_predict(model, rows.slice(0, 0)).num_rows == 0


def test_prediction_needs_no_label_and_accepts_columns_in_any_order_and_case(model, rows):
    other = rows.select(["source", "mobile", "seconds", "bounces"]).rename_columns(
        ["SOURCE", "Mobile", "seconds", "bounces"]
    )
    other = other.append_column("extra", pa.array([[1]] * len(rows)))

    assert np.array_equal(positive(ml.predict(model, other)), positive(ml.predict(model, rows)))


def test_a_null_number_counts_as_the_training_mean(model, rows):
    mean = {row["input"]: row["mean"] for row in ml.feature_info(model).to_pylist()}["seconds"]
    one = rows.slice(0, 1)
    by_null = one.set_column(1, "seconds", pa.array([None], pa.float64()))
    by_mean = one.set_column(1, "seconds", pa.array([mean]))

    assert np.array_equal(positive(ml.predict(model, by_null)), positive(ml.predict(model, by_mean)))


def test_an_untyped_null_is_a_null_of_the_features_type(model, rows):
    untyped = rows.set_column(2, "source", pa.nulls(len(rows)))
    typed = rows.set_column(2, "source", pa.nulls(len(rows), pa.string()))

    assert np.array_equal(positive(ml.predict(model, untyped)), positive(ml.predict(model, typed)))


def test_an_unseen_category_has_weight_0_in_a_linear_model_and_counts_as_null_in_trees(model, rows):
    one = rows.slice(0, 1)
    unseen = ml.explain_predict(model, one.set_column(2, "source", pa.array(["carrier pigeon"])))
    if model.model_type == "LOGISTIC_REGRESSION":
        attributions = {pair["feature"]: pair["attribution"] for pair in unseen["top_feature_attributions"][0].as_py()}
        assert attributions["source"] == 0
    else:
        null = ml.predict(model, one.set_column(2, "source", pa.array([None], pa.string())))
        assert unseen["probability"][0].as_py() == max(positive(null)[0], 1 - positive(null)[0])


def test_in_a_linear_model_null_is_a_separate_category():
    rows = pa.table({"c": pa.array(["a", None] * 300), "label": [0, 1] * 300})
    model = ml.train({"model_type": "LOGISTIC_REG", "l2_reg": 1.0}, rows)

    (row, _) = ml.weights(model).to_pylist()
    by_name = {pair["category"]: pair["weight"] for pair in row["category_weights"]}
    assert by_name["_null_filler"] > 1 > -1 > by_name["a"]


def test_explanations_add_up_to_the_log_odds_of_the_predicted_class(model, rows):
    table = ml.explain_predict(model, rows, top_k_features=10, threshold=0.3)

    assert table.column_names[:6] == [
        "predicted_bought",
        "probability",
        "top_feature_attributions",
        "baseline_prediction_value",
        "prediction_value",
        "approximation_error",
    ]
    for row in table.slice(0, 100).to_pylist():
        total = row["baseline_prediction_value"] + sum(p["attribution"] for p in row["top_feature_attributions"])
        assert total == pytest.approx(row["prediction_value"], abs=1e-9)
        assert 1 / (1 + math.exp(-row["prediction_value"])) == pytest.approx(row["probability"], abs=1e-6)


def test_only_the_largest_attributions_are_shown(model, rows):
    few = ml.explain_predict(model, rows.slice(0, 20), top_k_features=2)["top_feature_attributions"].to_pylist()
    every = ml.explain_predict(model, rows.slice(0, 20), top_k_features=9)["top_feature_attributions"].to_pylist()

    assert [pairs[:2] for pairs in every] == few
    assert all(len(pairs) == 4 for pairs in every)
    sizes = [[abs(pair["attribution"]) for pair in pairs] for pairs in every]
    assert all(row == sorted(row, reverse=True) for row in sizes)
    with pytest.raises(ml.MLError, match="TOP_K_FEATURES must be an INT64 of at least 1; got 0"):
        ml.explain_predict(model, rows, top_k_features=0)


def test_global_explanations_are_mean_absolute_attributions_of_the_evaluation(rows):
    model = ml.train(TREES | EXPLAINED | {"data_split_method": "NO_SPLIT"}, rows)
    parts = np.abs(model.estimator.contributions(Columns(rows))[:, :-1]).mean(axis=0)

    table = ml.global_explain(model)
    assert table.column_names == ["feature", "attribution"]
    assert sorted(table["attribution"].to_pylist()) == pytest.approx(sorted(parts.tolist()))
    assert table["feature"][0].as_py() == model.features[int(parts.argmax())].name
    assert ml.global_explain(model, class_level_explain=True)["class_name"].to_pylist() == ["0"] * 4 + ["1"] * 4


def test_global_explanations_need_an_option_at_training(rows):
    with pytest.raises(ml.MLError, match="ENABLE_GLOBAL_EXPLAIN=TRUE"):
        ml.global_explain(ml.train(LOGISTIC, rows))


def test_weights_and_importance_belong_to_their_model_type(model):
    refused = ml.feature_importance if model.model_type == "LOGISTIC_REGRESSION" else ml.weights
    with pytest.raises(ml.MLError, match=f"not supported for {model.model_type}"):
        refused(model)


def test_feature_info_describes_the_columns_of_the_training(rows):
    model = ml.train(LOGISTIC | {"data_split_method": "NO_SPLIT"}, rows)
    bounces, seconds, source, mobile = ml.feature_info(model).to_pylist()

    known = rows["seconds"].drop_null().to_numpy()
    assert seconds == {
        "input": "seconds",
        "min": known.min(),
        "max": known.max(),
        "mean": pytest.approx(known.mean()),
        "median": pytest.approx(np.median(known)),
        "stddev": pytest.approx(known.std(ddof=1)),
        "category_count": None,
        "null_count": rows["seconds"].null_count,
        "dimension": None,
    }
    assert (source["category_count"], source["null_count"], source["mean"]) == (4, rows["source"].null_count, None)
    assert (mobile["category_count"], bounces["max"]) == (2, 1.0)


def test_a_model_saved_and_loaded_is_the_same_model(model, rows, tmp_path):
    model.save(tmp_path / "model")
    loaded = ml.load(tmp_path / "model")

    assert ml.predict(loaded, rows).equals(ml.predict(model, rows))
    assert ml.explain_predict(loaded, rows.slice(0, 9)).equals(ml.explain_predict(model, rows.slice(0, 9)))
    for function in (ml.evaluate, ml.roc_curve, ml.confusion_matrix, ml.training_info, ml.feature_info):
        assert function(loaded).equals(function(model))
    assert ml.global_explain(loaded).equals(ml.global_explain(model))
    assert ml.describe(loaded) == ml.describe(model)
    assert (loaded.features, loaded.classes, loaded.label_type) == (model.features, model.classes, model.label_type)


def test_training_twice_on_the_same_rows_gives_the_same_model(model, rows):
    given = LOGISTIC if model.model_type == "LOGISTIC_REGRESSION" else TREES

    assert ml.predict(ml.train(given, rows), rows).equals(ml.predict(model, rows))


def test_the_resource_of_a_model_is_json_in_the_form_of_the_api(model):
    shown = json.loads(json.dumps(ml.describe(model), allow_nan=False))

    assert shown["modelType"] == model.model_type
    assert shown["labelColumns"] == [{"name": "bought", "type": {"typeKind": "INT64"}}]
    assert [column["name"] for column in shown["featureColumns"]] == ["bounces", "seconds", "source", "mobile"]
    (run,) = shown["trainingRuns"]
    assert [result["index"] for result in run["results"]] == list(range(len(model.iterations)))
    measured = run["evaluationMetrics"]["binaryClassificationMetrics"]
    assert (measured["positiveLabel"], measured["negativeLabel"]) == ("1", "0")
    aggregate = measured["aggregateClassificationMetrics"]
    assert aggregate["rocAuc"] == ml.evaluate(model)["roc_auc"][0].as_py()
    assert isinstance(measured["binaryConfusionMatrixList"][0]["truePositives"], str)


@pytest.mark.parametrize(
    ("negative", "positive_", "type_", "names"),
    [
        (False, True, "BOOL", ("false", "true")),
        ("no", "yes", "STRING", ("no", "yes")),
        (-1, 10, "INT64", ("-1", "10")),
        (Decimal("0.5"), Decimal(100), "NUMERIC", ("0.5", "100")),
        (0.0, 1.0, "FLOAT64", ("0", "1")),
        (dt.date(2016, 8, 1), dt.date(2017, 8, 1), "DATE", ("2016-08-01", "2017-08-01")),
    ],
)
def test_predicted_labels_have_the_labels_type_and_the_higher_is_positive(negative, positive_, type_, names, tmp_path):
    rows = pa.table({"x": list(range(100)), "label": [negative] * 50 + [positive_] * 50})
    ml.train({"model_type": "LOGISTIC_REG"}, rows).save(tmp_path)
    model = ml.load(tmp_path)

    table = ml.predict(model, rows)
    assert (model.label_type, model.classes) == (type_, [negative, positive_])
    assert model.class_names == names
    assert table["predicted_label"].to_pylist() == rows["label"].to_pylist()
    assert [pair["label"] for pair in table["predicted_label_probs"][0].as_py()] == [positive_, negative]


def test_the_prediction_of_an_instance_has_the_form_of_vertex_ai(model, rows):
    instances = [
        {name: row[name] for name in ("bounces", "seconds", "source", "mobile")} | {"visitor": "ignored"}
        for row in rows.slice(0, 30).to_pylist()
    ]
    answers = ml.predict_instances(model, instances)

    assert answers[0].keys() == {"bought_values", "bought_probs", "predicted_bought"}
    assert answers[0]["bought_values"] == ["1", "0"]
    assert [answer["bought_probs"][0] for answer in answers] == positive(ml.predict(model, rows.slice(0, 30))).tolist()
    assert all(answer["predicted_bought"] == [str(int(answer["bought_probs"][0] >= 0.5))] for answer in answers)
    assert ml.predict_instances(model, []) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bounces": "1"}, "'bounces' must be a number"),
        ({"bounces": True}, "'bounces' must be a number"),
        ({"source": 3}, "'source' must be a string"),
        ({"mobile": "true"}, "'mobile' must be true or false"),
    ],
)
def test_an_instance_of_the_wrong_type_is_refused_by_name(model, change, message):
    good = {"bounces": 1, "seconds": None, "source": "google", "mobile": True}

    assert len(ml.predict_instances(model, [good])) == 1
    with pytest.raises(ml.MLError, match=f"Instance 1: {message}"):
        ml.predict_instances(model, [good, good | change])
    with pytest.raises(ml.MLError, match="Instance 0 lacks 'seconds'"):
        ml.predict_instances(model, [{"bounces": 1}])


def test_categories_of_every_type_are_learned_saved_and_served(tmp_path):
    first = {
        "day": dt.date(2017, 8, 1),
        "at": dt.datetime(2017, 8, 1, 12, 30),  # noqa: DTZ001 - DATETIME has no zone
        "time": dt.time(12, 30),
        "bytes": b"\x00\xff",
        "numeric": Decimal("1.5"),
    }
    second = {
        "day": dt.date(2017, 8, 2),
        "at": dt.datetime(2017, 8, 2, 13, 0),  # noqa: DTZ001 - DATETIME has no zone
        "time": dt.time(13, 0),
        "bytes": b"\x01",
        "numeric": Decimal("2.5"),
    }
    rows = pa.Table.from_pylist([first | {"label": 0}, second | {"label": 1}] * 50)
    ml.train({"model_type": "BOOSTED_TREE_CLASSIFIER"}, rows).save(tmp_path)
    model = ml.load(tmp_path)

    assert [feature.type for feature in model.features] == ["DATE", "DATETIME", "TIME", "BYTES", "NUMERIC"]
    (served,) = ml.predict_instances(
        model,
        [{"day": "2017-08-02", "at": "2017-08-02 13:00:00", "time": "13:00:00", "bytes": "AQ==", "numeric": 2.5}],
    )
    assert served["label_probs"][0] == positive(ml.predict(model, rows.slice(1, 1)), "label")[0]
    with pytest.raises(ml.MLError, match=r"'day' must be a string such as '2017-08-01' \(DATE\); got 'tomorrow'"):
        ml.predict_instances(model, [{name: "tomorrow" if name == "day" else None for name in first}])


def test_a_struct_expands_to_its_fields():
    structs = pa.array([{"bounces": i % 2, "source": "ab"[i % 2]} if i % 7 else None for i in range(200)])
    rows = pa.table({"totals": structs, "label": [i % 2 for i in range(200)]})
    model = ml.train({"model_type": "BOOSTED_TREE_CLASSIFIER"}, rows)

    assert [(feature.name, feature.type) for feature in model.features] == [
        ("totals_bounces", "INT64"),
        ("totals_source", "STRING"),
    ]
    assert ml.feature_info(model)["null_count"].to_pylist() == [29, 29]
    flat = pa.table({"totals_bounces": [1], "totals_source": ["b"]})
    assert positive(ml.predict(model, flat), "label")[0] == positive(ml.predict(model, rows.slice(1, 1)), "label")[0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [[1], [2]], "label": [0, 1]}, "'x' is ARRAY, which cannot be a feature"),
        ({"x": [1.0, math.nan], "label": [0, 1]}, "'x' has NaN or infinite values"),
        ({"x": [1, 2], "X": [1, 2], "label": [0, 1]}, "Duplicate column name 'X'"),
        ({"label": [0, 1]}, "no feature column"),
        ({"x": [1, 2], "label": [0, None]}, "'label' has 1 NULLs: leave them out with WHERE label IS NOT NULL"),
        ({"x": [1, 2], "label": [1, 1]}, "'label' has one value only, 1"),
        ({"x": [1, 2, 3], "label": [1, 2, 3]}, "'label' has 3 values; multiclass models are not supported"),
        ({"x": [1, 2], "label": [[1], [2]]}, "'label' is ARRAY; a label must be"),
        ({"x": [], "label": pa.array([], pa.int64())}, "returns no rows"),
        ({"x": ["_null_filler", "b"], "label": [0, 1]}, "'x' has the value '_null_filler'"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused_by_column(columns, message):
    with pytest.raises(ml.MLError, match=message):
        ml.train({"model_type": "LOGISTIC_REG"}, pa.table(columns))


def test_rows_to_predict_on_must_have_the_features_in_their_types(model, rows):
    with pytest.raises(ml.MLError, match=r"Feature column 'seconds' is missing; the input has: bounces"):
        ml.predict(model, rows.drop_columns("seconds"))
    with pytest.raises(ml.MLError, match=r"'seconds' is STRING, but the model was trained with FLOAT64: cast it"):
        ml.predict(model, rows.set_column(1, "seconds", pa.array(["1"] * len(rows))))
    whole = rows.set_column(1, "seconds", pa.array([3] * len(rows), pa.int32()))
    assert ml.predict(model, whole).num_rows == len(rows)


def test_a_logistic_model_exports_its_weights_as_json(rows, tmp_path):
    model = ml.train(LOGISTIC | {"l2_reg": 1.0}, rows)
    assert ml.export(model, tmp_path) == [tmp_path / "weights.json"]
    exported = json.loads((tmp_path / "weights.json").read_text())
    given = [1 / (1 + math.exp(-margin(exported, row))) for row in rows.slice(0, 200).to_pylist()]
    assert given == pytest.approx(positive(ml.predict(model, rows.slice(0, 200))).tolist(), abs=1e-12)


def test_a_model_with_a_timestamp_is_not_exported(tmp_path):
    at = pa.array(["2017-08-01", "2017-08-02"] * 50).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    model = ml.train({"model_type": "LOGISTIC_REG"}, pa.table({"at": at, "label": [0, 1] * 50}))

    with pytest.raises(ml.MLError, match=r"TIMESTAMP feature cannot be exported, and 'at' is a TIMESTAMP"):
        ml.export(model, tmp_path)


def test_an_input_column_named_like_an_added_one_is_refused(model, rows):
    once = ml.predict(model, rows)

    with pytest.raises(ml.MLError, match="The input has a column 'predicted_bought'"):
        ml.predict(model, once)


def test_numbers_of_every_arrow_type_are_numbers(rows):
    types = [pa.int32(), pa.uint8(), pa.float32(), pa.decimal128(38, 0), pa.decimal256(76, 38)]
    plain = pa.table({"x": [1, 2, 3, 4] * 50, "label": [0, 0, 1, 1] * 50})
    expected = positive(ml.predict(ml.train({"model_type": "LOGISTIC_REG"}, plain), plain), "label")
    for type_ in types:
        other = plain.set_column(0, "x", plain["x"].cast(type_))
        given = positive(ml.predict(ml.train({"model_type": "LOGISTIC_REG"}, other), other), "label")
        assert given == pytest.approx(expected, abs=1e-9)


def test_dictionary_encoded_and_large_strings_are_strings(model, rows):
    for type_ in (pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        other = rows.set_column(2, "source", rows["source"].cast(type_))
        assert np.array_equal(positive(ml.predict(model, other)), positive(ml.predict(model, rows)))
