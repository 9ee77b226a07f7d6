"""The options of CREATE MODEL."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.discovery import Body, Document
from desk.ml import LINEAR, LOGISTIC, TREE_REGRESSOR, TREES, sessions
from deskcloud.bigquery import ml
from deskcloud.bigquery.ml import options as rules


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "MODEL_TYPE is required"),
        ({"model_type": "KMEANS"}, r"MODEL_TYPE must be one of 'LINEAR_REG', 'LOGISTIC_REG'.*'KMEANS'"),
        (LOGISTIC | {"num_clusters": 3}, "NUM_CLUSTERS is not supported for model type LOGISTIC_REGRESSION"),
        (LOGISTIC | {"max_tree_depth": 3}, "MAX_TREE_DEPTH is not supported for model type LOGISTIC_REGRESSION"),
        (TREES | {"fit_intercept": True}, "FIT_INTERCEPT is not supported for model type BOOSTED_TREE_CLASSIFIER"),
        (LOGISTIC | {"num_trials": 10}, "NUM_TRIALS: hyperparameter tuning"),
        (LOGISTIC | {"warm_start": True}, "WARM_START=TRUE is not supported"),
        (LOGISTIC | {"calculate_p_values": True}, "CALCULATE_P_VALUES=TRUE is not supported"),
        (LOGISTIC | {"max_iterations": 0}, "MAX_ITERATIONS must be an INT64 of at least 1; got 0"),
        (LOGISTIC | {"max_iterations": 2.5}, "MAX_ITERATIONS must be an INT64"),
        (LOGISTIC | {"early_stop": "yes"}, "EARLY_STOP must be TRUE or FALSE; got 'yes'"),
        (LOGISTIC | {"l2_reg": -1}, "L2_REG must be a FLOAT64 of at least 0; got -1"),
        (LOGISTIC | {"l2_reg": float("nan")}, "L2_REG must be a FLOAT64"),
        (LOGISTIC | {"learn_rate": 0.1}, "LEARN_RATE needs LEARN_RATE_STRATEGY='CONSTANT'"),
        (LOGISTIC | {"learn_rate_strategy": "CONSTANT", "ls_init_learn_rate": 1}, "LS_INIT_LEARN_RATE needs"),
        (LOGISTIC | {"labels": ["bought"]}, "LABELS is the former name of INPUT_LABEL_COLS"),
        (LOGISTIC | {"input_label_cols": ["a", "b"]}, "INPUT_LABEL_COLS must be an array with the name of one column"),
        (LOGISTIC | {"data_split_method": "CUSTOM"}, "'CUSTOM' needs DATA_SPLIT_COL"),
        (LOGISTIC | {"data_split_col": "day"}, "DATA_SPLIT_COL needs"),
        (LOGISTIC | {"data_split_eval_fraction": 0.3}, "DATA_SPLIT_EVAL_FRACTION needs"),
        (LOGISTIC | {"data_split_test_fraction": 0.1}, "DATA_SPLIT_TEST_FRACTION must be"),
        (LOGISTIC | {"auto_class_weights": True, "class_weights": [("0", 1.0), ("1", 2.0)]}, "exclude each other"),
        (LOGISTIC | {"class_weights": [(0, 1.0), (1, 2.0)]}, "each label as a STRING"),
        (LOGISTIC | {"category_encoding_method": "LABEL_ENCODING"}, "CATEGORY_ENCODING_METHOD must be one of"),
        (LINEAR | {"auto_class_weights": True}, "AUTO_CLASS_WEIGHTS is not supported for model type LINEAR_REGRESSION"),
        (LINEAR | {"optimize_strategy": "NORMAL_EQUATION", "l1_reg": 0}, "'NORMAL_EQUATION' and L1_REG exclude"),
        (LINEAR | {"optimize_strategy": "ADAM"}, "OPTIMIZE_STRATEGY must be one of .*'NORMAL_EQUATION'; got 'ADAM'"),
        (LINEAR | {"learn_rate": 0.1}, "LEARN_RATE needs LEARN_RATE_STRATEGY='CONSTANT'"),
        (LOGISTIC | {"optimize_strategy": "NORMAL_EQUATION"}, "OPTIMIZE_STRATEGY must be one of"),
        (
            TREE_REGRESSOR | {"class_weights": [("0", 1.0)]},
            "CLASS_WEIGHTS is not supported for model type BOOSTED_TREE",
        ),
        (TREE_REGRESSOR | {"dropout": 0.1}, "DROPOUT needs BOOSTER_TYPE='DART'"),
        (TREES | {"category_encoding_method": "TARGET_ENCODING"}, "'TARGET_ENCODING' is not supported"),
        (TREES | {"dropout": 0.1}, "DROPOUT needs BOOSTER_TYPE='DART'"),
        (TREES | {"auto_class_weights": True, "instance_weight_col": "w"}, "exclude each other"),
        (TREES | {"approx_global_feature_contrib": True}, "needs ENABLE_GLOBAL_EXPLAIN=TRUE"),
        (TREES | {"xgboost_version": "3.0"}, "XGBOOST_VERSION must be one of '0.9', '1.1', '2.1'"),
        (TREES | {"kms_key_name": "k"}, "KMS_KEY_NAME: models are not encrypted"),
        (TREES | {"model_registry": "VERTEX_AI"}, "MODEL_REGISTRY is not supported"),
    ],
)
def test_an_unsupported_option_is_named(options, message):
    with pytest.raises(ml.MLError, match=message) as refused:
        ml.train(options, sessions(50))
    assert refused.value.reason == "invalidQuery"


def test_class_weights_must_name_every_label():
    with pytest.raises(ml.MLError, match=r"a weight for every label, as STRING: '0', '1'; got '1'"):
        ml.train(LOGISTIC | {"class_weights": [("1", 2.0)]}, sessions(50))


def test_the_old_name_of_the_label_option_still_works():
    model = ml.train({"MODEL_TYPE": "logistic_reg", "labels": ["BOUGHT"]}, sessions(600))

    assert (model.label, model.model_type) == ("bought", "LOGISTIC_REGRESSION")
    assert model.training_options["inputLabelColumns"] == ["BOUGHT"]


def test_the_label_is_called_label_unless_named():
    rows = sessions(600).rename_columns(["bounces", "seconds", "source", "mobile", "label"])

    assert ml.train({"model_type": "LOGISTIC_REG"}, rows).label == "label"
    with pytest.raises(ml.MLError, match=r"Label column 'label' is not in the query's result, which has: bounces"):
        ml.train({"model_type": "LOGISTIC_REG"}, sessions(600))


def test_the_training_options_in_the_resource_include_the_defaults():
    model = ml.train(TREES | {"max_tree_depth": 4}, sessions(600))

    shown = model.training_options
    assert shown["maxIterations"] == "20"
    assert shown["maxTreeDepth"] == "4"
    assert shown["learnRate"] == 0.3
    assert shown["l2Regularization"] == 1.0
    assert shown["dataSplitMethod"] == "AUTO_SPLIT"
    assert "dataSplitColumn" not in shown


anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()))
names = st.one_of(
    st.sampled_from(sorted(set(rules.OPTIONS[rules.LOGISTIC]) | set(rules.OPTIONS[rules.TREES]))), st.text()
)
losses = {
    "LOGISTIC_REG": "MEAN_LOG_LOSS",
    "boosted_tree_classifier": "MEAN_LOG_LOSS",
    "LINEAR_REG": "MEAN_SQUARED_LOSS",
    "boosted_tree_regressor": "MEAN_SQUARED_LOSS",
    None: None,
}


@pytest.mark.parametrize(
    "options",
    [
        LOGISTIC,
        LOGISTIC | {"optimize_strategy": "BATCH_GRADIENT_DESCENT", "class_weights": [("0", 1.0), ("1", 2.0)]},
        LOGISTIC | {"data_split_method": "SEQ", "data_split_col": "SEQ", "data_split_eval_fraction": 0.3},
        TREES | {"booster_type": "DART", "data_split_method": "RANDOM", "xgboost_version": "1.1"},
        LINEAR | {"optimize_strategy": "NORMAL_EQUATION"},
        LINEAR | {"learn_rate_strategy": "CONSTANT", "l1_reg": 1.0},
        TREE_REGRESSOR | {"booster_type": "DART", "instance_weight_col": "w"},
        {"model_type": "MATRIX_FACTORIZATION", "feedback_type": "IMPLICIT"},
    ],
)
def test_training_options_have_the_fields_and_enum_values_of_the_api(options):
    body = Body(Document.of("bigquery.v2"), is_answer=True)
    body.check(rules.training_options(rules.parse(options)), {"$ref": "TrainingOptions"})
    assert body.problems == []


@given(st.dictionaries(names, anything), st.sampled_from(list(losses)))
@settings(deadline=None, max_examples=60)
def test_any_options_are_either_understood_or_refused(given_options, model_type):
    with suppress(ml.MLError):
        parsed = rules.parse(given_options | {"model_type": model_type})
        assert rules.training_options(parsed)["lossType"] == losses[model_type]
