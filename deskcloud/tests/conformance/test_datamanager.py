"""Google's client for the Data Manager API works with the local Data Manager API."""

import base64
import json
from importlib import resources

import pytest
from google.ads import datamanager_v1 as dm
from google.ads.datamanager_v1.services.ingestion_service.transports import IngestionServiceRestTransport
from google.api_core.exceptions import BadRequest, Forbidden, TooManyRequests
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from google.protobuf.timestamp_pb2 import Timestamp

from desk.discovery import KEPT, Document, trimmed
from desk.platforms import HTTP, SECRET, hashed, running
from deskcloud.document import DataManager, GoogleAdsAccount
from deskcloud.platforms import datamanager

ACCOUNT = "1234567890"
LIST = f"{ACCOUNT}/987"
SETTINGS = DataManager((GoogleAdsAccount(ACCOUNT, ("987", "988")),), processing_seconds=1800)
PROCESSING = dm.RequestStatusPerDestination.RequestStatus.PROCESSING
SUCCESS = dm.RequestStatusPerDestination.RequestStatus.SUCCESS
PARTIAL_SUCCESS = dm.RequestStatusPerDestination.RequestStatus.PARTIAL_SUCCESS
FAILED = dm.RequestStatusPerDestination.RequestStatus.FAILED
DENIED = dm.ProcessingErrorReason.PROCESSING_ERROR_REASON_DENIED_CONSENT
ACCEPTED = dm.TermsOfService(customer_match_terms_of_service_status=dm.TermsOfServiceStatus.ACCEPTED)


@pytest.fixture
def google(desk):
    return desk(datamanager=SETTINGS)


@pytest.fixture
def client(google):
    return client_of(google)


def client_of(google, token=SECRET):
    host = google.url["datamanager"].removeprefix("http://")
    transport = IngestionServiceRestTransport(host=host, url_scheme="http", credentials=Credentials(token))
    return dm.IngestionServiceClient(transport=transport)


def destination(user_list="987", **named):
    account = dm.ProductAccount(account_type=dm.ProductAccount.AccountType.GOOGLE_ADS, account_id=ACCOUNT)
    return dm.Destination(operating_account=account, product_destination_id=user_list, **named)


def member(*names, **named):
    identifiers = [dm.UserIdentifier(email_address=hashed(one)) for one in names]
    return dm.AudienceMember(user_data=dm.UserData(user_identifiers=identifiers), **named)


def ingestion(*members, **named):
    given = {"destinations": [destination()], "encoding": dm.Encoding.HEX, "terms_of_service": ACCEPTED}
    return dm.IngestAudienceMembersRequest(given | {"audience_members": members} | named)


def removal(*members, **named):
    given = {"destinations": [destination()], "encoding": dm.Encoding.HEX}
    return dm.RemoveAudienceMembersRequest(given | {"audience_members": members} | named)


def status(client, answer):
    asked = dm.RetrieveRequestStatusRequest(request_id=answer.request_id)
    return client.retrieve_request_status(asked).request_status_per_destination


def email(name):
    return f"emailAddress:{hashed(name)}"


def test_members_are_added_once_the_request_is_processed(google, client):
    answer = client.ingest_audience_members(ingestion(member("a", "b"), member("c")))
    assert [one.request_status for one in status(client, answer)] == [PROCESSING]
    assert google.members("datamanager", LIST) == {}

    google.advance(1800)
    (found,) = status(client, answer)
    assert found.request_status == SUCCESS
    counts = found.audience_members_ingestion_status.user_data_ingestion_status
    assert (counts.record_count, counts.user_identifier_count) == (2, 3)
    assert google.members("datamanager", LIST) == {email(one): (True, 1, 0, 0) for one in "abc"}


def test_a_member_that_is_sent_again_is_updated_and_a_removed_one_is_removed_once(google, client):
    for request in (ingestion(member("a")), ingestion(member("a"))):
        client.ingest_audience_members(request)
    for _ in range(2):
        answer = client.remove_audience_members(removal(member("a"), member("unknown")))
    google.advance(1800)
    (found,) = status(client, answer)
    counts = found.audience_members_removal_status.user_data_removal_status
    assert (found.request_status, counts.record_count) == (SUCCESS, 2)
    assert google.members("datamanager", LIST) == {email("a"): (False, 1, 1, 1)}


def test_hashes_in_base64_name_the_same_members_as_hashes_in_hex(google, client):
    text = base64.b64encode(bytes.fromhex(hashed("a"))).decode()
    identifier = dm.UserIdentifier(email_address=text)
    one = dm.AudienceMember(composite_data=dm.CompositeData(user_data=dm.UserData(user_identifiers=[identifier])))
    answer = client.ingest_audience_members(ingestion(one, encoding=dm.Encoding.BASE64))
    google.advance(1800)
    (found,) = status(client, answer)
    counts = found.audience_members_ingestion_status.composite_data_ingestion_status
    assert [(one.type_.name, one.count) for one in counts.data_type_counts] == [("EMAIL", 1)]
    assert google.members("datamanager", LIST) == {email("a"): (True, 1, 0, 0)}


def test_members_go_to_the_destinations_that_they_refer_to(google, client):
    destinations = [destination(reference="one"), destination("988", reference="other")]
    request = ingestion(member("a", destination_references=["other"]), member("b"), destinations=destinations)
    answer = client.ingest_audience_members(request)
    google.advance(1800)
    assert [one.destination.reference for one in status(client, answer)] == ["one", "other"]
    assert set(google.members("datamanager", LIST)) == {email("b")}
    assert set(google.members("datamanager", f"{ACCOUNT}/988")) == {email("a"), email("b")}


def test_everybody_who_was_last_added_before_a_time_is_removed(google, client):
    client.ingest_audience_members(ingestion(member("a"), member("b")))
    google.advance(60)
    began = google.admin("GET", "clock")["now"]
    client.ingest_audience_members(ingestion(member("b")))
    before = Timestamp(seconds=int(began), nanos=int(began % 1 * 1e9))
    request = dm.RemoveAllAudienceMembersRequest(destinations=[destination()], remove_as_of_time=before)
    answer = client.remove_all_audience_members(request)
    google.advance(1800)
    assert [one.request_status for one in status(client, answer)] == [SUCCESS]
    assert google.members("datamanager", LIST) == {email("a"): (False, 1, 0, 1), email("b"): (True, 1, 1, 0)}


def test_a_time_in_the_future_is_refused(google, client):
    later = Timestamp(seconds=int(google.admin("GET", "clock")["now"]) + 60)
    request = dm.RemoveAllAudienceMembersRequest(destinations=[destination()], remove_as_of_time=later)
    assert reasons(client.remove_all_audience_members, request) == {"remove_as_of_time": "INVALID_REMOVE_AS_OF_TIME"}


def test_a_validated_request_changes_nothing_and_has_no_status(google, client):
    answer = client.ingest_audience_members(ingestion(member("a"), validate_only=True))
    google.advance(1800)
    assert google.members("datamanager", LIST) == {}
    assert reasons(lambda one: status(client, one), answer) == {"request_id": "INVALID_REQUEST_ID"}


def test_members_without_consent_are_counted_by_reason(google, client):
    granted = dm.Consent(ad_user_data=dm.ConsentStatus.CONSENT_GRANTED)
    denied = dm.Consent(ad_user_data=dm.ConsentStatus.CONSENT_DENIED)
    partial = client.ingest_audience_members(ingestion(member("a"), member("b", consent=denied), consent=granted))
    failed = client.ingest_audience_members(ingestion(member("c"), consent=denied))
    google.advance(1800)
    (found,) = status(client, partial)
    (counted,) = found.error_info.error_counts
    assert (found.request_status, counted.reason, counted.record_count) == (PARTIAL_SUCCESS, DENIED, 1)
    assert [one.request_status for one in status(client, failed)] == [FAILED]
    assert set(google.members("datamanager", LIST)) == {email("a")}


def test_a_member_who_has_withdrawn_consent_can_be_removed(google, client):
    denied = dm.Consent(ad_user_data=dm.ConsentStatus.CONSENT_DENIED)
    client.ingest_audience_members(ingestion(member("a")))
    client.remove_audience_members(removal(member("a", consent=denied)))
    google.advance(1800)
    assert google.members("datamanager", LIST) == {email("a"): (False, 1, 0, 1)}


def reasons(call, request):
    """Make a request that must be refused. Return a dict from invalid fields to reasons."""
    with pytest.raises(BadRequest) as refused:
        call(request)
    (violations,) = [one["fieldViolations"] for one in refused.value.details if "fieldViolations" in one]
    return {one["field"]: one["reason"] for one in violations}


def address(**named):
    given = {"given_name": hashed("g"), "family_name": hashed("f"), "region_code": "DE", "postal_code": "10115"}
    identifier = dm.UserIdentifier(address=dm.AddressInfo(given | named))
    return dm.AudienceMember(user_data=dm.UserData(user_identifiers=[identifier]))


FIRST = "audience_members[0].user_data.user_identifiers[0]"


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """Return platforms for requests that are refused. Tests share the platforms: refused requests change nothing."""
    with running(tmp_path_factory.mktemp("platforms"), datamanager=SETTINGS) as found:
        yield found


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        (ingestion(), "audience_members", "REQUIRED_FIELD_MISSING"),
        (ingestion(*[member("a")] * 10_001), "audience_members", "TOO_MANY_AUDIENCE_MEMBERS"),
        (ingestion(member(*"abcdefghijk")), FIRST.removesuffix("[0]"), "TOO_MANY_USER_IDENTIFIERS"),
        (ingestion(dm.AudienceMember()), "audience_members[0]", "INVALID_AUDIENCE_MEMBER"),
        (
            ingestion(member("a"), dm.AudienceMember(user_id_data=dm.UserIdData(user_id="1"))),
            "audience_members",
            "MULTIPLE_DATA_TYPES_NOT_ALLOWED",
        ),
        (ingestion(member("a"), encoding=0), "encoding", "REQUIRED_FIELD_MISSING"),
        (ingestion(member("a"), encoding=dm.Encoding.BASE64), f"{FIRST}.email_address", "INVALID_SHA256_FORMAT"),
        (
            ingestion(member("a"), terms_of_service=None),
            "terms_of_service.customer_match_terms_of_service_status",
            "TERMS_AND_CONDITIONS_NOT_SIGNED",
        ),
        (ingestion(member("a"), destinations=[]), "destinations", "REQUIRED_FIELD_MISSING"),
        (ingestion(member("a"), destinations=[destination()] * 11), "destinations", "TOO_MANY_DESTINATIONS"),
        (
            ingestion(member("a"), destinations=[destination("1")]),
            "destinations[0].product_destination_id",
            "INVALID_USER_LIST_ID",
        ),
        (
            ingestion(member("a"), destinations=[destination(reference="one")] * 2),
            "destinations",
            "DUPLICATE_DESTINATION_REFERENCE",
        ),
        (
            ingestion(member("a", destination_references=["none"])),
            "audience_members[0].destination_references",
            "INVALID_DESTINATION",
        ),
        (ingestion(address(given_name="Grace")), f"{FIRST}.address.given_name", "INVALID_HEX_ENCODING"),
        (ingestion(address(region_code="DEU")), f"{FIRST}.address.region_code", "INVALID_REGION_CODE"),
        (ingestion(address(postal_code="")), f"{FIRST}.address.postal_code", "REQUIRED_FIELD_MISSING"),
        (
            ingestion(dm.AudienceMember(mobile_data=dm.MobileData(mobile_ids=["1"]))),
            "audience_members[0].mobile_data.mobile_ids[0]",
            "INVALID_MOBILE_ID_FORMAT",
        ),
    ],
)
def test_a_wrong_required_field_fails_the_whole_request(refusing, request_, field, reason):
    assert reasons(client_of(refusing).ingest_audience_members, request_)[field] == reason
    refusing.advance(1800)
    assert refusing.members("datamanager", LIST) == {}


def test_a_wrong_optional_field_is_a_warning(refusing):
    answer = client_of(refusing).ingest_audience_members(ingestion(address(address_line="Main Street 1")))
    assert [one.field for one in answer.field_warnings] == [f"{FIRST}.address.address_line"]


def test_the_quota_names_its_limit_and_the_time_to_wait(desk):
    limited = desk(datamanager=DataManager(SETTINGS.accounts, requests_per_minute=1))
    client = client_of(limited)
    client.ingest_audience_members(ingestion(member("a")))
    with pytest.raises(TooManyRequests) as refused:
        client.ingest_audience_members(ingestion(member("a")))
    (info,) = [one for one in refused.value.details if "metadata" in one]
    assert info["metadata"] == {"quota_limit": "IngestionMutateRequestsPerMinutePerProject"}
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60
    limited.advance(60)
    client.ingest_audience_members(ingestion(member("a")))


def test_the_client_asks_for_a_new_token_when_one_has_expired(refusing):
    refusing.plan("datamanager", {"kind": "expired_token"})
    with pytest.raises(RefreshError):
        client_of(refusing).ingest_audience_members(ingestion(member("a")))


def test_a_request_without_the_token_is_refused(refusing):
    with pytest.raises(Forbidden):
        client_of(refusing, "another").ingest_audience_members(ingestion(member("a")))


@pytest.mark.parametrize("body", [{"destination": []}, {"encoding": "HEXADECIMAL"}, {"validateOnly": "yes"}, [], "{"])
def test_a_request_that_contradicts_googles_document_is_refused(refusing, body):
    answer = HTTP.post(
        f"{refusing.url['datamanager']}/v1/audienceMembers:ingest",
        content=body if isinstance(body, str) else json.dumps(body),
        headers={"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_the_local_document_is_google_s():
    shipped = resources.files(datamanager).joinpath("discovery.json").read_text()
    assert json.loads(shipped) == trimmed(Document.of("datamanager.v1").content, KEPT)


def test_enum_values_have_the_numbers_of_google_s_protos():
    names = {"Encoding": dm.Encoding, "TermsOfServiceStatus": dm.TermsOfServiceStatus, "Consent": dm.ConsentStatus}
    schemas = Document.of("datamanager.v1").content["schemas"]
    found = {
        "Encoding": schemas["IngestAudienceMembersRequest"]["properties"]["encoding"],
        "TermsOfServiceStatus": schemas["TermsOfService"]["properties"]["customerMatchTermsOfServiceStatus"],
        "Consent": schemas["Consent"]["properties"]["adUserData"],
        "AccountType": schemas["ProductAccount"]["properties"]["accountType"],
    }
    names["AccountType"] = dm.ProductAccount.AccountType
    for name, schema in found.items():
        assert [(one.value, one.name) for one in names[name]] == list(enumerate(schema["enum"]))
