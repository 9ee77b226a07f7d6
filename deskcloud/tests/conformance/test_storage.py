"""The local Cloud Storage with Google's own client."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core import exceptions
from google.cloud import storage as gcs

from desk.storage import HTTP
from deskcloud import storage as local_storage
from deskcloud.storage.chunks import CHUNK


@pytest.fixture(scope="module")
def client(storage):
    return gcs.Client(project="demo")


def names(blobs):
    return [blob.name for blob in blobs]


def test_buckets_are_created_listed_patched_and_deleted(client, bucket):
    assert bucket.name in names(client.list_buckets())
    bucket.labels = {"room": "runs"}
    bucket.patch()
    assert client.get_bucket(bucket.name).labels == {"room": "runs"}
    with pytest.raises(exceptions.Conflict, match="already own"):
        client.create_bucket(bucket.name)
    bucket.blob("a").upload_from_string("a")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        bucket.delete()
    bucket.delete(force=True)
    assert client.lookup_bucket(bucket.name) is None


@pytest.mark.parametrize(
    ("field", "wish"),
    [
        ("versioning", {"enabled": True}),
        ("lifecycle", {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]}),
        ("cors", [{"origin": ["*"]}]),
        ("retentionPolicy", {"retentionPeriod": "60"}),
        ("defaultObjectAcl", [{"entity": "allUsers", "role": "READER"}]),
    ],
)
def test_a_bucket_with_an_unimplemented_option_is_refused(storage, bucket, field, wish):
    answers = [
        HTTP.post(f"{storage.url}/storage/v1/b?project=p", json={"name": "wishful", field: wish}),
        HTTP.patch(f"{storage.url}/storage/v1/b/{bucket.name}", json={field: wish}),
    ]
    assert [(one.status_code, field in one.json()["error"]["message"]) for one in answers] == [(501, True)] * 2
    assert HTTP.get(f"{storage.url}/storage/v1/b/wishful").status_code == 404


@pytest.mark.parametrize("field", ["temporaryHold", "eventBasedHold", "kmsKeyName", "retention", "acl"])
def test_an_object_with_an_unimplemented_option_is_refused(storage, bucket, field):
    bucket.blob("there").upload_from_string("x")
    wish = {field: {"mode": "Locked"} if field == "retention" else "yes"}
    base = f"{storage.url}/storage/v1/b/{bucket.name}/o/there"
    answers = [
        HTTP.patch(base, json=wish),
        HTTP.post(f"{base}/rewriteTo/b/{bucket.name}/o/copy", json=wish),
        HTTP.post(f"{base}/compose", json={"sourceObjects": [{"name": "there"}], "destination": wish}),
        HTTP.post(f"{storage.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&name=new", json=wish),
    ]
    assert [(one.status_code, field in one.json()["error"]["message"]) for one in answers] == [(501, True)] * 4
    assert names(bucket.list_blobs()) == ["there"]


@pytest.mark.parametrize("option", ["predefinedAcl=publicRead", "filter=contexts", "includeFoldersAsPrefixes=true"])
def test_an_unimplemented_parameter_is_refused(storage, bucket, option):
    answer = HTTP.get(f"{storage.url}/storage/v1/b/{bucket.name}/o?{option}")
    assert (answer.status_code, option.partition("=")[0] in answer.json()["error"]["message"]) == (501, True)


def test_an_acl_that_grants_nobody_access_is_accepted(storage, client):
    query = "project=p&predefinedAcl=projectPrivate&predefinedDefaultObjectAcl=bucketOwnerFullControl"
    assert HTTP.post(f"{storage.url}/storage/v1/b?{query}", json={"name": "closed"}).status_code == 200
    client.bucket("closed").delete()


def test_an_empty_listing_has_no_items(storage, bucket):
    assert HTTP.get(f"{storage.url}/storage/v1/b/{bucket.name}/o").json() == {"kind": "storage#objects"}
    assert HTTP.get(f"{storage.url}/storage/v1/b?project=nobodys").json() == {"kind": "storage#buckets"}


def test_buckets_are_listed_by_pages(client):
    made = [client.create_bucket(f"paged-{number}") for number in range(3)]
    assert names(client.list_buckets(prefix="paged-", page_size=2)) == ["paged-0", "paged-1", "paged-2"]
    for one in made:
        one.delete()


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_a_multipart_upload_may_have_either_line_end_and_any_content(storage, bucket, line_end):
    content = b"\r\na\n--c\r\n\n"
    head = ["--b", "Content-Type: application/json", "", '{"name": "two"}', "--b", "Content-Type: text/x", "", ""]
    body = line_end.join(head).encode() + content + f"{line_end}--b--{line_end}".encode()
    url = f"{storage.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart"
    answer = HTTP.post(url, content=body, headers={"Content-Type": "multipart/related; boundary=b"})
    assert (answer.status_code, answer.json()["contentType"]) == (200, "text/x")
    assert bucket.blob("two").download_as_bytes() == content


def test_an_object_comes_back_with_its_bytes_type_metadata_and_checksums(bucket):
    content = bytes(range(256)) + b"\r\n--\r\n\r\n\n"
    blob = bucket.blob("runs/20261121/Ärger & more?.bin")
    blob.metadata = {"run_id": "20261121-0a1b2c3d"}
    blob.upload_from_string(content, content_type="application/x-thing")
    read = bucket.get_blob(blob.name)
    assert (read.content_type, read.metadata, read.size) == ("application/x-thing", blob.metadata, len(content))
    assert (read.md5_hash, read.crc32c, read.generation) == (blob.md5_hash, blob.crc32c, blob.generation)
    assert read.download_as_bytes(checksum="md5") == read.download_as_bytes(checksum="crc32c") == content
    assert read.download_as_bytes(start=3, end=9) == content[3:10]
    assert bucket.blob("absent").exists() is False
    assert bucket.get_blob("absent") is None


def test_an_objects_content_is_a_file(storage, bucket):
    bucket.blob("runs/1/a.json").upload_from_string("{}")
    assert (storage.root / bucket.name / "runs/1/a.json").read_text() == "{}"
    bucket.delete_blob("runs/1/a.json")
    assert list((storage.root / bucket.name).iterdir()) == []


def test_object_names_that_no_file_system_accepts_work_too(bucket):
    wild = ["a", "a/b", "a/", "a//b", "../../x", "b/../c", "d/" + "x" * 500, "%2F", "o/copyTo/b/x"]
    for name in wild:
        bucket.blob(name).upload_from_string(name)
    assert names(bucket.list_blobs()) == sorted(wild)
    assert [bucket.blob(name).download_as_text() for name in wild] == wild
    bucket.delete_blobs(list(bucket.list_blobs()))
    assert names(bucket.list_blobs()) == []


def test_files_are_uploaded_and_downloaded(bucket, tmp_path):
    (tmp_path / "up.csv").write_text("a,b\n1,2\n")
    blob = bucket.blob("up.csv")
    blob.upload_from_filename(str(tmp_path / "up.csv"))
    assert bucket.get_blob("up.csv").content_type == "text/csv"
    blob.download_to_filename(str(tmp_path / "down.csv"))
    assert (tmp_path / "down.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize("length", [0, 1, 262_144, 600_000, 2_500_000])
def test_a_resumable_upload_arrives_whole_whatever_its_length(bucket, length):
    content = bytes(index % 251 for index in range(length))
    blob = bucket.blob("chunks", chunk_size=262_144)
    blob.metadata = {"k": "v"}
    with blob.open("wb", ignore_flush=True, content_type="text/x") as file:
        file.write(content)
    read = bucket.get_blob("chunks")
    assert (read.download_as_bytes(), read.metadata, read.content_type) == (content, {"k": "v"}, "text/x")
    bucket.blob("known", chunk_size=262_144).upload_from_file(io.BytesIO(content), size=length)
    assert bucket.get_blob("known").crc32c == read.crc32c


def test_an_interrupted_upload_continues_where_it_stopped_and_repeats_its_answer(bucket, storage):
    url = bucket.blob("cut").create_resumable_upload_session(content_type="text/plain", if_generation_match=0)
    size = CHUNK + 5
    half = HTTP.put(url, content=b"x" * CHUNK, headers={"Content-Range": f"bytes 0-{CHUNK - 1}/{size}"})
    assert (half.status_code, half.headers["range"]) == (308, f"bytes=0-{CHUNK - 1}")
    assert HTTP.put(url, headers={"Content-Range": f"bytes */{size}"}).headers["range"] == f"bytes=0-{CHUNK - 1}"
    gap = HTTP.put(url, content=b"z", headers={"Content-Range": f"bytes {CHUNK + 2}-{CHUNK + 2}/{size}"})
    assert (gap.status_code, str(CHUNK + 2) in gap.json()["error"]["message"]) == (400, True)
    last = {"content": b"xxyyyyy", "headers": {"Content-Range": f"bytes {CHUNK - 2}-{size - 1}/{size}"}}
    done, again = HTTP.put(url, **last), HTTP.put(url, **last)
    assert (done.status_code, done.json()["size"]) == (200, str(size))
    assert again.json() == done.json()
    assert bucket.blob("cut").download_as_bytes() == b"x" * CHUNK + b"y" * 5


def test_a_cancelled_upload_cannot_be_continued(bucket):
    url = bucket.blob("cancelled").create_resumable_upload_session()
    assert HTTP.delete(url).status_code == 499
    assert HTTP.put(url, content=b"x").status_code == 404


def test_damaged_content_is_refused(bucket):
    blob = bucket.blob("damaged")
    blob.md5_hash = "AAAAAAAAAAAAAAAAAAAAAA=="
    with pytest.raises(exceptions.BadRequest, match="doesn't match calculated"):
        blob.upload_from_string("content")
    assert not blob.exists()


def test_listing_folds_by_delimiter_and_pages_through_everything_once(bucket):
    keys = ["a", "a-1", "a/1", "a/2", "b/c/1", "b/c/2", "b/d", "c"]
    for key in keys:
        bucket.blob(key).upload_from_string("")
    folded = bucket.list_blobs(delimiter="/")
    assert (names(folded), folded.prefixes) == (["a", "a-1", "c"], {"a/", "b/"})
    inner = bucket.list_blobs(prefix="b/", delimiter="/")
    assert (names(inner), inner.prefixes) == (["b/d"], {"b/c/"})
    for size in range(1, 9):
        assert names(bucket.list_blobs(page_size=size)) == keys
        paged = bucket.list_blobs(delimiter="/", page_size=size)
        assert (names(paged), paged.prefixes) == (["a", "a-1", "c"], {"a/", "b/"})
    assert names(bucket.list_blobs(max_results=3)) == keys[:3]
    assert names(bucket.list_blobs(start_offset="a/2", end_offset="b/d")) == ["a/2", "b/c/1", "b/c/2"]


def test_an_object_whose_name_is_a_folder_is_listed_with_it_on_request(bucket):
    for name in ("a/", "a/x", "b/x"):
        bucket.blob(name).upload_from_string("")
    for tells, expected in ((False, []), (True, ["a/"])):
        listed = bucket.list_blobs(delimiter="/", include_trailing_delimiter=tells)
        assert names(listed) == expected
        assert listed.prefixes == {"a/", "b/"}


def test_if_generation_match_zero_creates_and_never_replaces(bucket):
    blob = bucket.blob("ledger/step.json")
    blob.upload_from_string("first", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed, match="conditionNotMet"):
        bucket.blob(blob.name).upload_from_string("second", if_generation_match=0)
    assert blob.download_as_text() == "first"


def test_generations_rise_and_every_change_can_require_a_generation(bucket):
    blob = bucket.blob("guarded")
    blob.upload_from_string("1")
    old = blob.generation
    blob.upload_from_string("2", if_generation_match=old)
    assert blob.generation > old
    stale = {"if_generation_match": old}
    for change in (
        lambda: bucket.blob("guarded").upload_from_string("3", **stale),
        lambda: bucket.blob("guarded", chunk_size=262_144).upload_from_file(io.BytesIO(b"x" * 9_000_000), **stale),
        lambda: bucket.blob("guarded").download_as_bytes(**stale),
        lambda: bucket.blob("guarded").reload(**stale),
        lambda: bucket.blob("guarded").patch(**stale),
        lambda: bucket.blob("guarded").delete(**stale),
        lambda: bucket.blob("guarded").compose([bucket.blob("guarded")], **stale),
        lambda: bucket.blob("guarded").rewrite(bucket.blob("guarded"), **stale),
        lambda: bucket.copy_blob(bucket.blob("guarded"), bucket, "guarded", if_generation_match=old),
        lambda: bucket.blob("else").rewrite(bucket.blob("guarded"), if_source_generation_match=old),
        lambda: bucket.blob("guarded").reload(if_metageneration_match=7),
        lambda: bucket.blob("guarded").delete(if_metageneration_not_match=1),
    ):
        with pytest.raises(exceptions.PreconditionFailed):
            change()
    assert bucket.blob("guarded").download_as_text() == "2"
    with pytest.raises(exceptions.NotFound):
        bucket.blob("guarded", generation=old).reload()
    bucket.blob("guarded").delete(if_generation_match=blob.generation)


def test_a_read_of_a_known_generation_answers_304(bucket):
    blob = bucket.blob("known")
    blob.upload_from_string("x")
    with pytest.raises(exceptions.NotModified):
        bucket.blob("known").reload(if_generation_not_match=blob.generation)


def test_a_resumable_upload_is_checked_at_its_end_too(bucket):
    url = bucket.blob("late").create_resumable_upload_session(if_generation_match=0)
    bucket.blob("late").upload_from_string("other")
    answer = HTTP.put(url, content=b"mine")
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    assert bucket.blob("late").download_as_text() == "other"


def test_a_patch_increases_the_metageneration_and_null_removes_a_value(bucket):
    blob = bucket.blob("patched")
    blob.metadata = {"keep": "1", "drop": "2"}
    blob.upload_from_string("x")
    blob.metadata = {"drop": None, "new": "3"}
    blob.patch(if_metageneration_match=1)
    read = bucket.get_blob("patched")
    assert (read.metadata, read.metageneration, read.generation) == ({"keep": "1", "new": "3"}, 2, blob.generation)


def test_copies_and_compositions_have_the_content_of_their_sources(bucket):
    one, two = bucket.blob("1"), bucket.blob("2")
    one.metadata = {"k": "v"}
    one.upload_from_string("one,", content_type="text/csv")
    two.upload_from_string("two")
    joined = bucket.blob("joined")
    joined.compose([one, two], if_generation_match=0)
    assert (joined.download_as_text(), joined.content_type, joined.component_count) == ("one,two", "text/csv", 2)
    copied = bucket.blob("copied")
    assert copied.rewrite(one) == (None, 4, 4)
    assert (copied.download_as_text(), bucket.get_blob("copied").metadata) == ("one,", {"k": "v"})
    bucket.rename_blob(two, "renamed")
    assert names(bucket.list_blobs()) == ["1", "copied", "joined", "renamed"]


def test_a_batch_has_one_answer_per_call(client, bucket):
    bucket = client.bucket(bucket.name)
    for name in ("a/1", "a/2"):
        bucket.blob(name).upload_from_string("x")
    with client.batch(raise_exception=False) as batch:
        bucket.blob("a/1").delete()
        bucket.blob("absent").delete()
        bucket.blob("a/2").delete(if_generation_match=1)
        two = bucket.blob("a/2")
        two.metadata = {"k": "v"}
        two.patch()
    assert [answer.status_code for answer in batch._responses] == [204, 404, 412, 200]  # noqa: SLF001 - Google's class Batch has no public attribute with the answers
    assert bucket.get_blob("a/2").metadata == {"k": "v"}


def test_a_missing_feature_is_reported_in_googles_error_format(storage, bucket):
    answer = HTTP.get(f"{storage.url}/storage/v1/b/{bucket.name}/iam")
    assert answer.status_code == 501
    assert answer.json()["error"]["errors"][0]["reason"] == "notImplemented"
    with pytest.raises(exceptions.MethodNotImplemented, match="matchGlob"):
        list(bucket.list_blobs(match_glob="**/x"))


@pytest.mark.parametrize("query", ["uploadType=media&name=", "uploadType=media&name=x&ifGenerationMatch=-1", "name=x"])
def test_a_bad_upload_is_a_400_with_its_reason(storage, bucket, query):
    answer = HTTP.post(f"{storage.url}/upload/storage/v1/b/{bucket.name}/o?{query}", content=b"x")
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "invalid")


def test_after_a_restart_all_objects_exist_and_generations_continue_to_rise(tmp_path, monkeypatch):
    def with_server(action):
        with local_storage.serve(tmp_path) as server, monkeypatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", server.url)
            return action(gcs.Client(project="demo"), server)

    def begin(client, server):
        bucket = client.create_bucket("kept")
        blob = bucket.blob("a/b")
        blob.metadata = {"k": "v"}
        blob.upload_from_string("content")
        url = bucket.blob("resumed").create_resumable_upload_session()
        HTTP.put(url, content=b"x" * CHUNK, headers={"Content-Range": f"bytes 0-{CHUNK - 1}/*"})
        return blob.generation, url.removeprefix(server.url)

    generation, path = with_server(begin)

    def go_on(client, server):
        blob = client.get_bucket("kept").get_blob("a/b")
        assert (blob.download_as_text(), blob.metadata, blob.generation) == ("content", {"k": "v"}, generation)
        rest = {"Content-Range": f"bytes {CHUNK}-{CHUNK + 2}/{CHUNK + 3}"}
        done = HTTP.put(f"{server.url}{path}", content=b"678", headers=rest)
        assert int(done.json()["generation"]) > generation
        assert client.bucket("kept").blob("resumed").download_as_bytes() == b"x" * CHUNK + b"678"

    with_server(go_on)


def test_a_state_that_is_in_use_cannot_be_opened_again(tmp_path):
    with (
        local_storage.serve(tmp_path),
        pytest.raises(RuntimeError, match="used by another process"),
        local_storage.serve(tmp_path),
    ):
        pass


def test_generations_rise_even_if_the_clock_stands_still(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000)
    seen = []
    for _restart in range(2):
        store = local_storage.Store(tmp_path)
        if not seen:
            store.create_bucket("demo", {"name": "clock"})
        for _write in range(3):
            with store.staged() as content:
                content.write_bytes(b"x")
                seen.append(int(store.put("clock", "same", content, {})["generation"]))
        store.close()
    assert seen == sorted(set(seen))


def test_of_many_concurrent_creations_of_an_object_exactly_one_succeeds(bucket):
    barrier = threading.Barrier(8)

    def create(number):
        target, won = gcs.Client(project="demo").bucket(bucket.name), []
        for round_ in range(5):
            barrier.wait(30)
            blob = target.blob(f"race/{round_}", chunk_size=262_144)
            try:
                if number % 2:
                    blob.upload_from_string(str(number), if_generation_match=0)
                else:
                    blob.upload_from_file(io.BytesIO(str(number).encode()), if_generation_match=0)
            except exceptions.PreconditionFailed:
                continue
            won.append((round_, str(number)))
        return won

    with ThreadPoolExecutor(8) as threads:
        winners = [winner for won in threads.map(create, range(8)) for winner in won]
    assert sorted(winners) == [(round_, bucket.blob(f"race/{round_}").download_as_text()) for round_ in range(5)]
