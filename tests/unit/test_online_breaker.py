"""The circuit breaker and the retry budget keep their rules, in whatever order requests begin and end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from shared.online.breaker import WINDOW, Breaker, Budget

FAILURES, OPEN_SECONDS, PROBES = 4, 10.0, 3


class AnyTraffic(RuleBasedStateMachine):
    """Let requests begin and end in any order while time passes. Compare the breaker with a simpler model."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(FAILURES, OPEN_SECONDS, PROBES)
        self.now = 0.0
        self.under_way = []
        # Requests that the breaker has let through in its present state: those that have not ended, and the outcomes of
        # those that have ended.
        self.its_own, self.outcomes, self.since = set(), [], 0.0

    def entered(self):
        self.its_own, self.outcomes, self.since = set(), [], self.now

    @rule(seconds=st.floats(0, 15))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def a_request_asks(self):
        before = self.breaker.state
        permit = self.breaker.admit(self.now)
        if before == "closed":
            assert permit
        elif before == "open":
            assert bool(permit) == (self.now >= self.since + OPEN_SECONDS)
            assert self.breaker.state == ("half_open" if permit else "open")
            if permit:
                self.entered()
        else:
            # The breaker permits only one probe at a time.
            assert bool(permit) == (not self.its_own)
        if permit:
            self.its_own.add(id(permit))
            self.under_way.append(permit)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), is_success=st.booleans())
    def a_request_ends(self, data, is_success):
        permit = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        before = self.breaker.state
        self.breaker.record(permit, is_success=is_success, now=self.now)
        after = self.breaker.state
        if id(permit) not in self.its_own:
            assert after == before, "a request that a former state let through has changed this one"
            return
        self.its_own.discard(id(permit))
        self.outcomes = [*self.outcomes, is_success][-WINDOW:]
        if before == "closed":
            assert after == ("open" if self.outcomes.count(False) >= FAILURES else "closed")
        elif not is_success:
            assert after == "open"
        else:
            assert after == ("closed" if len(self.outcomes) == PROBES else "half_open")
        if after != before:
            self.entered()


AnyTraffic.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestAnyTraffic = AnyTraffic.TestCase


@given(
    failures=st.integers(1, WINDOW),
    before=st.lists(st.booleans(), max_size=60),
)
def test_after_any_history_the_breaker_opens_within_twenty_failures(failures, before):
    breaker = Breaker(failures, OPEN_SECONDS, PROBES)
    for is_success in before:
        ask(breaker, is_success=is_success)
    asked = 0
    while ask(breaker, is_success=False):
        asked += 1
    assert asked <= failures <= 20
    assert breaker.state == "open"


def ask(breaker, *, is_success, now=0.0):
    permit = breaker.admit(now)
    if permit:
        breaker.record(permit, is_success=is_success, now=now)
    return permit


def test_the_breaker_closes_once_the_service_works_again():
    breaker = Breaker(1, OPEN_SECONDS, PROBES)
    assert ask(breaker, is_success=False)
    assert not ask(breaker, is_success=True, now=9.9)
    for _ in range(PROBES):
        assert ask(breaker, is_success=True, now=10.0)
    assert breaker.state == "closed"


def test_occasional_failures_do_not_open_the_breaker():
    breaker = Breaker(5, OPEN_SECONDS, PROBES)
    for number in range(200):
        assert ask(breaker, is_success=number % 5 != 0)


@given(
    share=st.floats(0, 1),
    wanted=st.lists(st.integers(0, 4), max_size=100),
)
def test_retries_are_never_more_than_their_share_of_the_requests(share, wanted):
    budget, made = Budget(share), 0
    for requests, retries in enumerate(wanted, start=1):
        budget.earn()
        made += sum(budget.spend() for _ in range(retries))
        assert made <= share * requests + 1e-6


@pytest.mark.parametrize(("share", "most"), [(0.1, 10), (0.5, 3)])
def test_the_retry_budget_stays_limited_after_a_long_time_without_retries(share, most):
    budget = Budget(share, most)
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == most
