"""How many jobs the local BigQuery keeps in its history."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_bigquery.models import Job

from deskcloud.bigquery import job_lists
from deskcloud.bigquery.emulator import history


class Results:
    """Records the ids of the jobs whose results the history discards."""

    def __init__(self) -> None:
        self.forgotten: list[Any] = []

    def forget(self, name: Any) -> None:
        self.forgotten.append(name)


def job(number, state="DONE", created=None):
    return Job.model_validate(
        {
            "jobReference": {"projectId": "p", "jobId": f"job{number:04}", "location": "US"},
            "configuration": {"query": {"query": "SELECT 1"}},
            "status": {"state": state},
            "statistics": {"creationTime": str(created or int(time.time() * 1000) + number)},
        }
    )


@pytest.fixture
def results():
    return Results()


@pytest.fixture
def kept(tmp_path, results, monkeypatch):
    monkeypatch.setattr(history, "KEPT_JOBS", 100)
    return history.History(tmp_path / "jobs.sqlite", results)


def test_only_the_latest_jobs_and_their_results_are_kept(kept, results):
    kept.save(job(0, "PENDING"))
    for number in range(1, 501):
        kept.save(job(number))
    listed = [one["jobReference"]["jobId"] for one in kept.list_("p")]
    assert listed[:100] == [f"job{number:04}" for number in range(500, 400, -1)]
    assert listed[100:] == ["job0000"]
    assert sorted(results.forgotten) == [("p", f"job{number:04}") for number in range(1, 401)]
    assert kept.load("p", "job0001") is None
    assert kept.load("p", "job0000").status.state == "PENDING"


def test_a_result_is_discarded_after_a_day_although_its_job_is_kept(kept, results):
    kept.save(job(0, created=int((time.time() - 25 * 3600) * 1000)))
    for number in range(1, 51):
        kept.save(job(number))
    assert results.forgotten == [("p", "job0000")]
    assert kept.load("p", "job0000").status.state == "DONE"


def test_jobs_that_the_previous_process_did_not_finish_have_failed(kept, results, tmp_path):
    kept.save(job(1, "PENDING"))
    kept.save(job(2, "PENDING"))
    kept.save(job(2, "RUNNING"))
    again = history.History(tmp_path / "jobs.sqlite", results)
    statuses = [again.load("p", f"job{number:04}").status for number in (1, 2)]
    assert [(one.state, one.errorResult.reason) for one in statuses] == [("DONE", "backendError")] * 2


def test_the_next_page_continues_after_the_last_job_even_if_new_jobs_begin(kept):
    for number in range(10):
        kept.save(job(number, created=1 + number // 2))
    seen, after = [], None
    for size in (3, 1, 4, 9):
        page = kept.list_("p", after=after, limit=size)
        seen += [one["jobReference"]["jobId"] for one in page]
        after = job_lists.position(job_lists.token_behind(page[-1])) if page else after
        kept.save(job(100 + size))
    assert seen == [f"job{number:04}" for number in (8, 9, 6, 7, 4, 5, 2, 3, 0, 1)]


@given(token=st.text(max_size=12) | st.from_regex(r"\d{1,30}:\w*", fullmatch=True))
def test_a_token_is_a_position_or_refused(token):
    try:
        created, _ = job_lists.position(token)
    except ValueError:
        return
    assert isinstance(created, int)
