"""The check against Google's discovery documents finds each kind of contradiction."""

import pytest

from desk.discovery import Body, Document, output_only, paths_of_mask

BIGQUERY, STORAGE, VERTEX = Document.of("bigquery.v2"), Document.of("storage.v1"), Document.of("aiplatform.v1")
MODEL = "/v1/projects/p/locations/l/models/m"


def checked(value, schema, document=BIGQUERY, *, is_answer=True):
    body = Body(document, is_answer)
    body.check(value, {"$ref": schema})
    return [(one.place, one.rule) for one in body.problems]


@pytest.mark.parametrize(
    ("document", "http_method", "path", "name"),
    [
        (BIGQUERY, "POST", "/bigquery/v2/projects/p/jobs", "bigquery.jobs.insert"),
        (BIGQUERY, "POST", "/upload/bigquery/v2/projects/p/jobs", "bigquery.jobs.insert"),
        (BIGQUERY, "POST", "/resumable/upload/bigquery/v2/projects/p/jobs", "bigquery.jobs.insert"),
        (BIGQUERY, "GET", "/bigquery/v2/projects/p/jobs/j", "bigquery.jobs.get"),
        (STORAGE, "GET", "/storage/v1/b/b/o/runs%2Fr.json", "storage.objects.get"),
        (STORAGE, "GET", "/download/storage/v1/b/b/o/runs%2Fr.json", "storage.objects.get"),
        (STORAGE, "POST", "/upload/storage/v1/b/b/o", "storage.objects.insert"),
        (VERTEX, "GET", MODEL, "aiplatform.projects.locations.models.get"),
        (VERTEX, "GET", f"{MODEL}:listVersions", "aiplatform.projects.locations.models.listVersions"),
        (VERTEX, "GET", f"{MODEL}@champion", "aiplatform.projects.locations.models.get"),
    ],
)
def test_the_method_of_a_request_is_found_by_its_path(document, http_method, path, name):
    assert document.find(http_method, path).name == name


@pytest.mark.parametrize(
    ("http_method", "path"),
    [
        ("GET", "/bigquery/v3/projects/p/jobs"),
        ("GET", "/bigquery/v2/projects/p/runs"),
        ("PUT", "/bigquery/v2/projects/p/jobs/j"),
        ("GET", "/storage/v1/b/b/o/runs/r.json"),
    ],
)
def test_an_unknown_path_is_a_contradiction(http_method, path):
    assert BIGQUERY.find(http_method, path) is None
    assert STORAGE.find(http_method, path) is None


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ([("maxResults", "10")], None),
        ([("prettyPrint", "false")], None),
        ([("stateFilter", "done"), ("stateFilter", "running")], None),
        ([("limit", "10")], ("bigquery.jobs.list?limit", "is no parameter of the method")),
        ([("stateFilter", "DONE")], ("bigquery.jobs.list?stateFilter", "is not a value of the enum")),
        ([("allUsers", "yes")], ("bigquery.jobs.list?allUsers", "is not of the type boolean")),
        ([("projection", "full")] * 2, ("bigquery.jobs.list?projection", "is given more than once")),
        ([("fields", "jobs(id,status/state),kind")], None),
        ([("fields", "jobs/name")], ("bigquery.jobs.list?fields", "names a field that the answer has not")),
    ],
)
def test_a_query_string_is_checked_against_the_parameters(query, problem):
    found = BIGQUERY.find("GET", "/bigquery/v2/projects/p/jobs").query_problems(query)
    assert [(one.place, one.rule) for one in found] == ([problem] if problem else [])


def test_a_missing_required_parameter_is_a_contradiction():
    [found] = STORAGE.find("POST", "/storage/v1/b").query_problems([])
    assert (found.place, found.rule) == ("storage.buckets.insert?project", "is required and absent")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"statistics": {"creationTime": "1500000000000"}}, None),
        ({"statistics": {"creationTime": 1500000000000}}, ("JobStatistics.creationTime", "int64")),
        ({"statistics": {"creationTime": "now"}}, ("JobStatistics.creationTime", "int64")),
        ({"statistics": {"created": "1"}}, ("JobStatistics.created", "no field")),
        ({"status": "DONE"}, ("JobStatus", "type object")),
        ({"status": {"errors": {}}}, ("JobStatus.errors", "type array")),
        ({"status": {"errors": [{"reason": 400}]}}, ("ErrorProto.reason", "type string")),
        ({"jobCreationReason": {"code": "REQUESTED"}}, None),
        ({"jobCreationReason": {"code": "ASKED"}}, ("JobCreationReason.code", "enum")),
        ({"status": {"state": "DONE"}}, None),
        ({"status": {"state": "ENDED"}}, ("JobStatus.state", "one of the values")),
        ({"statistics": {"query": {"statementType": "CREATE_MODEL"}}}, None),
        ({"statistics": {"query": {"statementType": "MAKE_MODEL"}}}, ("JobStatistics2.statementType", "one of the")),
        ({"configuration": {"load": {"encoding": "UTF-8"}}}, None),
        ({"configuration": {"labels": {"a": "b"}}}, None),
        ({"configuration": {"labels": {"a": 1}}}, ("JobConfiguration.labels.*", "type string")),
        ({"configuration": {"dryRun": "true"}}, ("JobConfiguration.dryRun", "type boolean")),
        ({"id": None}, ("Job.id", "type string")),
    ],
)
def test_an_answer_is_checked_against_the_schema(value, problem):
    found = checked(value, "Job")
    assert len(found) == (1 if problem else 0)
    if problem:
        assert found[0][0] == problem[0]
        assert problem[1] in found[0][1]


def test_a_request_may_have_64_bit_integers_as_numbers_and_null_for_missing_values():
    value = {"description": None, "expirationTime": 1500000000000}
    assert checked(value, "Table", is_answer=False) == []
    assert len(checked(value, "Table")) == 2


@pytest.mark.parametrize(
    ("value", "is_right"),
    [
        ({"timeCreated": "2026-01-02T03:04:05.678Z"}, True),
        ({"timeCreated": "2026-01-02 03:04:05"}, False),
        ({"generation": "1", "kind": "storage#object"}, True),
        ({"kind": "storage#bucket"}, False),
        ({"retention": {"mode": "Locked"}}, True),
        ({"retention": {"name": "Locked"}}, False),
    ],
)
def test_times_enum_values_and_nested_objects_are_checked_too(value, is_right):
    assert (checked(value, "Object", STORAGE) == []) == is_right


def test_an_enums_number_is_valid_if_it_stands_for_a_value():
    schema = "GoogleCloudAiplatformV1ModelSourceInfo"
    assert len(checked({"sourceType": 3}, schema, VERTEX)) == 1
    for number, problems in ((3, 0), (99, 1)):
        body = Body(VERTEX, is_answer=True, enum_name=lambda _, one: {3: "BQML"}.get(one))
        body.check({"sourceType": number}, {"$ref": schema})
        assert len(body.problems) == problems


def test_a_message_with_a_type_is_checked_against_that_type():
    kind = "type.googleapis.com/google.cloud.aiplatform.v1.UploadModelResponse"
    schema = "GoogleLongrunningOperation"
    assert checked({"response": {"@type": kind, "model": "m"}}, schema, VERTEX) == []
    [(place, _)] = checked({"response": {"@type": kind, "version": "1"}}, schema, VERTEX)
    assert place == "GoogleCloudAiplatformV1UploadModelResponse.version"


def test_a_field_mask_with_parentheses_is_parsed():
    mask = "items(id,owner/name),kind,prefixes"
    assert paths_of_mask(mask) == [["items", "id"], ["items", "owner", "name"], ["kind"], ["prefixes"]]
    assert paths_of_mask("a(b(c,d),e)") == [["a", "b", "c"], ["a", "b", "d"], ["a", "e"]]


def test_output_only_fields_are_distinguished_from_fields_that_clients_set():
    fields = set(output_only(BIGQUERY, "Job"))
    assert "status" in fields
    assert "configuration" not in fields
    assert "generation" in set(output_only(STORAGE, "Object"))
    assert "contentType" not in set(output_only(STORAGE, "Object"))
