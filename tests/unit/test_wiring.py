"""One truth: what the README tells, Terraform reads and the local cloud makes is what is declared."""

import re

import yaml
from google.cloud import pubsub_v1

from cli import declarations, desk
from deskcloud import provisioning, pubsub
from tests.unit.test_declarations import DECLARED, FUNCTIONS, HTTP, ROOT, TABLES

INFRA = {path.name: path.read_text() for path in (ROOT / "infra").glob("*.tf")}
CODE = "\n".join(re.sub(r"#.*", "", text) for text in INFRA.values())
MADE = desk.document("shop-project", {"bucket": "shop-bucket"})
# What the HTTP function is asked by and answers to is nobody's topic; resume_runs says whatever was said before.
TOLD_OTHERWISE = {"score_checkout": ("HTTP: the shop's page", "the score, over HTTP")}
TOLD_OTHERWISE_SAYS = {"resume_runs": "whatever a standing run said last"}
# What Terraform names itself: a chart and an alert, and what a person is told.
NAMED = {
    ("monitoring.tf", "publish_audience"),
    ("outputs.tf", "data-refreshed"),
    ("outputs.tf", "dead-letters"),
    ("outputs.tf", "score_checkout"),
}


def path(topic):
    return provisioning.topic_path("shop-project", topic)


def test_the_readmes_table_is_what_is_declared():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) ?\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {name: (listens, says) for name, listens, says in rows if name in FUNCTIONS}
    assert list(told) == list(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        listens, says = ", ".join(function.topics), ", ".join(function.emits)
        expected = TOLD_OTHERWISE.get(name, (listens, TOLD_OTHERWISE_SAYS.get(name, says)))
        assert told[name] == expected
    assert TOLD_OTHERWISE.keys() == set(HTTP)


def test_terraform_reads_all_that_is_declared_of_a_function():
    """A name that nobody reads is a wish that nobody hears, or one that is misspelt."""
    kinds = {declarations.Function, declarations.Http, declarations.Lifecycle, declarations.Delivery}
    kinds |= {declarations.Schedule, declarations.Sink, declarations.Declarations}
    declared = {name for kind in kinds for name in kind.__struct_fields__} - {"tables"}
    assert {key for key in declared if not re.search(rf"\.{key}\b", CODE)} == set()


def test_terraform_and_the_local_cloud_read_all_that_is_declared_of_a_table():
    documents = [yaml.safe_load(path.read_text()) for path in (ROOT / "sql" / "tables").glob("*.yaml")]
    declared = {key for document in documents for key in document}
    assert {key for key in declared if not re.search(rf"\.{key}\b", INFRA["bigquery.tf"])} == set()
    made = (ROOT / "deskcloud" / "src" / "deskcloud" / "provisioning.py").read_text()
    read = {key: "query" if key == "view" else key for key in declared}
    assert {key for key in declared if not re.search(rf"named\.{read[key]}\b", made)} == set()

    def keys(columns):
        return {key for column in columns for key in column} | {
            key for column in columns for key in keys(column.get("fields", []))
        }

    # Passed on as BigQuery's own form, but for two that are written shorter.
    assert keys(column for document in documents for column in document.get("columns", ())) <= {
        "name", "type", "description", "fields", "required", "repeated",
    }  # fmt: skip


def test_terraform_names_no_function_topic_or_table_by_itself():
    """What it names, but for few, it finds in the declaration; so nothing can be renamed there alone."""
    deployed = {name.replace("_", "-") for name in FUNCTIONS}
    names = FUNCTIONS.keys() | deployed | set(DECLARED.topics) | TABLES.keys() | DECLARED.schedules.keys()
    # A plain word, e.g. scores, may stand in a sentence; a whole text it must not be.
    specific = {name for name in names if re.search("[_-]", name)}
    found = {
        (file, word)
        for file, text in INFRA.items()
        for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r"#.*|description *= .*|error_message *= .*", "", text))
        for word in re.findall(r"[a-z][a-z0-9_-]*", quoted)
        if word in specific or (word == quoted and word in names)
    }
    assert found == NAMED


def test_the_environment_that_terraform_gives_is_the_one_that_functions_read():
    [block] = re.findall(r"environment_variables = \{(.*?)\n    \}", INFRA["functions.tf"], re.DOTALL)
    given = set(re.findall(r"^\s+([A-Z_]+)\s+=", block, re.MULTILINE))
    code = "".join(path.read_text() for path in (ROOT / "shared").rglob("*.py"))
    # functions-framework itself reads how many threads it has.
    assert {name for name in given if f'"{name}"' not in code} == {"THREADS"}


def test_the_local_cloud_makes_the_topics_and_subscriptions_that_are_declared(tmp_path, monkeypatch):
    """As Terraform does: named for function and topic, pushed to where functions-framework learns the topic."""
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
    assert re.search(r'"\$\{replace\(name, "_", "-"\)\}-\$\{topic\}" =>', INFRA["declarations.tf"])
    assert "/projects/${var.project_id}/topics/${each.value.topic}" in INFRA["pubsub.tf"]
