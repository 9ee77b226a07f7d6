"""A run's id is derived from the data that the run reads. For the same data, all releases must give the same id."""

from datetime import date

from shared.chain import run_ids
from shared.chain.opened_runs import DayState, Reading
from shared.events import RUN_ID

DAY = date(2017, 8, 1)
READING = Reading(as_of=DAY, days={DAY: DayState(9, 1, is_changed=True)})


def test_the_ids_of_runs_are_stable_across_releases():
    first = run_ids.of_export(READING)
    assert first == "20170801-4f7283b5"
    assert run_ids.of_export_again(READING, first) == "20170801-b7123953"
    assert run_ids.of_scoring(DAY, 1082, "1", 17) == "20170801-978a91b9"
    assert run_ids.of_recommendations(DAY, {"day": DAY, "day_count": 2, "row_count": 9}) == "20170801-4c2783a2"


def test_a_runs_id_depends_on_the_data_and_not_on_what_the_run_does_with_them():
    other = Reading(as_of=DAY, reason="new prices", days=READING.days)
    known = Reading(as_of=DAY, days={DAY: DayState(9, 1, is_changed=False)}, trains=True)
    assert run_ids.of_export(other) != run_ids.of_export(READING) == run_ids.of_export(known)
    assert RUN_ID.fullmatch(run_ids.of_export(other))
