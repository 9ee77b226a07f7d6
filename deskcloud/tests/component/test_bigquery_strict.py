"""The strict local BigQuery refuses exactly the statements that Google's own analyzer refuses."""

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery

from desk.bigquery import PROJECT, connect
from deskcloud.bigquery.gateway import app
from deskcloud.web import serving

DATASET = "strict"
POSITIONAL = [
    bigquery.ScalarQueryParameter(None, "STRING", "a"),
    bigquery.ArrayQueryParameter(None, "STRING", ["a", "b"]),
]
VISITS = [
    bigquery.SchemaField("id", "INT64"),
    bigquery.SchemaField("seconds", "FLOAT64"),
    bigquery.SchemaField("hits", "RECORD", "REPEATED", fields=[bigquery.SchemaField("page", "STRING")]),
]
ROWS = [{"id": number, "seconds": number % 7 + 0.5, "hits": [{"page": "/"}]} for number in range(60)]
MODEL = """
    create or replace model strict.buyers
    options (model_type = 'logistic_reg', input_label_cols = ['buys'], max_iterations = 2) as
    select seconds, mod(id, 2) as buys from visits
"""


@pytest.fixture(scope="module")
def client(bigquery_emulator, tmp_path_factory):
    state = tmp_path_factory.mktemp("strict")
    with serving.serve(app.create_app(bigquery_emulator, state, is_strict=True)) as url:
        client = connect(url)
        client.create_dataset(DATASET)
        config = bigquery.LoadJobConfig(schema=VISITS)
        for table in ("visits", "day_20260101", "day_20260102"):
            client.load_table_from_json(ROWS, f"{PROJECT}.{DATASET}.{table}", job_config=config).result()
        yield client


def run(client, sql, *parameters):
    config = bigquery.QueryJobConfig(
        default_dataset=f"{PROJECT}.{DATASET}", query_parameters=parameters, use_legacy_sql=False
    )
    return [tuple(row.values()) for row in client.query(sql, job_config=config).result()]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "select row_number() over (partition by seconds) from visits",
            r"Partitioning by expressions of type FLOAT64 is not allowed at \[1:40\]",
        ),
        ("select page from visits", r"Unrecognized name: page at \[1:8\]"),
        ("select from visits where", "Syntax error"),
        ("delete from visits where id = 'one'", "No matching signature for operator ="),
        ("create table made as select id + b'a' as text from visits", "No matching signature for operator \\+"),
        (MODEL.replace("seconds,", "second,"), "Unrecognized name: second"),
        ("select hits from `strict.day_*` where _table_suffix = 20260101", "No matching signature for operator ="),
    ],
)
def test_a_refusal_has_the_words_of_googles_analyzer(client, sql, words):
    with pytest.raises(BadRequest, match=words) as refused:
        run(client, sql)
    assert refused.value.errors[0]["reason"] == "invalidQuery"


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from visits as v, v.hits where v.seconds > 0",
        "select visits.id from `strict.visits` where visits.id = 1",
        "select max(_table_suffix) from `strict.day_*` qualify row_number() over (order by 1) = 1",
        "select table_id from `strict.__TABLES__`",
        "select table_name from strict.INFORMATION_SCHEMA.TABLES",
        "select session_user()",
        "declare least int64 default 3; select * from visits where id < least",
        "create temp table few as select id from visits limit 2; select id from few",
        "create temp function twice(x int64) as (x * 2); select twice(id) from visits",
        "create or replace function strict.thrice(x int64) as (x * 3)",
        "create or replace table parted (day date, id int64) partition by day cluster by id",
        "alter table parted add column if not exists more string",
        "create or replace view strict.seen as select id from strict.visits",
        "drop table if exists parted",
    ],
)
def test_a_statement_that_bigquery_accepts_runs(client, sql):
    run(client, sql)


def test_parameters_are_analyzed_with_their_types(client):
    assert run(client, "select @least + 1", bigquery.ScalarQueryParameter("least", "INT64", 2)) == [(3,)]
    assert run(client, "select ? in unnest(?)", *POSITIONAL) == [(True,)]
    with pytest.raises(BadRequest, match="No matching signature"):
        run(client, "select @least + 1.5", bigquery.ScalarQueryParameter("least", "STRING", "2"))


def test_ml_functions_have_the_columns_of_their_model(client):
    run(client, MODEL)
    sql = "select predicted_buys + 1, `{}`[offset(0)].prob from ml.predict(model strict.buyers, table visits) limit 1"
    assert len(run(client, sql.format("predicted_buys_probs"))) == 1
    with pytest.raises(BadRequest, match="Unrecognized name: predicted_bought_probs"):
        run(client, sql.format("predicted_bought_probs"))
    assert len(run(client, "select _0, _1 from ml.confusion_matrix(model strict.buyers)")) == 2


def test_a_regressor_predicts_a_number_without_probabilities(client):
    run(client, MODEL.replace("buyers", "spend").replace("logistic", "linear").replace("'buys'", "'seconds'"))
    sql = "select {} from ml.predict(model strict.spend, (select id, 1 as buys from visits)) limit 1"
    assert len(run(client, sql.format("predicted_seconds / 2"))) == 1
    with pytest.raises(BadRequest, match="Unrecognized name: predicted_seconds_probs"):
        run(client, sql.format("predicted_seconds_probs"))
    assert len(run(client, "select r2_score from ml.evaluate(model strict.spend)")) == 1


def test_monitoring_functions_have_their_documented_columns(client):
    run(client, MODEL)
    drifted = """
        select input, value > 0 from ml.validate_data_drift(
          (select seconds from visits where id < 30), (select seconds from visits where id >= 30),
          struct(0.1 as numerical_default_threshold))
        where not is_anomaly"""
    assert run(client, drifted) == [("seconds", True)]
    assert len(run(client, "select input from ml.validate_data_skew(model strict.buyers, table visits)")) == 1
    described = "select {} from ml.describe_data((select id, seconds from visits), struct(3 as top_k))"
    assert run(client, described.format("name, `unique`, quantiles[offset(0)]")) == [
        ("id", None, 0),
        ("seconds", None, 0.5),
    ]
    with pytest.raises(BadRequest, match="Unrecognized name: stdev; Did you mean stddev"):
        run(client, described.format("stdev"))


def test_a_missing_table_or_model_is_not_found(client):
    with pytest.raises(NotFound):
        run(client, "select * from nowhere")
    with pytest.raises(NotFound):
        run(client, "select * from ml.weights(model strict.nobody)")


def test_a_statement_is_analyzed_with_a_tables_current_columns(client):
    run(client, "create or replace table changing as select 1 as one")
    assert run(client, "select one from changing") == [(1,)]
    run(client, "create or replace table changing as select 2 as two")
    with pytest.raises(BadRequest, match="Unrecognized name: one"):
        run(client, "select one from changing")


def test_a_job_id_that_exists_already_is_a_conflict_and_not_analyzed_again(client):
    run(client, "create or replace table fleeting as select 1 as one")
    sql = "select one from strict.fleeting"
    client.query(sql, job_id="once", job_retry=None).result()
    run(client, "create or replace table fleeting as select 2 as two")
    with pytest.raises(Conflict):
        client.query(sql, job_id="once", job_retry=None)


@pytest.mark.parametrize(
    "sql", ["select 1 from `a b.c d`", "select 1 from `..`", "select 1 from a.b.c.d.e", "select 'x"]
)
def test_a_name_that_the_analyzer_cannot_look_up_is_refused_by_the_emulator(client, sql):
    with pytest.raises(BadRequest):
        run(client, sql)


def test_later_columns_of_a_view_over_a_wildcard_table_are_accepted(client):
    run(client, "create table strict.late_20260101 as select 1 as a")
    run(client, "create view strict.late as select * from `strict.late_*`")
    run(client, "create table strict.late_20260102 as select 2 as a, 'new' as b")
    assert run(client, "select b from strict.late where a = 2") == [("new",)]
