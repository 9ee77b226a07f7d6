"""What Terraform must never do, whatever else it does."""

import re

import pytest
import yaml

from tests.unit.test_declarations import FUNCTIONS, ROOT

FILES = sorted(path for path in (ROOT / "infra").rglob("*.tf") if ".terraform" not in path.parts)
TEXTS = {str(path.relative_to(ROOT)): re.sub(r"#.*", "", path.read_text()) for path in FILES}
GUIDE = (ROOT / "docs" / "deploy.md").read_text()
IAM = yaml.safe_load((ROOT / "tests" / "data" / "iam.yaml").read_text())


@pytest.mark.parametrize(
    "never",
    [
        "allUsers",
        "allAuthenticatedUsers",
        "roles/editor",
        "roles/owner",
        "roles/viewer",
        "google_service_account_key",
        "google_project_iam_binding",
        "google_project_iam_policy",
    ],
)
def test_nothing_is_public_nobody_owns_the_project_and_no_account_has_a_key(never):
    assert [name for name, text in TEXTS.items() if never in text] == []


def test_every_bucket_is_private_and_grants_by_iam_alone():
    buckets = [
        block for text in TEXTS.values() for block in re.findall(r'"google_storage_bucket" .*?\n}', text, re.DOTALL)
    ]
    assert buckets
    for block in buckets:
        assert re.search(r"uniform_bucket_level_access\s*= true", block)
        assert re.search(r'public_access_prevention\s*= "enforced"', block)


def test_every_permission_of_our_own_roles_exists():
    roles = [
        block
        for text in TEXTS.values()
        for block in re.findall(r'"google_project_iam_custom_role" .*?\n}', text, re.DOTALL)
    ]
    named = {name for block in roles for name in re.findall(r'"(\w+\.\w+\.\w+)"', block)}
    named |= {name for function in FUNCTIONS.values() for name in function.permissions}
    assert named == IAM["permissions"].keys()


def test_a_permission_that_may_not_stand_in_a_custom_role_is_not_asked_for_and_doubt_is_told():
    known = {one["custom_roles"] for one in IAM["permissions"].values()}
    assert known <= {"supported", "seen", "unverified"}
    first_contact = GUIDE.partition("## First contact")[2]
    assert ("gcloud iam list-testable-permissions" in first_contact) is ("unverified" in known)


def test_every_predefined_role_exists_and_is_no_alpha():
    texts = [*TEXTS.values(), (ROOT / "functions" / "functions.yaml").read_text(), GUIDE]
    named = {name for text in texts for name in re.findall(r"roles/[a-z]\w*(?:\.\w+)*", text)}
    assert named == IAM["roles"].keys()
    assert set(IAM["roles"].values()) <= {"GA", "BETA"}
