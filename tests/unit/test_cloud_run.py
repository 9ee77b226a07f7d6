"""The number of instances of a function on paper, and the simulation of Cloud Run that checks it."""

import numpy as np
import pytest

from benchmarks.cloud_run import Platform, Service, poisson, simulate

REQUESTS = 200_000
# The simulations below last minutes to an hour, with requests of milliseconds.
SERVICE = 0.002


def erlang_c(servers, load):
    """Return the probability that a request waits in M/M/c (Erlang 1917)."""
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def steady(rate, random):
    return np.cumsum(random.exponential(1 / rate, REQUESTS))


def test_the_rate_times_the_time_of_a_request_is_in_progress_and_sixty_percent_of_the_slots_are_used():
    waits = Service(cpu=0.0001, seconds=0.096)
    assert Platform(concurrency=16, max_instances=10).instances_for(1000, waits) == 10
    assert Platform(concurrency=16, max_instances=10).instances_for(1001, waits) == 11


def test_if_requests_need_the_processor_most_of_the_time_the_processor_decides():
    works = Service(cpu=0.006, seconds=0.007)
    assert Platform(concurrency=16, max_instances=10).instances_for(1000, works) == 10
    assert Platform(concurrency=1000, max_instances=10).instances_for(1000, works) == 10


@pytest.mark.parametrize("servers", [1, 3, 8])
def test_instances_with_one_request_each_are_an_mmc_queue(servers):
    rate, random = 0.7 * servers / SERVICE, np.random.default_rng(1)
    arrived, cpu = steady(rate, random), random.exponential(SERVICE, REQUESTS)
    waited = (simulate(arrived, cpu, Platform(1, servers), servers).took - cpu).mean()
    # The standard deviation of this mean is up to 4 % of it.
    assert waited == pytest.approx(erlang_c(servers, rate * SERVICE) / (servers / SERVICE - rate), rel=0.08)


@pytest.mark.parametrize("utilization", [0.3, 0.6, 0.8])
def test_requests_of_equal_work_on_one_processor_are_an_md1_queue(utilization):
    arrived = steady(utilization / SERVICE, np.random.default_rng(1))
    waited = simulate(arrived, np.full(REQUESTS, SERVICE), Platform(1000, 1), 1).took.mean() - SERVICE
    # Pollaczek and Khinchine
    assert waited == pytest.approx(SERVICE * utilization / (2 * (1 - utilization)), rel=0.05)


def test_requests_that_wait_elsewhere_leave_the_processor_to_others():
    arrived = np.arange(1000) * 0.01
    outcome = simulate(arrived, np.full(1000, 0.001), Platform(16, 1), 1, elsewhere=0.1)
    assert outcome.took == pytest.approx(0.101)


def test_an_instance_has_no_more_requests_in_progress_than_its_slots():
    outcome = simulate(np.zeros(6), np.full(6, 0.001), Platform(2, 1), 1, elsewhere=1.0)
    assert outcome.took == pytest.approx([1.001, 1.002, 2.002, 2.003, 3.003, 3.004])


def test_without_an_instance_the_first_request_waits_for_a_start():
    outcome = simulate(np.array([0.0]), np.array([0.001]), Platform(16, 10, start_seconds=4.0), 0)
    assert outcome.took == pytest.approx([4.101])
    assert outcome.starts == pytest.approx([4.1])


@pytest.mark.parametrize(("start_seconds", "patience"), [(1.0, 10.0), (4.0, 14.0)])
def test_a_request_waits_ten_seconds_or_three_and_a_half_starts_and_is_then_refused(start_seconds, patience):
    work = np.array([patience - 0.5, 1.0, 1.0, 1.0])
    outcome = simulate(np.array([0.0, 0.0, 0.0, 20.0]), work, Platform(1, 1, start_seconds=start_seconds), 1)
    assert outcome.took[:2] == pytest.approx([patience - 0.5, patience + 0.5])
    assert np.isnan(outcome.took[2])
    assert outcome.took[3] == pytest.approx(1.0)
    assert (outcome.refused, outcome.later_than(patience)) == (1, 2)


def test_a_processor_that_is_busy_more_than_sixty_percent_gets_a_second_instance_although_no_request_waits():
    arrived = np.arange(0, 120, 0.01)
    busy = simulate(arrived, np.full(len(arrived), 0.007), Platform(16, 10), 1)
    idle = simulate(arrived, np.full(len(arrived), 0.005), Platform(16, 10), 1)
    assert (len(busy.starts), len(idle.starts)) == (2, 1)


def test_a_sudden_rise_is_answered_after_a_start_if_the_number_of_instances_suffices_and_never_otherwise():
    arrived = poisson([0, 60, 60, 300], [10, 10, 500, 500], np.random.default_rng(1))
    cpu = np.full(len(arrived), 0.01)
    platform = Platform(16, 10, start_seconds=3.0)
    needed = platform.instances_for(500, Service(0.01, 0.01))
    enough = simulate(arrived, cpu, Platform(16, needed, start_seconds=3.0), 1)
    assert len(enough.starts) == needed == 9
    assert enough.refused == 0
    assert 63 < enough.settled(1.0) < 70
    few = simulate(arrived, cpu, Platform(16, 4, start_seconds=3.0), 1)
    # Four processors do the work of five. All requests wait as long as a request may, so all are late.
    assert few.since(90).refused / few.since(90).took.size == pytest.approx(0.2, abs=0.02)
    assert few.since(90).later_than(1.0) == few.since(90).took.size


def test_the_same_seed_gives_the_same_arrivals_at_the_given_rates():
    one, other = (poisson([-10, 0, 0, 20], [0, 100, 1000, 1000], np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)
    assert (one < 0).sum() == pytest.approx(500, rel=0.2)
    assert (one >= 0).sum() == pytest.approx(20_000, rel=0.02)
    assert (np.diff(one) >= 0).all()
