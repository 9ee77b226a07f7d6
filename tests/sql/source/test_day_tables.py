"""Which day-tables the export holds, and which of them changed since they were last read."""

from datetime import date

import pytest

SOURCE = {"source": "local-project.analytics"}
ROW = {"fullVisitorId": "1", "visitId": 1, "visitStartTime": 1, "date": "20170801"}


def look(warehouse):
    rows = warehouse.run("source/day_tables", {"prefix": "ga_sessions_"}, **SOURCE)
    return {row["day"]: (row["row_count"], row["is_changed"]) for row in rows}, rows


@pytest.mark.slow
def test_only_day_tables_count_and_only_those_that_changed_since_they_were_read(warehouse):
    warehouse.fill(
        {
            "ga_sessions_20170801": [ROW, ROW],
            "ga_sessions_20170802": [],
            "ga_sessions_20170803": [ROW],
            "ga_sessions_intraday_20170804": [ROW],
            "ga_sessions_2017080": [ROW],
            "another_20170801": [],
        }
    )
    # This table must be created last, so it has a call of its own: `fill` creates the tables of a call in parallel.
    warehouse.fill({"ga_sessions_20179999": [ROW]})
    assert warehouse.run("source/newest_table", {"prefix": "ga_sessions_"}, **SOURCE) == [
        {"table_id": "ga_sessions_20179999"}
    ]
    days = [date(2017, 8, 1), date(2017, 8, 2), date(2017, 8, 3)]
    seen, rows = look(warehouse)
    assert seen == {days[0]: (2, True), days[1]: (0, True), days[2]: (1, True)}
    known = {
        "days": days,
        "row_counts": [2, 1, 1],
        "last_modified": [row["last_modified"] - (row["day"] == days[2]) for row in rows],
    }
    warehouse.run("source/remember_days", known)
    assert look(warehouse)[0] == {days[0]: (2, False), days[1]: (0, True), days[2]: (1, True)}
