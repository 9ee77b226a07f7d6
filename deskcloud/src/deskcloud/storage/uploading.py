"""Upload an object in one request, with or without metadata, or in the chunks of a resumable upload."""

import os
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from deskcloud.storage import chunks, options, wire
from deskcloud.storage.asked import answer, base_url, json_of, path, preconditions, store_of
from deskcloud.storage.errors import InvalidError
from deskcloud.storage.state import Upload
from deskcloud.storage.wire import Resource

UPLOAD = "/upload/storage/v1"


async def insert(request: Request) -> Response:
    """Create or replace an object, or start a resumable upload. gcsfs also sends an upload's chunks to this route.

    Raises:
        InvalidError: `uploadType` is not media, multipart or resumable, or a name, header or checksum is wrong.
        UnsupportedError: the request uses an option that is not implemented.
        NotFoundError, ConditionNotMetError, NotChangedError: see `Store.put` and `Store.begin_upload`.
    """
    if "upload_id" in request.query_params:
        return await resume(request)
    match request.query_params.get("uploadType"):
        case "media":
            return await _insert_media(request)
        case "multipart":
            return await _insert_multipart(request)
        case "resumable":
            return await _begin_upload(request)
        case other:
            raise InvalidError(f"Invalid uploadType: {other!r}. Use media, multipart or resumable.")


def _new_object(request: Request, fields: Resource, content_type: str | None) -> tuple[str, str, Resource]:
    """Return the bucket, the name and the metadata of the new object. Query parameters override `fields`."""
    options.check_object(fields)
    query = request.query_params
    name = wire.check_object_name(query.get("name", fields.get("name")))
    if content_type:
        fields.setdefault("contentType", content_type)
    if "contentEncoding" in query:
        fields["contentEncoding"] = query["contentEncoding"]
    return path(request, "bucket"), name, fields | wire.hash_header(request.headers.get("x-goog-hash"))


async def _insert_media(request: Request) -> Response:
    store = store_of(request)
    bucket, name, fields = _new_object(request, {}, request.headers.get("content-type"))
    with store.staged() as content:
        await _receive(request, content, 0)
        resource = await run_in_threadpool(store.put, bucket, name, content, fields, preconditions(request))
    return answer(request, resource)


async def _insert_multipart(request: Request) -> Response:
    store = store_of(request)
    metadata, content_type, body = wire.multipart_related(request.headers.get("content-type", ""), await request.body())
    bucket, name, fields = _new_object(request, metadata, content_type)
    with store.staged() as content:
        content.write_bytes(body)
        resource = await run_in_threadpool(store.put, bucket, name, content, fields, preconditions(request))
    return answer(request, resource)


async def _begin_upload(request: Request) -> Response:
    metadata = await json_of(request)
    bucket, name, fields = _new_object(request, metadata, request.headers.get("x-upload-content-type"))
    upload_id = store_of(request).begin_upload(bucket, name, fields, preconditions(request))
    location = f"{base_url(request)}{UPLOAD}/b/{quote(bucket)}/o?uploadType=resumable&upload_id={upload_id}"
    return Response(status_code=200, headers={"Location": location, "X-GUploader-UploadID": upload_id})


def _upload(request: Request) -> Upload:
    return store_of(request).upload(request.query_params.get("upload_id", ""))


async def resume(request: Request) -> Response:
    """Store a chunk of a resumable upload, or report how many bytes have arrived.

    When all bytes have arrived, create the object.

    Raises:
        InvalidError: the chunk does not follow the received bytes, is too short, or exceeds the declared total size.
        NotFoundError, ConditionNotMetError: see `Store.upload` and `Store.finish_upload`.
    """
    upload = _upload(request)
    if upload.resource is not None:
        return answer(request, upload.resource)
    first, total = wire.content_range(request.headers.get("content-range"))
    received = upload.file.stat().st_size if upload.file.exists() else 0
    if first is not None:
        if first > received:
            raise InvalidError(f"The chunk begins at byte {first}, but only {received} bytes have arrived.")
        received = await _receive(request, upload.file, first)
        if received != total and "content-range" in request.headers:
            received = chunks.keep_whole(upload.file, first, received)
    whole = "content-range" not in request.headers
    if not whole and received != total:
        if total is not None and received > total:
            raise InvalidError(f"{received} bytes have arrived, more than the total of {total}.")
        return Response(status_code=308, headers={"Range": f"bytes=0-{received - 1}"} if received else {})
    told = wire.hash_header(request.headers.get("x-goog-hash"))
    return answer(request, await run_in_threadpool(store_of(request).finish_upload, upload, told))


def cancel(request: Request) -> Response:
    """Cancel a resumable upload. As on Google Cloud, the status of the answer is 499."""
    store_of(request).cancel_upload(_upload(request))
    return Response(status_code=499)


async def _receive(request: Request, file: Path, first: int) -> int:
    """Write the request's body into `file`, starting at byte `first`, and return the file's new length."""
    # The mode "wb" would delete the earlier chunks. The mode "r+b" alone would fail if the file does not exist, so
    # os.open creates the file.
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as target:
        target.truncate(first)
        target.seek(first)
        async for chunk in request.stream():
            target.write(chunk)
        return target.tell()
