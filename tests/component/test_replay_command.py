"""Which dead letters `propensity replay` publishes again, and which dead letters remain stored."""

import json
import re

import pytest

from fixtures.commands import PUSHED, bury, connected, given_up, refused, run


@pytest.fixture
def shop(bucket, monkeypatch):
    return connected(bucket, monkeypatch)


def test_a_refused_message_and_one_that_pubsub_gave_up_are_sent_again_unchanged(shop):
    bury(shop, "1", refused("features-built", json.dumps(PUSHED).encode(), {"a": "b"}))
    bury(shop, "2", given_up(b"{}", {"c": "d"}))
    answer = run("replay", "--all", "--yes")
    assert answer.exit_code == 0, answer.stdout
    assert shop.pubsub.sent == [
        ("features-built", json.dumps(PUSHED).encode(), {"a": "b"}),
        ("features-built", b"{}", {"c": "d"}),
    ]
    assert shop.dead_letters.all() == {}
    assert "0 dead letters are left" in answer.stdout


def test_a_message_that_two_functions_refused_is_sent_once(shop):
    for function in ("train_models", "build_recommendations"):
        bury(shop, f"1-{function}", {**refused("features-built", b"{}", {}), "function": function})
    assert run("replay", "--all", "--yes").exit_code == 0
    assert shop.pubsub.sent == [("features-built", b"{}", {})]
    assert shop.dead_letters.all() == {}


def test_after_a_confirmation_one_message_is_sent_again_and_the_others_are_kept(shop):
    for name in ("1", "2"):
        bury(shop, name, given_up(b"{}", {"name": name}))
    assert run("replay", "2", answer="n\n").exit_code == 1
    assert shop.pubsub.sent == []
    answer = run("replay", "2", answer="y\n")
    assert (answer.exit_code, list(shop.dead_letters.all())) == (0, ["1"])
    assert "1 dead letter is left" in answer.stdout


def test_a_message_that_is_refused_again_is_listed_with_its_new_name_and_the_reason(shop):
    bury(shop, "1", refused("features-built", b"{}", {}))
    shop.pubsub.refuses = {"features-built"}
    answer = run("replay", "1", "--yes")
    assert answer.exit_code == 1
    assert "a dead letter again, 100-train_models: a field is missing" in answer.stdout
    assert list(shop.dead_letters.all()) == ["100-train_models"]


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        ({**refused("features-built", b"", {}), "data": "%"}, "not base64"),
        ({**refused("features-built", b"", {}), "left_out_bytes": 9_999_999}, "it lacks the 9999999 bytes of data"),
        (
            {"function": "", "reason": "", "data": ""},
            "its topic is unknown: it was published to dead-letters directly",
        ),
        (
            {**given_up(b"{}"), "function": "gone-sub"},
            "its topic is unknown, and 'gone-sub' is not the subscription of a function",
        ),
        (refused("somewhere", b"{}", {}), "its topic 'somewhere' does not exist"),
        (refused("features-built", b"", {}), "is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_dead_letter_that_cannot_be_sent_again_stays_and_the_reason_is_printed(shop, letter, why):
    bury(shop, "1", letter)
    answer = run("replay", "--all", "--yes")
    assert answer.exit_code == 1
    assert re.search(f"1 stays a dead letter: .*{why}", answer.stdout)
    assert list(shop.dead_letters.all()) == ["1"]


def test_an_unknown_dead_letter_is_named_in_an_error_and_nothing_is_sent(shop):
    bury(shop, "1", given_up(b"{}"))
    answer = run("replay", "1", "7", "--yes")
    assert "there is no dead letter 7" in str(answer.exception)
    assert shop.pubsub.sent == []


def test_replay_needs_either_names_or_the_option_all():
    assert "name the dead letters" in str(run("replay").exception)
    assert "not both" in str(run("replay", "1", "--all", "--yes").exception)
