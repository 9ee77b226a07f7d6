"""Real exports are read from files, and written by day with the documented types.

If a file is refused, the error names the file and the line, and no written file remains.
"""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.schema import GA4, GA360
from demo.sources import SourceError, read

REAL = Path(__file__).parents[3] / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real data is not beside this repository")

SESSION = {
    "visitorId": None,
    "visitNumber": 1,
    "visitId": 1501583974,
    "visitStartTime": 1501583974,
    "date": "20170801",
    "totals": {"visits": 1, "hits": 1, "pageviews": 1, "bounces": 1, "newVisits": 1},
    "trafficSource": {"source": "(direct)", "medium": "(none)", "isTrueDirect": True},
    "customDimensions": [{"index": 4, "value": "EMEA"}],
    "hits": [{"hitNumber": 1, "time": 0, "type": "PAGE", "page": {"pagePath": "/home"}, "product": []}],
    "fullVisitorId": "0123456789012345678",
}
EVENT = {"event_date": "20201101", "event_timestamp": 1604188800000000, "event_name": "page_view"}


def ndjson(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows_of(intake):
    return [row for file in intake.day_files for row in pq.read_table(file.path).to_pylist()]


def refused(paths, folder):
    """Read files that must be refused. Check that no new file remains, and return the text of the error."""
    beside = set(folder.parent.iterdir())
    with pytest.raises(SourceError) as error:
        read(paths, folder)
    assert set(folder.parent.iterdir()) == beside
    return str(error.value)


def test_each_row_goes_to_the_table_of_its_day_whichever_file_it_is_in(tmp_path):
    first = ndjson(tmp_path / "one.ndjson", SESSION | {"date": "20170802"}, SESSION)
    second = tmp_path / "two.ndjson.gz"
    second.write_bytes(gzip.compress(json.dumps(SESSION | {"visitId": 2}).encode()))

    intake = read([first, second], tmp_path / "days")

    assert [(file.table, file.rows) for file in intake.day_files] == [
        ("ga_sessions_20170801", 2),
        ("ga_sessions_20170802", 1),
    ]
    assert [pq.read_table(file.path).num_rows for file in intake.day_files] == [2, 1]
    assert {path.name for path in (tmp_path / "days").iterdir()} == {f"{f.table}.parquet" for f in intake.day_files}


def test_only_the_exports_in_a_folder_are_read(tmp_path):
    (tmp_path / "in").mkdir()
    ndjson(tmp_path / "in" / "a.json", SESSION)
    (tmp_path / "in" / "README.md").write_text("not data")
    assert read([tmp_path / "in"], tmp_path / "days").rows == 1


def test_leading_zeros_and_empty_hits_are_kept_and_unknown_columns_are_dropped_and_named(tmp_path):
    odd = SESSION | {"hits": [], "_src": "x", "device": {"browser": "Chrome", "flashVersion": "9"}}
    intake = read([ndjson(tmp_path / "a.ndjson", odd)], tmp_path / "days")

    (row,) = rows_of(intake)
    assert row["fullVisitorId"] == "0123456789012345678"
    assert row["hits"] == []
    assert row["device"]["browser"] == "Chrome"
    assert intake.dropped == ["_src", "device.flashVersion"]
    assert set(row) == set(GA360.names)


def test_a_duplicate_session_on_a_day_is_kept_and_counted(tmp_path):
    intake = read([ndjson(tmp_path / "a", SESSION, SESSION, SESSION | {"date": "20170802"})], tmp_path / "days")
    assert (intake.rows, intake.repeated) == (3, 1)


def test_guessed_types_are_cast_if_nothing_is_lost(tmp_path):
    guessed = {
        "visitId": ["1501583974"],
        "visitStartTime": [1501583974.0],
        "date": [20170801],
        "fullVisitorId": ["0123"],
        "userId": pa.nulls(1, pa.float64()),
        "totals": pa.array([{"visits": 1.0, "transactions": "2", "_x": 1}]),
        "trafficSource": pa.array([{"isTrueDirect": "true", "keyword": 7}]),
    }
    pq.write_table(pa.table(guessed), tmp_path / "a.parquet")

    intake = read([tmp_path / "a.parquet"], tmp_path / "days")

    (row,) = rows_of(intake)
    assert (row["visitId"], row["visitStartTime"], row["date"]) == (1501583974, 1501583974, "20170801")
    assert (row["totals"]["visits"], row["totals"]["transactions"], row["totals"]["bounces"]) == (1, 2, None)
    assert (row["trafficSource"]["isTrueDirect"], row["trafficSource"]["keyword"]) == (True, "7")
    assert intake.dropped == ["totals._x"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"visitId": "12x"}, "visitId must be an integer of 64 bits, not '12x'"),
        ({"visitId": 2**63}, "visitId must be an integer"),
        ({"visitId": True}, "visitId must be an integer"),
        ({"totals": {"hits": 1.5}}, "totals.hits must be an integer"),
        ({"totals": []}, "totals must be a record, not []"),
        ({"totals": None}, "totals is missing"),
        ({"fullVisitorId": None}, "fullVisitorId is missing"),
        ({"fullVisitorId": ""}, "fullVisitorId is missing"),
        ({"fullVisitorId": 123}, "fullVisitorId must be a string (a number has lost its leading zeros)"),
        ({"hits": {}}, "hits must be a list"),
        ({"hits": [None]}, "hits must be a list without NULLs"),
        ({"hits": [{"page": "home"}]}, "hits.page must be a record, not 'home'"),
        ({"trafficSource": {"isTrueDirect": "maybe"}}, "trafficSource.isTrueDirect must be true or false"),
        ({"channelGrouping": 1.5}, "channelGrouping must be a string"),
        ({"date": "2017-08-01"}, "date must be a day as YYYYMMDD, not '2017-08-01'"),
        ({"date": "20170231"}, "date must be a day"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_nothing_is_written(change, reason, tmp_path):
    file = ndjson(tmp_path / "a.ndjson", SESSION, SESSION | change)
    message = refused([file], tmp_path / "days")
    assert message.startswith(f"{file}:2: ")
    assert reason in message


def test_a_bad_row_of_a_parquet_file_is_named_by_its_number(tmp_path):
    rows = [SESSION | {"visitId": str(number)} for number in range(700)]
    rows[650]["fullVisitorId"] = None
    file = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    assert refused([file], tmp_path / "days") == f"{file}: row 651: fullVisitorId is missing"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no rows"),
        (b"\n \n", "has no rows"),
        (b'{"visitId": 1', ":1: not JSON"),
        (b"[1]\n", ":1: a line must be a JSON object"),
        (b'{"fullVisitorId": "\xff"}', ":1: not JSON"),
        (b'{"a": 1}\n', "is not a Google Analytics export: for GA360 it lacks fullVisitorId, visitId"),
        (b"a,b\n1,2\n", ":1: not JSON"),
        (gzip.compress(b"{}" * 5000, mtime=0)[:-20], "damaged gzip after line 0"),
        (b"PAR1 and then nothing of the kind", "damaged Parquet"),
    ],
)
def test_a_broken_file_is_refused_by_its_name(content, reason, tmp_path):
    file = tmp_path / "broken"
    file.write_bytes(content)
    message = refused([file], tmp_path / "days")
    assert str(file) in message
    assert reason in message


def test_a_gzip_that_ends_early_is_refused_with_the_last_line_read(tmp_path):
    lines = "".join(json.dumps(SESSION | {"visitId": number}) + "\n" for number in range(20_000))
    whole = gzip.compress(lines.encode())
    (tmp_path / "cut.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    assert "damaged gzip after line" in refused([tmp_path / "cut.ndjson.gz"], tmp_path / "days")


def test_if_one_file_is_bad_no_file_is_read(tmp_path):
    good = ndjson(tmp_path / "a.ndjson", *[SESSION | {"visitId": n} for n in range(6000)])
    bad = ndjson(tmp_path / "b.ndjson", SESSION, {"date": "20170801"})
    assert f"{bad}:2" in refused([good, bad], tmp_path / "days")


def test_both_exports_at_once_are_refused(tmp_path):
    files = [ndjson(tmp_path / "a.ndjson", SESSION), ndjson(tmp_path / "b.ndjson", EVENT)]
    assert "give files of one export" in refused(files, tmp_path / "days")


def test_a_missing_path_an_empty_folder_and_a_nonempty_target_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "ga_sessions_20160101.parquet").touch()
    assert "neither a file nor a folder" in refused([tmp_path / "nowhere"], tmp_path / "days")
    assert "holds no export" in refused([tmp_path / "empty"], tmp_path / "days")
    good = ndjson(tmp_path / "a.ndjson", SESSION)
    with pytest.raises(SourceError, match="is not empty"):
        read([good], tmp_path / "full")


def test_events_become_event_tables_even_without_a_visitor(tmp_path):
    event = EVENT | {"stream_id": 2100450278, "items": [{"item_id": "1", "price": 3}]}
    intake = read([ndjson(tmp_path / "a.ndjson", event)], tmp_path / "days")
    (row,) = rows_of(intake)
    assert intake.day_files[0].table == "events_20201101"
    assert (row["stream_id"], row["items"][0]["price"], row["user_pseudo_id"]) == ("2100450278", 3.0, None)
    assert set(row) == set(GA4.names)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["hits", "page", "x"]), inner),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None)
@given(column=st.sampled_from(GA360.names), value=values)
def test_any_value_of_a_column_is_accepted_or_refused_with_its_line(column, value, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wild")
    file = ndjson(folder / "a.ndjson", SESSION, SESSION | {column: value})
    try:
        intake = read([file], folder / "days")
    except SourceError as error:
        assert str(error).startswith(f"{file}:2: ")  # noqa: PT017 - the file may be read or refused, so pytest.raises does not fit
        assert list(folder.iterdir()) == [file]
    else:
        assert intake.rows == len(rows_of(intake)) == 2


@settings(max_examples=80, deadline=None)
@given(damage=st.binary(min_size=1, max_size=20), place=st.floats(0, 1), compressed=st.booleans())
def test_a_file_with_any_bytes_is_read_or_refused_by_name(damage, place, compressed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    content = "".join(json.dumps(SESSION | {"visitId": number}) + "\n" for number in range(3)).encode()
    content = gzip.compress(content) if compressed else content
    at = int(place * len(content))
    file = folder / "a"
    file.write_bytes(content[:at] + damage + content[at + len(damage) :])
    try:
        read([file], folder / "days")
    except SourceError as error:
        assert str(file) in str(error)  # noqa: PT017 - the file may be read or refused, so pytest.raises does not fit
        assert list(folder.iterdir()) == [file]


@pytest.mark.slow
@needs_real_data
def test_the_real_ga360_exports_are_read_whole(tmp_path):
    intake = read([REAL / "ga360"], tmp_path / "days")

    assert (intake.export.name, intake.rows, len(intake.day_files), intake.repeated) == ("GA360", 5294, 366, 8)
    assert sum(file.rows for file in intake.day_files) == 5294
    assert "_src" in intake.dropped
    last = pq.read_table(intake.day_files[-1].path)
    assert intake.day_files[-1].table == "ga_sessions_20170801"
    assert sum(bool(row["transactions"]) for row in last["totals"].to_pylist()) >= 43
    assert any(visitor.startswith("0") for visitor in last["fullVisitorId"].to_pylist())


@pytest.mark.slow
@needs_real_data
def test_the_real_ga4_export_is_read_whole(tmp_path):
    intake = read([REAL / "ga4"], tmp_path / "days")

    assert (intake.export.name, intake.rows, len(intake.day_files)) == ("GA4", 24_219, 92)
    purchases = sum(pq.read_table(f.path)["event_name"].to_pylist().count("purchase") for f in intake.day_files)
    assert purchases == 624
