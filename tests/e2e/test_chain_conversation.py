"""The requests between the chain, the commands and the local cloud agree with Google's API documents.

Every test of the chain checks its own requests, with deskcloud/tests/desk/conversation.py. The tests here check that
all these requests were recorded, and that each deviation in deskcloud/tests/desk/contradictions.py still occurs.
"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from desk.contradictions import ABSENT, BESIDE_THE_CHAIN, CONTRADICTIONS

HERE = Path(__file__)
# The API methods that must have been called if all tests of the chain have run.
METHODS = {
    "/google.pubsub.v1.Publisher/Publish",
    "aiplatform.projects.locations.endpoints.deployModel",
    "aiplatform.projects.locations.endpoints.get",
    "aiplatform.projects.locations.endpoints.patch",
    "aiplatform.projects.locations.endpoints.predict",
    "aiplatform.projects.locations.models.get",
    "aiplatform.projects.locations.models.listVersions",
    "aiplatform.projects.locations.models.mergeVersionAliases",
    "aiplatform.projects.locations.models.patch",
    "bigquery.jobs.get",
    "bigquery.jobs.getQueryResults",
    "bigquery.jobs.insert",
    "bigquery.jobs.query",
    "bigquery.models.get",
    "logging.entries.write",
    "storage.objects.get",
    "storage.objects.insert",
    "storage.objects.list",
}


@pytest.fixture
def whole(chain, conversation, request):
    """Return the recorded requests of all tests of the chain. Skip the test if some tests of the chain are not run."""
    config, heard = request.config, {item.path for item in request.session.items}
    is_part = config.option.keyword or any("::" in argument for argument in config.args)
    if is_part or not set(HERE.parent.glob("test_chain*.py")) <= heard:
        pytest.skip("only the whole chain says all that is listed: run tests/e2e/test_chain*.py")
    return conversation


@pytest.mark.parametrize(
    "arguments",
    [["runs"], ["show", "RUN"], ["show", "RUN", "--json"], ["publish", "audience-published"], ["reset", "RUN"]],
    ids=lambda arguments: arguments[0],
)
def test_a_commands_requests_agree_with_googles_documents(chain, conversation, arguments):
    before = conversation.said.total()
    answer = CliRunner().invoke(app, [chain.first.run_id if one == "RUN" else one for one in arguments], input="n\n")
    assert answer.exit_code == (1 if arguments[0] == "reset" else 0)
    assert conversation.said.total() > before


def test_the_chains_requests_were_recorded(chain, conversation):
    assert {name for name, _, _ in conversation.said} >= METHODS


def test_no_request_of_the_chain_is_refused_as_invalid(conversation):
    asked = {
        problem: tests for problem, tests in conversation.refused.items() if any("test_chain" in one for one in tests)
    }
    assert asked == {}


@pytest.mark.slow
def test_each_listed_contradiction_still_occurs(whole):
    said = {problem.key for problem in whole.problems}
    assert CONTRADICTIONS.keys() == said - BESIDE_THE_CHAIN.keys()


@pytest.mark.slow
@pytest.mark.parametrize("document", ABSENT)
def test_each_output_only_field_of_google_is_returned_or_listed(whole, document):
    listed = [field for fields in ABSENT[document].values() for field in fields]
    assert len(listed) == len(set(listed))
    assert sorted(whole.absent(document)) == sorted(listed)
