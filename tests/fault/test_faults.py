"""The parts of `make faults`. A seed decides which faults strike, and the summary shows what the faults have caused."""

import contextlib
import json
import subprocess
import sys
import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cli.declarations import ROOT
from deskcloud.web import serving
from faults import __main__ as command
from faults import judge, schedule
from faults.proxy import Proxies
from faults.schedule import Fault


@pytest.fixture
def proxied():
    """Start a service behind the faults' proxy.

    Return four values: the proxy's URL for the service, the requests that have reached it, the proxies, and the faults
    that have struck.
    """
    reached, strikes = [], []

    async def answer(request):
        reached.append((await request.body()).decode())
        return PlainTextResponse("done")

    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serving.serve(Starlette(routes=[Route("/", answer, methods=["POST"])])))
        proxies = Proxies(strikes.append)
        stack.enter_context(proxies.running())
        yield f"http://127.0.0.1:{proxies.front('functions', int(url.rpartition(':')[2]))}/", reached, proxies, strikes


def post(url, text):
    headers = {"Content-Type": "application/json"}
    return httpx.post(url, content=text, headers=headers, trust_env=False, timeout=30)


def test_only_the_last_attempt_of_a_repeated_step_is_compared():
    names = ["runs/1/steps/evaluate_models.10.json", "runs/1/steps/evaluate_models.2.json"]
    names += ["runs/1/steps/evaluate_models.json", "runs/1/steps/train_models.json", "runs/1/trainings/2.json"]
    assert judge.that_count(names) == {
        "runs/1/steps/evaluate_models.json": "runs/1/steps/evaluate_models.10.json",
        "runs/1/steps/train_models.json": "runs/1/steps/train_models.json",
    }


def test_a_request_without_a_planned_fault_passes_unchanged(proxied):
    url, reached, proxies, _ = proxied
    proxies.arm([Fault("error", "functions", 2, 0)])
    assert post(url, "one").text == "done"
    assert (reached, dict(proxies.struck)) == (["one"], {})


@pytest.mark.parametrize(("kind", "arrives"), [("refused", []), ("lost answer", ["one"])])
def test_a_connection_breaks_before_or_after_the_request_is_carried_out(proxied, kind, arrives):
    url, reached, proxies, _ = proxied
    proxies.arm([Fault(kind, "functions", 1, 0)])
    with pytest.raises(httpx.TransportError):
        post(url, "one")
    assert (reached, dict(proxies.struck)) == (arrives, {kind: 1})
    assert post(url, "two").text == "done"


def test_a_request_answered_with_a_planned_error_does_not_reach_the_service(proxied):
    url, reached, proxies, _ = proxied
    proxies.arm([Fault("error", "functions", 1, 0)])
    assert post(url, "one").status_code == 503
    assert reached == []


def test_a_duplicated_request_reaches_the_service_twice(proxied):
    url, reached, proxies, _ = proxied
    proxies.arm([Fault("duplicate", "functions", 1, 0)])
    assert post(url, "one").text == "done"
    deadline = time.monotonic() + 30
    while reached != ["one", "one"]:
        assert time.monotonic() < deadline


def test_a_fault_of_a_process_does_not_change_the_request_that_triggers_it(proxied):
    url, reached, proxies, strikes = proxied
    killed = Fault("kill worker", "functions", 1, 0)
    proxies.arm([killed])
    assert post(url, "one").text == "done"
    assert proxies.finish() == []
    assert (reached, strikes) == (["one"], [killed])


def test_a_seed_always_plans_the_same_faults_and_many_seeds_plan_all_kinds():
    assert schedule.plan(7) == schedule.plan(7)
    kinds = {fault.kind for seed in range(100) for fault in schedule.plan(seed)}
    assert kinds == set(schedule.KINDS)


def test_each_difference_counts_as_lost_doubled_or_different():
    expected = {"table a": [2, "x"], "table b": [2, "x"], "table c": [2, "x"], "champion": "2", "version 2": ["r", "c"]}
    found = {"table a": [1, "y"], "table b": [3, "y"], "table c": [2, "y"], "champion": "2", "version 3": ["r", "c"]}
    differences = judge.compare(expected, found)
    names = {kind: [line.partition(":")[0] for line in lines] for kind, lines in differences.items()}
    assert names == {
        "lost": ["table a", "version 2"],
        "doubled": ["table b", "version 3"],
        "different": ["table c"],
    }


def test_the_summary_adds_up_the_results_of_several_calls(tmp_path, capsys):
    right = {"lost": [], "doubled": [], "stuck": [], "different": []}
    results = [
        {**right, "seed": 1, "faults": {"error": 2}},
        {**right, "seed": 2, "faults": {"error": 1, "reset": 1}, "lost": ["champion: null instead of 2"]},
    ]
    (tmp_path / command.RESULTS).write_text("".join(f"{json.dumps(result)}\n" for result in results))
    assert command.main(["--runs", "0", "--folder", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "runs       2" in told
    assert "3 error" in told
    assert "1 reset" in told
    assert "lost       1 (seeds 2)" in told


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_runs_under_faults_leave_the_same_data_as_an_undisturbed_run(tmp_path):
    trials = [sys.executable, "-m", "faults", "--runs", "2", "--seed", "1", "--folder", str(tmp_path)]
    done = subprocess.run(trials, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runs       2" in done.stdout
