"""What the resources in infra/ must never allow, and which permissions and roles these resources grant."""

import re

import pytest
import yaml

from fixtures import terraform
from shared.erasure import certificate
from tests.unit.test_declarations import DECLARED, FUNCTIONS, ROOT

GUIDE = (ROOT / "docs" / "deploy.md").read_text()
IAM = yaml.safe_load((ROOT / "tests" / "data" / "iam.yaml").read_text())


def resources(kind):
    modules = [terraform.module(folder) for folder in sorted({path.parent for path in terraform.files()})]
    return [one for module in modules for one in module.of_kind(kind).values()]


@pytest.fixture(scope="module")
def texts():
    """Return the strings in each file of Terraform."""
    return {str(path.relative_to(ROOT)): set(terraform.literals(path)) for path in terraform.files()}


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
def test_no_resource_is_public_nobody_owns_the_project_and_no_account_has_a_key(texts, never):
    assert [name for name, those in texts.items() if any(never in text for text in those)] == []


def test_every_bucket_is_private_and_grants_access_only_by_iam():
    buckets = resources("google_storage_bucket")
    assert buckets
    for bucket in buckets:
        assert bucket["uniform_bucket_level_access"] is True
        assert bucket["public_access_prevention"] == "enforced"


def test_every_permission_of_our_own_roles_exists():
    permissions = [role["permissions"] for role in resources("google_project_iam_custom_role")]
    # The only computed permissions are those that the functions declare.
    assert [one for one in permissions if isinstance(one, str)] == ["${each.value.permissions}"]
    named = {name for one in permissions if isinstance(one, list) for name in one}
    named |= {name for function in FUNCTIONS.values() for name in function.permissions}
    assert named == IAM["permissions"].keys()


def test_custom_roles_use_only_supported_permissions_and_the_guide_names_unverified_ones():
    known = {one["custom_roles"] for one in IAM["permissions"].values()}
    assert known <= {"supported", "seen", "unverified"}
    first_contact = GUIDE.partition("## First contact")[2]
    assert ("gcloud iam list-testable-permissions" in first_contact) is ("unverified" in known)


def test_every_predefined_role_exists_and_is_not_in_alpha(texts):
    named = {text for those in texts.values() for text in those if text.startswith("roles/")}
    named |= {role for function in FUNCTIONS.values() for role in function.roles}
    named |= set(re.findall(r"roles/[a-z]\w*(?:\.\w+)*", GUIDE))
    assert named == IAM["roles"].keys()
    assert set(IAM["roles"].values()) <= {"GA", "BETA"}


def test_a_certificate_of_erasure_says_how_long_the_bucket_and_pub_sub_really_keep_data():
    infra = terraform.module()
    [versions] = [
        rule["condition"][0]["days_since_noncurrent_time"]
        for rule in infra.resources["google_storage_bucket.runs"]["lifecycle_rule"]
    ]
    # After `versions` days, soft delete keeps an object for seven more days, by Cloud Storage's default.
    assert versions + 7 == certificate.BUCKET_DAYS
    retentions = {one["message_retention_duration"] for one in infra.of_kind("google_pubsub_subscription").values()}
    assert any(f"{certificate.MESSAGE_DAYS} * 86400" in one for one in retentions)
    days = {rule.prefix: rule.days for rule in DECLARED.lifecycle}
    assert days["deliveries/"] == certificate.DELIVERY_DAYS
    assert certificate.CHECKOUT_DAYS == days["checkouts/"] == days["backtests/"]
