"""The README and the local cloud agree with the declarations of functions. infra/tests/ checks that Terraform does."""

import json
import re

from google.cloud import pubsub_v1

from cli import local_cloud
from deskcloud import provisioning, pubsub
from tests.unit.test_declarations import DECLARED, FUNCTIONS, HTTP, ROOT

ON = {
    "bucket": "shop-bucket",
    "google_ads": {"mode": "replace", "account": "1", "user_list": "1"},
    "meta": {"mode": "replace", "audience": "1"},
    "salesforce": {"mode": "replace", "subdomain": "mc123", "data_extension": "audience"},
    "mail": {"mode": "on", "relay": "smtp.example.com:587", "sender": "hello@shop.example"},
}
MADE = local_cloud.document("shop-project", ON)
# Functions whose cells in the README's table are words instead of topics: both cells, or only the published topics.
TOLD_OTHERWISE = {"score_checkout": ("HTTP: the shop's page", "the score, over HTTP")}
TOLD_OTHERWISE_SAYS = {"resume_runs": "the last event of a stalled run"}


def path(topic):
    return provisioning.topic_path("shop-project", topic)


def test_the_table_of_functions_in_the_readme_agrees_with_the_declarations():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) ?\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {name: (listens, says) for name, listens, says in rows if name in FUNCTIONS}
    assert list(told) == list(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        listens, says = ", ".join(function.topics), ", ".join(function.emits)
        expected = TOLD_OTHERWISE.get(name, (listens, TOLD_OTHERWISE_SAYS.get(name, says)))
        assert told[name] == expected
    assert TOLD_OTHERWISE.keys() == set(HTTP)


def test_the_function_of_a_destination_that_is_off_is_left_out():
    made = local_cloud.document("shop-project", {"bucket": "shop-bucket", "meta": ON["meta"]})
    assert {one.name for one in MADE.functions.entry_points} == FUNCTIONS.keys()
    off = {"message_customer", "send_to_google_ads", "send_to_salesforce"}
    assert {one.name for one in made.functions.entry_points} == FUNCTIONS.keys() - off
    assert not off & {one.function for one in made.subscriptions}


def test_a_local_cloud_sends_messages_only_to_its_own_relay():
    settings = json.loads(MADE.functions.environment["PROPENSITY_SETTINGS"])
    assert MADE.platforms.mail is not None
    assert settings["mail"] == {**ON["mail"], "relay": "${MAIL_HOST}", "starttls": "off"}


def test_the_local_cloud_makes_the_topics_and_subscriptions_that_are_declared(tmp_path, monkeypatch):
    """The names are those that Terraform gives. A push URL contains the topic, where functions-framework reads it."""
    with pubsub.serve(tmp_path) as server:
        provisioning.make_topics(MADE, server.host, "http://127.0.0.1:9")
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.host)
        with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
            topics = {one.name for one in publisher.list_topics(project="projects/shop-project")}
            made = {one.name: one for one in subscriber.list_subscriptions(project="projects/shop-project")}
    listening = [(name, topic) for name, function in FUNCTIONS.items() for topic in function.topics]
    emitted = {topic for function in FUNCTIONS.values() for topic in function.emits}
    assert topics == {path(topic) for topic in emitted | {topic for _, topic in listening}}
    assert len(made) == len(listening)
    delivery = DECLARED.delivery
    for name, topic in listening:
        one = made[f"projects/shop-project/subscriptions/{name.replace('_', '-')}-{topic}"]
        assert one.topic == path(topic)
        assert one.push_config.push_endpoint == f"http://127.0.0.1:9/{name}/projects/shop-project/topics/{topic}"
        assert one.ack_deadline_seconds == FUNCTIONS[name].timeout_seconds
        assert one.retry_policy.minimum_backoff.total_seconds() == delivery.minimum_backoff_seconds
        assert one.retry_policy.maximum_backoff.total_seconds() == delivery.maximum_backoff_seconds
        letters = "" if topic == delivery.dead_letter_topic else path(delivery.dead_letter_topic)
        assert one.dead_letter_policy.dead_letter_topic == letters
