"""Which sizes of chunks a resumable upload to the local Cloud Storage may have."""

import pytest

from desk.storage import HTTP
from deskcloud.storage.chunks import CHUNK


@pytest.mark.parametrize("total", ["*", 2 * CHUNK])
@pytest.mark.parametrize("length", [1, CHUNK - 1])
def test_a_chunk_of_less_than_256_kib_is_refused_unless_it_is_the_last_one(bucket, length, total):
    url = bucket.blob("odd").create_resumable_upload_session()
    odd = HTTP.put(url, content=b"x" * length, headers={"Content-Range": f"bytes 0-{length - 1}/{total}"})
    assert (odd.status_code, f"{length} bytes" in odd.json()["error"]["message"]) == (400, True)
    first = HTTP.put(url, content=b"y" * CHUNK, headers={"Content-Range": f"bytes 0-{CHUNK - 1}/*"})
    assert first.headers["range"] == f"bytes=0-{CHUNK - 1}"
    last = HTTP.put(url, content=b"z", headers={"Content-Range": f"bytes {CHUNK}-{CHUNK}/{CHUNK + 1}"})
    assert last.status_code == 200
    assert bucket.blob("odd").download_as_bytes() == b"y" * CHUNK + b"z"


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_chunk_of_another_size_is_kept_up_to_a_multiple_of_256_kib(bucket, method):
    url = bucket.blob("odd").create_resumable_upload_session()
    first = HTTP.request(method, url, content=b"x" * (CHUNK + 1), headers={"Content-Range": f"bytes 0-{CHUNK}/*"})
    assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{CHUNK - 1}")
    last = HTTP.request(method, url, content=b"yz", headers={"Content-Range": f"bytes {CHUNK}-{CHUNK + 1}/{CHUNK + 2}"})
    assert last.status_code == 200
    assert bucket.blob("odd").download_as_bytes() == b"x" * CHUNK + b"yz"
