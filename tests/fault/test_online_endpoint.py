"""Online scoring while the endpoint fails in different ways.

Each checkout still gets a score, and the circuit breaker soon stops the calls of the endpoint.
"""

import json
import math
import random

import msgspec
import pytest

from desk.ml import sessions
from deskcloud import vertex as local_vertex
from deskcloud.web import serving
from fixtures.online import Clock, deploy, prediction, probability, trained
from shared.calibration import Calibrator
from shared.embedded_scorer import LABEL
from shared.online.scorer import NoScorerError, OnlineScorer, Scored

EMBEDDED = Scored(probability(3), 3, "3", "embedded")
FROM_ENDPOINT = Scored(0.25, None, "5", "endpoint")
GARBAGE = {
    "no JSON": b"<html>come back later</html>",
    "no object": b"[]",
    "nothing": b"",
    "no predictions": prediction(0.25, predictions=[]),
    "predictions of another kind": prediction(0.25, predictions=[0.25]),
    "a prediction without classes": prediction(0.25, predictions=[{f"{LABEL}_probs": [0.25]}]),
    "no class of buyers": prediction(0.25, predictions=[{f"{LABEL}_values": ["a", "b"], f"{LABEL}_probs": [0.2, 0.8]}]),
    "no number": prediction(0.25, predictions=[{f"{LABEL}_values": ["1", "0"], f"{LABEL}_probs": ["x", "y"]}]),
    "no probability": prediction(1.5),
    "not a number": b'{"predictions": [{"%s_values": ["1"], "%s_probs": [NaN]}]}' % (LABEL.encode(), LABEL.encode()),
    "no version": prediction(0.25, modelVersionId=""),
}
FAILURES = {
    "hangs": "hangs",
    "drips": "drips",
    "resets": "resets",
    "cuts off": "cuts off",
    "429": 429,
    "500": 500,
    "503": 503,
    "504": 504,
    "403": 403,
    "404": 404,
    **GARBAGE,
}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def start(online_bucket, endpoint, clock):
    """Return a function that makes a scorer. The scorer asks the endpoint first.

    If the endpoint fails, the embedded scorer of the champion answers, which is version 3.
    """

    def begin(**online):
        online_bucket.serve(3)
        given = {"order": "endpoint_first", "endpoint_deadline_ms": 5000, "refresh_seconds": 3600} | online
        return OnlineScorer(online_bucket.settings(endpoint.url, **given), clock)

    return begin


def test_the_endpoint_scores_and_its_version_is_named(start, endpoint):
    assert start().score({"pageviews": 3, "device": "mobile", "else": 1}) == FROM_ENDPOINT
    [body] = endpoint.bodies
    assert json.loads(body)["instances"] == [{"pageviews": 3, "device": "mobile"}]


def test_the_answer_of_each_version_is_calibrated_by_its_own_calibrator(start, endpoint, online_bucket):
    of_champion, of_canary = Calibrator(1.0, ((0.0, 1.0),)), Calibrator(0.5, ((0.0, -1.0),))
    scorer = start()
    calibrators = {"3": of_champion, "5": of_canary}
    artefact = {"kind": "logistic", "intercept": math.log(3), "numbers": {}, "categories": {}}
    artefact["calibrator"] = msgspec.to_builtins(of_champion)
    online_bucket.serve(3, artefact=artefact, calibrators=msgspec.to_builtins(calibrators))
    assert scorer.score({}) == Scored(of_canary.apply(0.25), None, "5", "endpoint")
    endpoint.act = prediction(0.75, modelVersionId="3")
    by_endpoint = scorer.score({})
    assert by_endpoint == Scored(of_champion.apply(0.75), 2, "3", "endpoint")
    endpoint.act = 500
    embedded = scorer.score({})
    assert (embedded.probability, embedded.path) == (pytest.approx(by_endpoint.probability), "embedded")
    endpoint.act = prediction(0.75, modelVersionId="9")
    assert scorer.score({}) == Scored(0.75, None, "9", "endpoint")


@pytest.mark.parametrize("failure", FAILURES)
def test_if_the_endpoint_fails_the_embedded_scorer_answers(start, endpoint, failure):
    # The deadline is short if the endpoint never sends a whole answer, because the test then waits for the deadline. In
    # the other cases it is long, because the first request must read the credentials too.
    scorer = start(endpoint_deadline_ms=1000 if failure in {"hangs", "drips"} else 5000)
    endpoint.act = FAILURES[failure]
    assert scorer.score({}) == EMBEDDED
    # The failed request is not repeated, because the retry budget is empty at the first request.
    assert endpoint.requests == 1


@pytest.mark.parametrize("failure", ["resets", "429", "500", "404", "no JSON"])
def test_the_breaker_opens_within_20_failed_requests_and_closes_once_the_endpoint_works_again(
    start, endpoint, clock, failure
):
    scorer = start()
    endpoint.act = FAILURES[failure]
    assert {scorer.score({}) for _ in range(60)} == {EMBEDDED}
    assert endpoint.requests <= 20
    asked = endpoint.requests
    endpoint.act = "answers"
    assert scorer.score({}) == EMBEDDED
    assert endpoint.requests == asked
    clock.now += 11
    assert [scorer.score({}).path for _ in range(5)] == ["endpoint"] * 5


def test_after_a_failed_probe_the_endpoint_is_not_called_for_a_while(start, endpoint, clock):
    scorer = start()
    endpoint.act = 500
    for _ in range(20):
        scorer.score({})
    asked = endpoint.requests
    for _ in range(3):
        clock.now += 11
        assert [scorer.score({}).path for _ in range(10)] == ["embedded"] * 10
    assert endpoint.requests == asked + 3


@pytest.mark.parametrize("failure", [429, 503, 504, "resets"])
def test_a_temporary_failure_is_retried_within_the_retry_budget(start, endpoint, failure):
    scorer = start()
    assert {scorer.score({}).path for _ in range(10)} == {"endpoint"}
    endpoint.acts = [failure]
    assert scorer.score({}) == FROM_ENDPOINT
    assert endpoint.requests == 12
    # The retry budget allows one retry after ten requests, and the failure above has used this retry.
    endpoint.acts = [failure]
    assert scorer.score({}) == EMBEDDED


@pytest.mark.parametrize("failure", [400, 403, 404, 500, b"no JSON"])
def test_a_permanent_failure_is_not_retried(start, endpoint, failure):
    scorer = start()
    for _ in range(30):
        scorer.score({})
    endpoint.acts = [failure]
    assert scorer.score({}) == EMBEDDED
    assert endpoint.requests == 31


def test_retries_are_at_most_a_tenth_of_the_requests(start, endpoint):
    scorer = start(breaker_failures=20)
    for number in range(200):
        endpoint.acts = [503] if number % 3 == 0 else []
        scorer.score({})
    assert 200 < endpoint.requests <= 220


def test_invalid_requests_do_not_open_the_breaker(start, endpoint):
    scorer = start()
    endpoint.act = 400
    assert {scorer.score({}) for _ in range(40)} == {EMBEDDED}
    assert endpoint.requests == 40


def test_if_the_endpoint_does_not_listen_the_embedded_scorer_answers(online_bucket, clock):
    online_bucket.serve(3)
    scorer = OnlineScorer(online_bucket.settings(order="endpoint_first"), clock)
    assert {scorer.score({}) for _ in range(30)} == {EMBEDDED}


def test_without_an_embedded_scorer_the_endpoint_scores_in_either_order(online_bucket, endpoint, clock):
    online_bucket.serve(3, scorer=None)
    settings = online_bucket.settings(endpoint.url, order="embedded_first", endpoint_deadline_ms=5000)
    scorer = OnlineScorer(settings, clock)
    assert scorer.score({"pageviews": None}) == FROM_ENDPOINT
    # The scorer has replaced the missing number by the mean of the training rows, which is 6.
    assert b"6" in endpoint.bodies[0]
    endpoint.act = 500
    with pytest.raises(NoScorerError, match="no embedded scorer, and the endpoint failed: HTTP 500"):
        scorer.score({})


def test_while_no_champion_is_known_and_the_endpoint_fails_the_error_says_so(online_bucket, endpoint, clock):
    scorer = OnlineScorer(online_bucket.settings(endpoint.url, endpoint_deadline_ms=5000), clock)
    endpoint.act = 404
    with pytest.raises(NoScorerError, match="no champion is known, and the endpoint failed"):
        scorer.score({"pageviews": 3})


def test_a_fallback_is_one_log_line_without_values_of_the_request(start, endpoint, capfd):
    scorer = start()
    endpoint.act = 400
    scorer.score({"pageviews": 123454321, "device": "a secret device"})
    [logged] = capfd.readouterr().out.splitlines()
    entry = json.loads(logged)
    assert entry == {
        "severity": "WARNING",
        "event": "embedded_stood_in",
        "message": "the embedded scorer replaced the endpoint: the endpoint failed: HTTP 400",
        "reason": "the endpoint failed: HTTP 400",
    }


@pytest.fixture(scope="module")
def shared_endpoint(tmp_path_factory):
    """Start a local Vertex AI. The endpoint splits its traffic between versions 1 and 2, whose predictions differ."""
    app = local_vertex.create_app(tmp_path_factory.mktemp("vertex"), chance=random.Random(7))  # noqa: S311 - seeded, to repeat the choice of versions; not for security
    models = [trained(tmp_path_factory.mktemp("trained"), sessions(300, seed)) for seed in (1, 2)]
    with serving.serve(app) as url:
        deploy(url, models, {"0": 50, "1": 50})
        yield url


def test_under_a_traffic_split_the_version_that_answered_is_named_and_only_the_champion_has_a_decile(
    shared_endpoint, online_bucket, clock
):
    inputs = {"bounces": 0.5, "seconds": 120.0, "source": None, "mobile": None}
    online_bucket.serve(1, inputs=inputs)
    settings = online_bucket.settings(shared_endpoint, order="endpoint_first", endpoint_deadline_ms=20_000)
    scorer = OnlineScorer(settings, clock)
    visitor = {"bounces": 1, "seconds": 12.0, "source": "google", "mobile": True}
    answers = {scorer.score(visitor) for _ in range(60)}
    assert {(one.version, one.path) for one in answers} == {("1", "endpoint"), ("2", "endpoint")}
    # All answers of a version have the same probability, and the two versions have different probabilities.
    assert len(answers) == len({one.probability for one in answers}) == 2
    assert {one.version: one.decile is None for one in answers} == {"1": False, "2": True}
