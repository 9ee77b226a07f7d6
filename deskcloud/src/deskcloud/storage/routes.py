"""The JSON API of Cloud Storage over HTTP: https://cloud.google.com/storage/docs/json_api/v1."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deskcloud.storage import chunks, copies, options, wire
from deskcloud.storage.batch import batch
from deskcloud.storage.errors import InvalidError, NotChangedError, StorageError, UnsupportedError
from deskcloud.storage.preconditions import Preconditions, whole_number
from deskcloud.storage.state import Store, Upload
from deskcloud.storage.wire import Resource
from deskcloud.web import guard
from deskcloud.web.answers import JSONResponse

_API, _UPLOAD, _DOWNLOAD = "/storage/v1", "/upload/storage/v1", "/download/storage/v1"
_BLOCK = 1 << 20


def create_app(store: Store) -> Starlette:
    """Return the local Cloud Storage on `store` as an ASGI app."""
    bucket, target = f"{_API}/b/{{bucket}}", "b/{target_bucket}/o/{target}"
    named = f"{bucket}/o/{{object}}"
    app = Starlette(
        routes=[
            Route(f"{_API}/b", create_bucket, methods=["POST"]),
            Route(f"{_API}/b", list_buckets),
            Route(bucket, get_bucket),
            Route(bucket, patch_bucket, methods=["PATCH"]),
            Route(bucket, delete_bucket, methods=["DELETE"]),
            Route(f"{bucket}/o", list_objects),
            Route(named, get_object),
            Route(named, patch_object, methods=["PATCH"]),
            Route(named, delete_object, methods=["DELETE"]),
            Route(f"{named}/compose", compose, methods=["POST"]),
            Route(f"{named}/copyTo/{target}", copy, methods=["POST"]),
            Route(f"{named}/rewriteTo/{target}", rewrite, methods=["POST"]),
            Route(f"{_UPLOAD}/b/{{bucket}}/o", insert, methods=["POST"]),
            Route(f"{_UPLOAD}/b/{{bucket}}/o", resume, methods=["PUT"]),
            Route(f"{_UPLOAD}/b/{{bucket}}/o", cancel, methods=["DELETE"]),
            Route(f"{_DOWNLOAD}/b/{{bucket}}/o/{{object}}", download),
            Route("/batch/storage/v1", batch, methods=["POST"]),
            Route("/{path:path}", unsupported, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        middleware=[Middleware(_EncodedPaths)],
        exception_handlers={StorageError: _error},
    )
    app.state.store = store
    return app


class _EncodedPaths:
    """Route by the undecoded path: a slash in an object's name arrives as %2F and must not split the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii")}
        await self._app(scope, receive, send)


def _error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StorageError)  # noqa: S101 - Starlette's type of handlers is wider
    if isinstance(error, NotChangedError) and request.method == "GET":
        return Response(status_code=304)
    return JSONResponse(error.body(), int(error.code))


# Read a request


def _store(request: Request) -> Store:
    if request.headers.get("x-goog-encryption-algorithm"):
        raise UnsupportedError("A customer-supplied encryption key")
    options.check_query(request.query_params)
    store: Store = request.app.state.store
    return store


def _path(request: Request, name: str) -> str:
    return unquote(request.path_params[name])


def _object(request: Request) -> tuple[str, str]:
    return _path(request, "bucket"), wire.check_object_name(_path(request, "object"))


def _demanded(request: Request) -> Preconditions:
    return Preconditions.parse(request.query_params)


def _generation(request: Request, name: str = "generation") -> int | None:
    return whole_number(request.query_params, name)


async def _json(request: Request) -> Resource:
    return wire.decoded_json(await request.body())


def _base_url(request: Request) -> str:
    return guard.as_asked(str(request.base_url).rstrip("/"), request.headers.get("authorization", ""))


def _answer(request: Request, resource: Resource) -> Response:
    return JSONResponse(wire.linked(resource, _base_url(request)))


# Buckets


async def create_bucket(request: Request) -> Response:
    """Create a bucket in the project that the query names.

    Raises:
        InvalidError: the query names none.
        ConflictError, UnsupportedError: see `Store.create_bucket`.
    """
    project = request.query_params.get("project")
    if not project:
        raise InvalidError("Required parameter: project")
    return _answer(request, _store(request).create_bucket(project, await _json(request)))


def list_buckets(request: Request) -> Response:
    """Return one page of the project's buckets."""
    query = request.query_params
    after, limit = wire.decoded_token(query.get("pageToken")), whole_number(query, "maxResults") or 1000
    buckets = _store(request).buckets(query.get("project", ""), query.get("prefix", ""))
    left = [one for one in buckets if one["name"] > after]
    page, token = left[:limit], left[limit - 1]["name"] if len(left) > limit else None
    return _page(request, "storage#buckets", page, token)


def get_bucket(request: Request) -> Response:
    """Return a bucket's resource."""
    return _answer(request, _store(request).bucket(_path(request, "bucket"), _demanded(request)))


async def patch_bucket(request: Request) -> Response:
    """Merge the body into the bucket's resource."""
    fields = await _json(request)
    return _answer(request, _store(request).patch_bucket(_path(request, "bucket"), fields, _demanded(request)))


def delete_bucket(request: Request) -> Response:
    """Delete an empty bucket."""
    _store(request).delete_bucket(_path(request, "bucket"), _demanded(request))
    return Response(status_code=204)


# Objects


def list_objects(request: Request) -> Response:
    """Return one page of the bucket's objects, with folded prefixes."""
    query = request.query_params
    page = _store(request).list(
        _path(request, "bucket"),
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        tells_folders=query.get("includeTrailingDelimiter", "").lower() == "true",
        limit=max(1, min(whole_number(query, "maxResults") or 1000, 1000)),
        token=wire.decoded_token(query.get("pageToken")),
        start=query.get("startOffset", ""),
        end=query.get("endOffset", ""),
    )
    return _page(request, "storage#objects", page.items, page.token, page.prefixes)


def _page(
    request: Request, kind: str, items: list[Resource], token: str | None, prefixes: list[str] | None = None
) -> Response:
    """Return a page of a listing; empty fields are left out, as on Google Cloud."""
    body: Resource = {"kind": kind}
    if items:
        body["items"] = [wire.linked(item, _base_url(request)) for item in items]
    if prefixes:
        body["prefixes"] = prefixes
    if token is not None:
        body["nextPageToken"] = wire.encoded_token(token)
    return JSONResponse(body)


def get_object(request: Request) -> Response:
    """Return an object's resource, or its content with alt=media."""
    if request.query_params.get("alt") == "media":
        return download(request)
    return _answer(request, _store(request).get(*_object(request), _demanded(request), _generation(request)))


def download(request: Request) -> Response:
    """Return an object's content, or the requested range of it."""
    resource, file = _store(request).open(*_object(request), _demanded(request), _generation(request))
    size = int(resource["size"])
    try:
        part = wire.byte_range(request.headers.get("range"), size)
    except StorageError:
        file.close()
        raise
    headers = {
        "Content-Type": resource["contentType"],
        "ETag": resource["etag"],
        "X-Goog-Generation": resource["generation"],
        "X-Goog-Metageneration": resource["metageneration"],
        "X-Goog-Stored-Content-Length": resource["size"],
        "X-Goog-Storage-Class": resource["storageClass"],
    }
    if "contentEncoding" in resource:
        headers["Content-Encoding"] = resource["contentEncoding"]
    if part is None:
        md5 = f",md5={resource['md5Hash']}" if "md5Hash" in resource else ""
        headers["X-Goog-Hash"] = f"crc32c={resource['crc32c']}{md5}"
    else:
        headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{size}"
    first, end = part or (0, size)
    file.seek(first)
    status = 200 if part is None else 206
    if end - first <= _BLOCK:
        with file:
            return Response(file.read(end - first), status, headers)
    headers["Content-Length"] = str(end - first)
    return StreamingResponse(_blocks(file, end - first), status, headers)


def _blocks(file: BinaryIO, length: int) -> Iterator[bytes]:
    with file:
        while length > 0:
            block = file.read(min(length, _BLOCK))
            length -= len(block)
            yield block


async def patch_object(request: Request) -> Response:
    """Merge the body into the object's metadata."""
    fields = await _json(request)
    return _answer(request, _store(request).patch(*_object(request), fields, _demanded(request), _generation(request)))


def delete_object(request: Request) -> Response:
    """Delete an object."""
    _store(request).delete(*_object(request), _demanded(request), _generation(request))
    return Response(status_code=204)


async def compose(request: Request) -> Response:
    """Join objects of the bucket into one.

    Raises:
        UnsupportedError: the sources are to be deleted, or a field has no effect here.
        InvalidError, NotFoundError, ConditionNotMetError: see `copies.compose`.
    """
    body = await _json(request)
    if body.get("deleteSourceObjects"):
        raise UnsupportedError("deleteSourceObjects")
    sources, fields = body.get("sourceObjects", []), body.get("destination", {})
    options.check_object(fields)
    resource = await run_in_threadpool(
        copies.compose, _store(request), *_object(request), sources, fields, _demanded(request)
    )
    return _answer(request, resource)


async def copy(request: Request) -> Response:
    """Copy an object."""
    return _answer(request, await _copied(request))


async def rewrite(request: Request) -> Response:
    """Copy an object; the copy is always complete after one call."""
    resource = wire.linked(await _copied(request), _base_url(request))
    size = resource["size"]
    answer = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size}
    return JSONResponse(answer | {"done": True, "resource": resource})


async def _copied(request: Request) -> Resource:
    fields = await _json(request)
    options.check_object(fields)
    return await run_in_threadpool(
        copies.copy,
        _store(request),
        _object(request),
        (_path(request, "target_bucket"), wire.check_object_name(_path(request, "target"))),
        fields,
        Preconditions.parse(request.query_params, "ifSource"),
        _demanded(request),
        _generation(request, "sourceGeneration"),
    )


# Uploads


async def insert(request: Request) -> Response:
    """Create or replace an object at once, or start a resumable upload; gcsfs also sends chunks to this path.

    Raises:
        InvalidError: `uploadType` is none of Google's, or a name, header or checksum is wrong.
        NotFoundError, ConditionNotMetError, UnsupportedError: see `Store.put` and `Store.begin_upload`.
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
    """Return bucket, name and metadata of the new object; the query overrides the metadata, as on Google Cloud."""
    options.check_object(fields)
    query = request.query_params
    name = wire.check_object_name(query.get("name", fields.get("name")))
    if content_type:
        fields.setdefault("contentType", content_type)
    if "contentEncoding" in query:
        fields["contentEncoding"] = query["contentEncoding"]
    return _path(request, "bucket"), name, fields | wire.hash_header(request.headers.get("x-goog-hash"))


async def _insert_media(request: Request) -> Response:
    store = _store(request)
    bucket, name, fields = _new_object(request, {}, request.headers.get("content-type"))
    with store.staged() as content:
        await _receive(request, content, 0)
        resource = await run_in_threadpool(store.put, bucket, name, content, fields, _demanded(request))
    return _answer(request, resource)


async def _insert_multipart(request: Request) -> Response:
    store = _store(request)
    metadata, content_type, body = wire.multipart_related(request.headers.get("content-type", ""), await request.body())
    bucket, name, fields = _new_object(request, metadata, content_type)
    with store.staged() as content:
        content.write_bytes(body)
        resource = await run_in_threadpool(store.put, bucket, name, content, fields, _demanded(request))
    return _answer(request, resource)


async def _begin_upload(request: Request) -> Response:
    metadata = await _json(request)
    bucket, name, fields = _new_object(request, metadata, request.headers.get("x-upload-content-type"))
    upload_id = _store(request).begin_upload(bucket, name, fields, _demanded(request))
    location = f"{_base_url(request)}{_UPLOAD}/b/{quote(bucket)}/o?uploadType=resumable&upload_id={upload_id}"
    return Response(status_code=200, headers={"Location": location, "X-GUploader-UploadID": upload_id})


def _upload(request: Request) -> Upload:
    return _store(request).upload(request.query_params.get("upload_id", ""))


async def resume(request: Request) -> Response:
    """Accept a chunk of a resumable upload, or report the received bytes; the last byte creates the object.

    Raises:
        InvalidError: the chunk does not follow the received bytes, is too short, or exceeds the total.
        NotFoundError, ConditionNotMetError: see `Store.upload` and `Store.finish_upload`.
    """
    upload = _upload(request)
    if upload.resource is not None:
        return _answer(request, upload.resource)
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
    return _answer(request, await run_in_threadpool(_store(request).finish_upload, upload, told))


def cancel(request: Request) -> Response:
    """Cancel a resumable upload; Google answers 499."""
    _store(request).cancel_upload(_upload(request))
    return Response(status_code=499)


async def _receive(request: Request, file: Path, first: int) -> int:
    """Write the request's body into `file` from byte `first` on; return the file's new length."""
    # Neither "wb" nor "ab" fits: the file may be new, or it is truncated to where the chunk begins.
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as target:
        target.truncate(first)
        target.seek(first)
        async for chunk in request.stream():
            target.write(chunk)
        return target.tell()


def unsupported(request: Request) -> Response:
    """Refuse a method of Google's API that is not implemented.

    Raises:
        UnsupportedError: always.
    """
    raise UnsupportedError(f"{request.method} {request.url.path}")
