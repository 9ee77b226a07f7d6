"""The files of GoogleSQL's compliance tests are parsed into cases."""

from deskcloud.comparison import cases
from deskcloud.comparison.difference import Answer, kind

TEXT = """\
# A file says what its cases need.
[default required_features=JSON_TYPE]
[prepare_database]
CREATE TABLE Fruits AS SELECT CAST(1 AS INT32) AS id, 'pear' AS name
--
ARRAY<STRUCT<id INT32, name STRING>>[{1, "pear"}]
==
[prepare_database]
CREATE TABLE Sorts AS SELECT * FROM Fruits
--
ARRAY<STRUCT<id INT32, name STRING>>[{1, "pear"}]
==
# A comment that isn't closed.
[name=ordered]
[required_features=QUALIFY]
[parameters=CAST(2 AS DOUBLE) AS factor,
            [1, 2] AS ids]
WITH t AS (SELECT id * @factor AS x FROM sorts)
SELECT * FROM t ORDER BY x;
--
ARRAY<STRUCT<x DOUBLE>>[known order:
  {2}
]
==
[name=open]
SELECT ARRAY_AGG(id) FROM UNNEST([1, 2]) AS id
--
ARRAY<STRUCT<ARRAY<>>>[
  {ARRAY<INT64>[unknown order:2, 1]}
]
==
[name=changing]
UPDATE Fruits SET name = '--' WHERE true
--
ERROR: 'no'
"""


def read():
    return {case.name: case for case in cases.read("fruits.test", TEXT).cases}


def test_the_queries_that_create_a_files_tables_are_parsed():
    assert cases.read("fruits.test", TEXT).tables == {
        "Fruits": "SELECT CAST(1 AS INT64) AS id, 'pear' AS name",
        "Sorts": "SELECT * FROM Fruits",
    }


def test_a_case_is_parsed_with_its_tables_parameters_and_features():
    ordered = read()["ordered"]
    assert ordered.sql == "WITH t AS (SELECT id * @factor AS x FROM sorts)\nSELECT * FROM t ORDER BY x"
    assert ordered.tables == ("Sorts",)
    assert ordered.parameters == "CAST(2 AS FLOAT64) AS factor,\n            [1, 2] AS ids"
    assert ordered.features == {"JSON_TYPE", "QUALIFY"}


def test_an_expected_result_says_whether_the_order_of_rows_and_elements_matters():
    assert [(case.is_ordered, case.has_open_arrays) for case in read().values()] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    answers = [Answer((("f0_", "ARRAY<INT64>"),), ((ids,),)) for ids in ([1, 2], [2, 1])]
    assert kind(*answers, is_ordered=False) == "rows"
    assert kind(*answers, is_ordered=False, has_open_arrays=True) == ""


def test_a_dml_case_is_parsed_with_the_table_that_it_changes():
    assert (read()["changing"].kind, read()["changing"].target) == ("change", "Fruits")
