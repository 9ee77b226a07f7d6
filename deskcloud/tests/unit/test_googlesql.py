"""This project's interface to Google's analyzer and to Google's reference implementation of GoogleSQL."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from dateutil.relativedelta import relativedelta

from deskcloud.googlesql import analysis, dialect, reference, types
from deskcloud.googlesql.catalog import Catalog
from deskcloud.googlesql.errors import Refused
from deskcloud.googlesql.ml import Model

VISITS = [
    {"name": "id", "type": "INTEGER"},
    {"name": "hits", "type": "RECORD", "mode": "REPEATED", "fields": [{"name": "page", "type": "STRING"}]},
]
CATALOG = Catalog(
    {"visits": VISITS, "p.d.visits_*": [*VISITS, {"name": "_TABLE_SUFFIX", "type": "STRING"}]}.get,
    {
        "p.d.trees": Model("BOOSTED_TREE_CLASSIFIER", label="buys"),
        "spend": Model("LINEAR_REGRESSION", label="amount", label_type="NUMERIC"),
        "factors": Model("MATRIX_FACTORIZATION"),
    }.get,
)
ROWS = [{"id": 1, "hits": [{"page": "/"}, {"page": "/cart"}]}, {"id": 2, "hits": []}]


def columns(sql: str, **parameters: str) -> list[str]:
    kinds = {name: types.scalar(kind) for name, kind in parameters.items()}
    return [f"{one.name} {types.text(one.type)}" for one in analysis.analyze(sql, CATALOG, kinds)]


def one_value(sql: str):
    [row] = reference.run(f"select {sql}", CATALOG).rows
    return row[0]


def test_columns_have_bigquerys_names_and_types():
    assert columns("select id + 1 as next, hits, 1.5, 'a' from visits") == [
        "next INT64",
        "hits ARRAY<STRUCT<page STRING>>",
        "f0_ FLOAT64",
        "f1_ STRING",
    ]


def test_a_type_stays_the_same_if_it_is_converted_for_the_rest_api_and_back():
    kind = analysis.analyze("select [struct(1 as a, range<date> '[2020-01-01, unbounded)' as r)] as x", CATALOG)[0].type
    assert types.of_field(types.field("x", kind)) == kind


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select row_number() over (partition by x) from unnest([1.5]) as x", "FLOAT64 is not allowed"),
        ("select id from nowhere", "Table not found: nowhere"),
        ("select @limit", "Query parameter 'limit' not found"),
        ("select * from ml.predict(model gone, table visits)", "Not found: Model gone"),
        ("select * from ml.predict(model `p.d.trees`, (select nothing from visits))", "Unrecognized name: nothing"),
        ("select * from ml.guess(model `p.d.trees`)", "Function not found: ML.GUESS"),
    ],
)
def test_a_refusal_is_in_googles_words(sql, words):
    with pytest.raises(Refused, match=words):
        columns(sql)


def test_a_parameter_has_the_type_that_it_is_declared_with():
    assert columns("select @day as day", day="DATE") == ["day DATE"]
    with pytest.raises(Refused, match="No matching signature"):
        columns("select @day + 1.5 as day", day="STRING")


def test_ml_predict_puts_the_predicted_columns_first():
    assert columns(
        "select * from ml.predict(model `p.d.trees`, (select id from visits), struct(0.3 as threshold))"
    ) == [
        "predicted_buys INT64",
        "predicted_buys_probs ARRAY<STRUCT<label INT64, prob FLOAT64>>",
        "id INT64",
    ]


def test_the_columns_of_ml_evaluate_are_those_of_the_models_kind():
    assert columns("select * from ml.evaluate(model `p.d.trees`)")[0] == "precision FLOAT64"
    assert columns("select * from ml.evaluate(model factors)")[0] == "mean_average_precision FLOAT64"
    assert columns("select * from ml.evaluate(model spend)") == [
        f"{name} FLOAT64"
        for name in (
            "mean_absolute_error",
            "mean_squared_error",
            "mean_squared_log_error",
            "median_absolute_error",
            "r2_score",
            "explained_variance",
        )
    ]


def test_a_regressors_prediction_is_a_float64_without_probability():
    assert columns("select * from ml.predict(model spend, (select id from visits))") == [
        "predicted_amount FLOAT64",
        "id INT64",
    ]
    explained = columns("select * from ml.explain_predict(model spend, (select id from visits))")
    assert explained == [
        "predicted_amount FLOAT64",
        "top_feature_attributions ARRAY<STRUCT<feature STRING, attribution FLOAT64>>",
        "baseline_prediction_value FLOAT64",
        "prediction_value FLOAT64",
        "approximation_error FLOAT64",
        "id INT64",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "select id from visits qualify row_number() over (order by id) = 1",
        "select (select min_by(x, y) from unnest([struct(1 as x, 2 as y)])) as least",
        "select id, _table_suffix from `p.d.visits_*` where _table_suffix between '1' and '2'",
    ],
)
def test_bigquery_features_that_the_analyzer_does_not_know_are_accepted(sql):
    assert columns(sql)


def refusal(sql: str) -> Refused:
    with pytest.raises(Refused) as refused:
        columns(sql)
    return refused.value


@pytest.mark.parametrize("name", [name for names in dialect.FUNCTIONS.values() for name in names])
def test_the_analyzer_still_lacks_each_listed_function(name):
    assert dialect.is_beyond(refusal(f"select {name}{'call' if name.endswith('.') else ''}()"))


@pytest.mark.parametrize(
    "sql", ["select @@project_id", "select d.my_function(1)", "select * from d.my_table_function(1)"]
)
def test_names_that_only_the_project_defines_are_not_refused(sql):
    assert dialect.is_beyond(refusal(sql))


@pytest.mark.parametrize(
    "sql", ["select my_function(1)", "select safe.my_function(1)", "select net.hosts('a')", "select x"]
)
def test_names_that_nobody_defines_are_refused(sql):
    assert not dialect.is_beyond(refusal(sql))


def test_a_table_with_a_quoted_path_is_found_by_its_last_name():
    assert columns("select `visits_*`.id from `p.d.visits_*`") == ["id INT64"]
    rows = {"p.d.visits_*": [{"id": 7, "_TABLE_SUFFIX": "1"}, {"id": 8, "_TABLE_SUFFIX": "2"}]}
    assert reference.run("select id from p.d.`visits_*` where _table_suffix = '2'", CATALOG, rows).rows == [(8,)]


def test_a_query_of_two_tables_with_the_same_last_name_cannot_be_run():
    catalog = Catalog({"a.t": VISITS, "b.t": VISITS}.get)
    assert analysis.analyze("select x.id from a.t as x, b.t as y", catalog)
    with pytest.raises(ValueError, match="same last name"):
        reference.run("select x.id from a.t as x, b.t as y", catalog)


def test_the_columns_of_ml_recommend_depend_on_the_feedback_type():
    explicit = Catalog({}.get, lambda _: Model("MATRIX_FACTORIZATION", user_type="INT64", is_implicit=False))
    found = analysis.analyze("select * from ml.recommend(model m)", explicit)
    assert [(one.name, types.text(one.type)) for one in found] == [
        ("predicted_rating", "FLOAT64"),
        ("user", "INT64"),
        ("item", "STRING"),
    ]


def test_max_by_gives_the_same_as_any_value_having_max():
    assert one_value("(select max_by(x, y) from unnest([struct('a' as x, 1 as y), ('b', 2)]))") == "b"


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("timestamp '1924-01-01 00:00:00.000001+01'", dt.datetime(1923, 12, 31, 23, 0, 0, 1, dt.UTC)),
        ("datetime '2020-02-29 10:11:12.5'", dt.datetime.fromisoformat("2020-02-29T10:11:12.5")),
        ("date '1969-12-31'", dt.date(1969, 12, 31)),
        ("time '23:59:59.000001'", dt.time(23, 59, 59, 1)),
        ("numeric '-1.50'", Decimal("-1.5")),
        ("bignumeric '123456789012345678901234567890.5'", Decimal("123456789012345678901234567890.5")),
        ("numeric '100'", Decimal(100)),
        ("b'\\x00\\xff'", b"\x00\xff"),
        ("json '{\"a\": [1, null]}'", {"a": [1, None]}),
        ("interval '-1-2 3 -4:5:6.7' year to second", relativedelta(months=-14, days=3, seconds=-14706.7).normalized()),
        ("range<date> '[2020-01-01, unbounded)'", {"start": dt.date(2020, 1, 1), "end": None}),
        ("struct(1, 'a' as b)", {"_field_1": 1, "b": "a"}),
        ("cast(null as array<int64>)", []),
        ("cast(null as string)", None),
    ],
)
def test_values_have_the_python_types_of_googles_client(sql, value):
    assert one_value(sql) == value


def test_a_query_runs_on_the_rows_that_are_given():
    result = reference.run(
        "select id, (select count(*) from unnest(hits)) as hits from visits where id < @below order by id",
        CATALOG,
        {"visits": ROWS},
        {"below": (types.scalar("INT64"), 2)},
    )
    assert result.rows == [(1, 2)]


@pytest.mark.parametrize(
    ("sql", "ids", "count"),
    [
        ("delete from visits where id = 1", [2], 1),
        ("update visits set id = id + 10 where id = 1", [2, 11], 1),
        ("insert into visits (id) values (3)", [1, 2, 3], 1),
        ("insert into visits select id * 10, hits from visits", [1, 2, 10, 20], 2),
        (
            """
            merge into visits as v using (select id + 1 as other from visits) as s on v.id = s.other
            when matched and case when s.other = 2 then true end then update set id = v.id * 100, hits = default
            when not matched then insert (id) values (s.other)
            when not matched by source and false then delete
            when not matched by source then update set v.id = -v.id
            """,
            [-1, 3, 200],
            3,
        ),
        ("merge visits using (select * from visits) as s on false when not matched then insert row", [1, 1, 2, 2], 2),
    ],
)
def test_a_dml_statement_returns_the_rows_of_its_table_afterwards(sql, ids, count):
    modified = reference.modify(sql, CATALOG, {"visits": ROWS})
    assert (sorted(row["id"] for row in modified.rows), modified.count) == (ids, count)


def test_a_merge_that_updates_a_row_twice_is_refused():
    sql = "merge visits using unnest([1, 1]) as s on id = s when matched then delete"
    with pytest.raises(Refused, match="must match at most one source row"):
        reference.modify(sql, CATALOG, {"visits": ROWS})


def test_many_catalogs_and_threads_at_once_do_not_mix_their_tables():
    def columns(number):
        catalog = Catalog({"t": [{"name": f"c{number % 40}", "type": "INT64"}]}.get)
        return [one.name for one in analysis.analyze("select * from t", catalog)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(columns, range(80))) == [[f"c{number % 40}"] for number in range(80)]
