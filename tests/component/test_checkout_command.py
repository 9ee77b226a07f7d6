"""`propensity score` against a function on Google Cloud, which requires an identity token."""

import json

import pytest

from cli import checkout
from cli.errors import CommandError

URL = "https://score-checkout.invalid"


@pytest.fixture
def person(tmp_path, monkeypatch):
    """Set up the credentials that `gcloud auth application-default login` writes for a person."""
    file = tmp_path / "credentials.json"
    fields = ("client_id", "client_secret", "refresh_token")
    file.write_text(json.dumps({"type": "authorized_user"} | dict.fromkeys(fields, "x")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv(checkout.TOKEN, raising=False)


@pytest.mark.usefixtures("person")
def test_an_error_names_the_command_that_gives_a_token():
    with pytest.raises(CommandError, match=r"export PROPENSITY_IDENTITY_TOKEN=\$\(gcloud auth print-identity-token\)"):
        checkout.identity(URL)


@pytest.mark.usefixtures("person")
def test_the_token_in_the_environment_is_sent(monkeypatch):
    monkeypatch.setenv(checkout.TOKEN, "a-token")
    assert checkout.identity(URL) == {"Authorization": "Bearer a-token"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/score_checkout", "https://localhost:8443"])
def test_no_token_is_sent_to_a_function_on_this_machine(url, monkeypatch):
    monkeypatch.setenv(checkout.TOKEN, "a-token")
    assert checkout.identity(url) == {}
