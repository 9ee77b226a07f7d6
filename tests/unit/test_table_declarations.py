"""The declarations of tables agree with the statements that fill them, and say which columns hold people's ids."""

import re

import pytest
from sqlglot import exp

from cli import sql
from deskcloud.googlesql.tokens import tokenize, unquoted
from fixtures import googlesql
from shared import embedded_scorer
from shared.chain import source, training
from shared.erasure import persons
from shared.warehouse import SQL
from tests.unit.test_declarations import DECLARED, FUNCTIONS, LOADED, ROOT, SINK_TABLES, TABLES

MERGES = {
    statement: merge
    for statement in sql.names()
    if (merge := googlesql.merge(statement))
    and any(one.args["then"].this == exp.var("ROW") for one in merge.args["whens"].expressions)
}


def columns(table):
    return [column.name for column in TABLES[table].columns]


@pytest.mark.parametrize("table", [name for name, table in TABLES.items() if not table.query])
def test_a_table_is_partitioned_and_clustered_by_columns_that_it_has(table):
    declared = TABLES[table]
    types = {column.name: column.type for column in declared.columns}
    assert set(declared.cluster) <= types.keys()
    # Only the tables that Cloud Logging writes are partitioned by a column with timestamps.
    assert declared.partition is None or types[declared.partition] == ("TIMESTAMP" if table in SINK_TABLES else "DATE")
    assert all(column.description for column in declared.columns)


# Columns with the time at which a row was written. Tables whose rows expire are partitioned by such a column. With
# partitions by the day of the data, rows about old days would expire as soon as they are written.
WRITTEN = {"created_on", "timestamp"}


@pytest.mark.parametrize("table", [name for name, table in TABLES.items() if table.expiration_days])
def test_rows_expire_after_the_time_of_writing_and_not_after_the_day_of_their_data(table):
    assert TABLES[table].partition in WRITTEN


def test_rows_live_longer_than_a_run_that_may_still_write_them():
    kept = {table.expiration_days for table in TABLES.values() if table.partition == "created_on"}
    assert min(kept) == training.OLDEST.days + 1


def test_training_rows_have_all_columns_of_visitor_features():
    run, features = TABLES["training_rows"].columns[:3], TABLES["training_rows"].columns[3:]
    assert [column.name for column in run] == ["run_id", "created_on", "split"]
    kinds = [(column.name, column.type) for column in features]
    assert kinds == [(column.name, column.type) for column in TABLES["visitor_features"].columns]
    assert embedded_scorer.LABEL in columns("training_rows")


def test_the_table_audience_has_all_columns_of_scores():
    assert columns("audience") == [*columns("scores"), "next_products", "expected_value"]


def test_every_statement_that_inserts_whole_rows_is_in_the_next_test():
    written = {merge.this.name for merge in MERGES.values()}
    in_part = {"source_days", "destination_members", "campaign_events", "campaign_suppressions"}
    assert written == {name for name, table in TABLES.items() if not table.query} - in_part - SINK_TABLES - LOADED


@pytest.mark.parametrize("name", MERGES)
def test_a_merge_selects_the_tables_columns_in_their_order(name):
    """`insert row` assigns columns by their position, so BigQuery would not notice two columns in the wrong order."""
    table, query = MERGES[name].this.name, MERGES[name].args["using"].this
    selected = []
    for column in query.selects:
        if isinstance(column.this, exp.Star) or isinstance(column, exp.Star):
            # A statement that copies a table for a backtest selects all columns. The copy has the name of the table.
            assert column.sql() == "eligible.*" or query.args["from_"].this.name == table
            selected += columns("visitor_features" if column.sql() == "eligible.*" else table)
        else:
            selected.append(column.alias_or_name)
    assert selected == columns(table)


@pytest.mark.parametrize("kind", ["ga360", "ga4"])
def test_the_required_columns_of_an_export_are_those_that_the_statement_reads(kind):
    names = {
        unquoted(token)
        for path in SQL.rglob(f"*from_{kind}.sql")
        for token in tokenize(path.read_text())
        if token.kind in {"word", "name"}
    }
    read_columns = source.COLUMNS[kind] + source.COLUMNS_OF_EVENTS[kind]
    leaves = {path.rpartition(".")[2] for path in read_columns}
    assert leaves - names == set()
    if kind == "ga360":
        # Only Google's columns have names with capital letters; the names of this project have none.
        read = {name for name in names if re.fullmatch(r"[a-z]+[A-Z]\w*", name)} - {
            path.split(".")[-2] for path in read_columns if "." in path
        }
        assert read <= leaves


# Matches the names of columns that hold ids or addresses of people.
OF_PEOPLE = re.compile(
    r"(.*_)?(visitor|user|customer|person|order|session|recipient)(_id)?|email.*|phone|(first|last)_name"
)


@pytest.mark.parametrize("table", [name for name, table in TABLES.items() if not table.query])
def test_a_table_with_people_says_in_which_columns_their_ids_are(table):
    named = {one.name for one in TABLES[table].columns if one.type == "STRING" and OF_PEOPLE.fullmatch(one.name)}
    declared = DECLARED.persons.get(table, {})
    assert set(declared) <= named, "only such a name is found if the declaration is forgotten"
    assert not named or declared, f"sql/tables/{table}.yaml needs the field person: rows of an erased person stay"
    ids = {f"{kind}_id" for kind in ("visitor", "user", "customer")}
    assert named & ids <= declared.keys()


def test_erase_subject_may_delete_the_rows_of_people_from_every_table_that_has_them():
    assert persons.content(DECLARED.persons) == (ROOT / persons.FILE).read_bytes(), "run scripts/regenerate.py"
    assert DECLARED.persons.keys() <= set(FUNCTIONS["erase_subject"].writes)
    assert set(persons.UNTIL_REMOVED) <= DECLARED.persons.keys()


@pytest.mark.parametrize(
    "statement", [name for name in sql.names() if "${source}." in sql.text(name) and "_*`" in sql.text(name)]
)
def test_every_statement_that_reads_day_tables_leaves_out_erased_people(statement):
    visitor = "fullVisitorId" if "ga360" in statement else "user_pseudo_id"
    text = " ".join(sql.text(statement).split())
    hashed = rf"'\|visitor\|', (coalesce\()?{visitor}(, '')?[) ]+not in \("
    assert re.search(hashed + re.escape("select tombstones.digest from tombstones)"), text)
