"""Define the options of CREATE MODEL: names, defaults and rules.

The options about Vertex AI's model registry are not handled here. create_model.py in the gateway handles them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deskcloud.bigquery.ml.errors import MLError

Parser = Callable[[str, object], Any]

LINEAR = "LINEAR_REGRESSION"
LOGISTIC = "LOGISTIC_REGRESSION"
TREES = "BOOSTED_TREE_CLASSIFIER"
TREE_REGRESSOR = "BOOSTED_TREE_REGRESSOR"
FACTORIZATION = "MATRIX_FACTORIZATION"

LINEAR_MODELS = frozenset({LINEAR, LOGISTIC})
REGRESSORS = frozenset({LINEAR, TREE_REGRESSOR})

MODEL_TYPES = {
    "LINEAR_REG": LINEAR,
    "LOGISTIC_REG": LOGISTIC,
    "BOOSTED_TREE_CLASSIFIER": TREES,
    "BOOSTED_TREE_REGRESSOR": TREE_REGRESSOR,
    "MATRIX_FACTORIZATION": FACTORIZATION,
}
"""Maps each model type in SQL to its value in the API's enum."""

AUTO, GRADIENT, NORMAL_EQUATION = "AUTO_STRATEGY", "BATCH_GRADIENT_DESCENT", "NORMAL_EQUATION"


@dataclass(frozen=True)
class Option:
    """The default of an option, and the function `parse` that checks a value.

    `api` is the option's field in the API's trainingOptions, or None if there is no such field.
    """

    api: str | None
    default: Any
    parse: Parser


def _refuse(name: str, rule: str, value: object) -> MLError:
    return MLError(f"Option {name.upper()} must be {rule}; got {value!r}.")


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse(name, "TRUE or FALSE", value)
    return value


def _only_false(remedy: str) -> Parser:
    def parse(name: str, value: object) -> bool:
        if _boolean(name, value):
            raise MLError(f"Option {name.upper()}=TRUE is not supported: {remedy}.")
        return False

    return parse


def _whole(low: int, high: int | None = None) -> Parser:
    rule = f"an INT64 of at least {low}" if high is None else f"an INT64 from {low} to {high}"

    def parse(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            raise _refuse(name, rule, value)
        return value

    return parse


def _number(low: float, high: float = math.inf, *, above: bool = False) -> Parser:
    """Return a parser for FLOAT64 from `low` to `high`. If `above`, the value must be greater than `low`."""
    rule = f"a FLOAT64 {'above' if above else 'of at least'} {low:g}"
    rule += "" if high == math.inf else f" and at most {high:g}"

    def parse(name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _refuse(name, rule, value)
        if value < low or value > high or (above and value == low):
            raise _refuse(name, rule, value)
        return float(value)

    return parse


def _choice(*allowed: str) -> Parser:
    def parse(name: str, value: object) -> str:
        if not isinstance(value, str) or value.upper() not in allowed:
            raise _refuse(name, "one of " + ", ".join(f"'{a}'" for a in allowed), value)
        return value.upper()

    return parse


def _column_name(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _refuse(name, "the name of a column", value)
    return value


def _label_column(name: str, value: object) -> str:
    if isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    raise _refuse(name, "an array with the name of one column, such as ['label']", value)


def _class_weights(name: str, value: object) -> dict[str, float]:
    rule = "an array such as [STRUCT('0', 0.1), STRUCT('1', 0.9)]: each label as a STRING, once, and a positive weight"
    weights: dict[str, float] = {}
    for pair in value if isinstance(value, list | tuple) and value else [()]:
        label, weight = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (None, None)
        if not isinstance(label, str) or label in weights:
            raise _refuse(name, rule, value)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise _refuse(name, rule, value)
        weights[label] = float(weight)
    return weights


def _target_encoding(name: str, value: object) -> str:
    if isinstance(value, str) and value.upper() == "TARGET_ENCODING":
        raise MLError("CATEGORY_ENCODING_METHOD='TARGET_ENCODING' is not supported: use LABEL_ or ONE_HOT_ENCODING.")
    return str(_choice("LABEL_ENCODING", "ONE_HOT_ENCODING")(name, value))


_LABELS = "inputLabelColumns"

_ITERATIVE = {
    "max_iterations": Option("maxIterations", 20, _whole(1)),
    "early_stop": Option("earlyStop", True, _boolean),
    "min_rel_progress": Option("minRelativeProgress", 0.01, _number(0)),
    "data_split_eval_fraction": Option("dataSplitEvalFraction", None, _number(0.01, 0.99)),
    "data_split_test_fraction": Option(None, 0.0, _number(0, 0)),
    "data_split_col": Option("dataSplitColumn", None, _column_name),
}

_split_method = _choice("AUTO_SPLIT", "RANDOM", "CUSTOM", "SEQ", "NO_SPLIT")

_SUPERVISED = _ITERATIVE | {
    "input_label_cols": Option(_LABELS, "label", _label_column),
    "data_split_method": Option("dataSplitMethod", "AUTO_SPLIT", _split_method),
    "enable_global_explain": Option("enableGlobalExplain", False, _boolean),
}

_CLASSIFIER = {
    "auto_class_weights": Option("autoClassWeights", False, _boolean),
    "class_weights": Option("labelClassWeights", None, _class_weights),
}

_LINEAR = _SUPERVISED | {
    "l1_reg": Option("l1Regularization", 0.0, _number(0)),
    "l2_reg": Option("l2Regularization", 0.0, _number(0)),
    "learn_rate": Option("learnRate", None, _number(0, above=True)),
    "learn_rate_strategy": Option("learnRateStrategy", "LINE_SEARCH", _choice("LINE_SEARCH", "CONSTANT")),
    "ls_init_learn_rate": Option("initialLearnRate", None, _number(0, above=True)),
    "fit_intercept": Option("fitIntercept", True, _boolean),
    "calculate_p_values": Option(
        "calculatePValues", False, _only_false("standard errors are not computed; leave it out")
    ),
    "category_encoding_method": Option(
        "categoryEncodingMethod", "ONE_HOT_ENCODING", _choice("ONE_HOT_ENCODING", "DUMMY_ENCODING")
    ),
    "warm_start": Option("warmStart", False, _only_false("train again from the start")),
}

_TREES = _SUPERVISED | {
    "l1_reg": Option("l1Regularization", 0.0, _number(0)),
    "l2_reg": Option("l2Regularization", 1.0, _number(0)),
    "learn_rate": Option("learnRate", 0.3, _number(0, above=True)),
    "booster_type": Option("boosterType", "GBTREE", _choice("GBTREE", "DART")),
    "dart_normalize_type": Option("dartNormalizeType", "TREE", _choice("TREE", "FOREST")),
    "num_parallel_tree": Option("numParallelTree", 1, _whole(1)),
    "max_tree_depth": Option("maxTreeDepth", 6, _whole(1, 20)),
    "dropout": Option("dropout", 0.0, _number(0, 1)),
    "tree_method": Option("treeMethod", "AUTO", _choice("AUTO", "EXACT", "APPROX", "HIST")),
    "min_tree_child_weight": Option("minTreeChildWeight", 1, _whole(0)),
    "colsample_bytree": Option("colsampleBytree", 1.0, _number(0, 1, above=True)),
    "colsample_bylevel": Option("colsampleBylevel", 1.0, _number(0, 1, above=True)),
    "colsample_bynode": Option("colsampleBynode", 1.0, _number(0, 1, above=True)),
    "min_split_loss": Option("minSplitLoss", 0.0, _number(0)),
    "subsample": Option("subsample", 1.0, _number(0, 1, above=True)),
    "instance_weight_col": Option("instanceWeightColumn", None, _column_name),
    # The installed version of XGBoost trains the model, whatever this option says. An exported booster has the format
    # of version 0.82.
    "xgboost_version": Option("xgboostVersion", "0.9", _choice("0.9", "1.1", "2.1")),
    "approx_global_feature_contrib": Option("approxGlobalFeatureContrib", None, _boolean),
    "category_encoding_method": Option("categoryEncodingMethod", "LABEL_ENCODING", _target_encoding),
}

OPTIONS: dict[str, dict[str, Option]] = {
    LOGISTIC: _LINEAR
    | _CLASSIFIER
    # Both values select gradient methods, which reach the same optimum.
    | {"optimize_strategy": Option("optimizationStrategy", AUTO, _choice(AUTO, GRADIENT))},
    LINEAR: _LINEAR
    | {
        "optimize_strategy": Option("optimizationStrategy", AUTO, _choice(AUTO, GRADIENT, NORMAL_EQUATION)),
        # None means that the statement does not set the option. AUTO_STRATEGY selects the normal equation only then.
        "l1_reg": Option("l1Regularization", None, _number(0)),
    },
    TREES: _TREES | _CLASSIFIER,
    TREE_REGRESSOR: _TREES,
    FACTORIZATION: _ITERATIVE
    | {
        "data_split_method": Option("dataSplitMethod", "NO_SPLIT", _split_method),
        "feedback_type": Option("feedbackType", "EXPLICIT", _choice("EXPLICIT", "IMPLICIT")),
        # None means log2 of the number of training rows.
        "num_factors": Option("numFactors", None, _whole(2, 200)),
        "user_col": Option("userColumn", "user", _column_name),
        "item_col": Option("itemColumn", "item", _column_name),
        "rating_col": Option(_LABELS, "rating", _column_name),
        "wals_alpha": Option("walsAlpha", None, _number(0)),
        # With L2 = 0, a user with fewer ratings than factors has no unique solution.
        "l2_reg": Option("l2Regularization", 1.0, _number(0, above=True)),
    },
}

# Maps a field of trainingOptions and a value in SQL to the value in the API's enum, if the two values differ. None
# means that the enum has no such value.
_ENUM_VALUES: dict[tuple[str | None, str], str | None] = {
    ("optimizationStrategy", AUTO): None,
    ("dataSplitMethod", "SEQ"): "SEQUENTIAL",
}
_LOG_LOSS = frozenset({LOGISTIC, TREES})

_TUNING = "hyperparameter tuning is not supported: train one model for each candidate and compare them"
_UNSUPPORTED = {
    "num_trials": _TUNING,
    "max_parallel_trials": _TUNING,
    "hparam_tuning_algorithm": _TUNING,
    "hparam_tuning_objectives": _TUNING,
    "kms_key_name": "models are not encrypted here; leave it out",
}


def parse(given: dict[str, object]) -> dict[str, Any]:
    """Return a dict that maps the lower-case name of each option of the model type to the option's value or default.

    The entry `model_type` is the model type's value in the API's enum.

    Raises:
        MLError: an option is unknown, unsupported, out of range, or conflicts with another option.
    """
    given = {name.lower(): value for name, value in given.items()}
    model_type = _model_type(given.pop("model_type", None))
    known = OPTIONS[model_type]
    if "labels" in given and "input_label_cols" in known:
        # LABELS is the former name of INPUT_LABEL_COLS and is still in common use.
        if "input_label_cols" in given:
            raise MLError("LABELS is the former name of INPUT_LABEL_COLS: give one of them.")
        given["input_label_cols"] = given.pop("labels")
    for name in given:
        if name in _UNSUPPORTED:
            raise MLError(f"Option {name.upper()}: {_UNSUPPORTED[name]}.")
        if name not in known:
            raise MLError(
                f"Option {name.upper()} is not supported for model type {model_type}; "
                f"supported are {', '.join(sorted(known)).upper()}."
            )
    options = {name: option.default for name, option in known.items()}
    options |= {name: known[name].parse(name, value) for name, value in given.items() if value is not None}
    options["model_type"] = model_type
    _hold_together(options)
    return options


def _model_type(value: object) -> str:
    if isinstance(value, str) and value.upper() in MODEL_TYPES:
        return MODEL_TYPES[value.upper()]
    raise MLError(
        f"Option MODEL_TYPE must be one of {', '.join(map(repr, MODEL_TYPES))} here; got {value!r}."
        if value is not None
        else f"Option MODEL_TYPE is required: one of {', '.join(map(repr, MODEL_TYPES))}."
    )


def _hold_together(options: dict[str, Any]) -> None:
    """Check the rules that concern several options. Set the defaults that depend on another option."""
    method, column = options["data_split_method"], options["data_split_col"]
    if method in {"CUSTOM", "SEQ"} and column is None:
        raise MLError(f"DATA_SPLIT_METHOD='{method}' needs DATA_SPLIT_COL, the column to split by.")
    if method not in {"CUSTOM", "SEQ"} and column is not None:
        raise MLError(f"DATA_SPLIT_COL needs DATA_SPLIT_METHOD 'CUSTOM' or 'SEQ', not '{method}'.")
    if method not in {"RANDOM", "SEQ"} and options["data_split_eval_fraction"] is not None:
        raise MLError(f"DATA_SPLIT_EVAL_FRACTION needs DATA_SPLIT_METHOD 'RANDOM' or 'SEQ', not '{method}'.")
    if options["data_split_eval_fraction"] is not None:
        options["data_split_eval_fraction"] = round(options["data_split_eval_fraction"], 2)
    if options.get("auto_class_weights") and options["class_weights"]:
        raise MLError("AUTO_CLASS_WEIGHTS and CLASS_WEIGHTS exclude each other: give one of them.")
    if options["model_type"] in LINEAR_MODELS:
        _hold_linear(options)
    elif options["model_type"] == FACTORIZATION:
        _hold_factorization(options)
    else:
        _hold_trees(options)


def _hold_linear(options: dict[str, Any]) -> None:
    if options["optimize_strategy"] == NORMAL_EQUATION and options["l1_reg"] is not None:
        raise MLError("OPTIMIZE_STRATEGY='NORMAL_EQUATION' and L1_REG exclude each other: give one of them.")
    constant = options["learn_rate_strategy"] == "CONSTANT"
    if constant and options["ls_init_learn_rate"] is not None:
        raise MLError("LS_INIT_LEARN_RATE needs LEARN_RATE_STRATEGY='LINE_SEARCH'; set LEARN_RATE instead.")
    if not constant and options["learn_rate"] is not None:
        raise MLError("LEARN_RATE needs LEARN_RATE_STRATEGY='CONSTANT'; set LS_INIT_LEARN_RATE instead.")
    name = "learn_rate" if constant else "ls_init_learn_rate"
    options[name] = options[name] or 0.1


def _hold_trees(options: dict[str, Any]) -> None:
    if options["booster_type"] != "DART" and options["dropout"]:
        raise MLError("DROPOUT needs BOOSTER_TYPE='DART'.")
    if options["instance_weight_col"] and (options.get("auto_class_weights") or options.get("class_weights")):
        raise MLError("INSTANCE_WEIGHT_COL and class weights exclude each other: give one of them.")
    if options["approx_global_feature_contrib"] is None:
        options["approx_global_feature_contrib"] = (
            options["enable_global_explain"] and options["num_parallel_tree"] >= 10
        )
    elif options["approx_global_feature_contrib"] and not options["enable_global_explain"]:
        raise MLError("APPROX_GLOBAL_FEATURE_CONTRIB=TRUE needs ENABLE_GLOBAL_EXPLAIN=TRUE.")


def _hold_factorization(options: dict[str, Any]) -> None:
    names = [
        options[name].lower() for name in ("user_col", "item_col", "rating_col", "data_split_col") if options[name]
    ]
    if len(set(names)) < len(names):
        raise MLError("USER_COL, ITEM_COL, RATING_COL and DATA_SPLIT_COL must be different columns.")
    if options["feedback_type"] == "EXPLICIT" and options["wals_alpha"] is not None:
        raise MLError("WALS_ALPHA needs FEEDBACK_TYPE='IMPLICIT'.")
    if options["feedback_type"] == "IMPLICIT" and options["wals_alpha"] is None:
        options["wals_alpha"] = 40.0


def training_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the API's trainingOptions. INT64 values are strings, and options that are None are left out."""
    loss = "MEAN_LOG_LOSS" if options["model_type"] in _LOG_LOSS else "MEAN_SQUARED_LOSS"
    shown: dict[str, Any] = {"lossType": loss}
    for name, option in OPTIONS[options["model_type"]].items():
        value = options[name]
        if option.api == _LABELS:
            value = [value]
        elif isinstance(value, str):
            value = _ENUM_VALUES.get((option.api, value), value)
        elif isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if option.api and value is not None:
            shown[option.api] = value
    return shown
