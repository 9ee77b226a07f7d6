"""The JSON API of Cloud Storage over HTTP: https://cloud.google.com/storage/docs/json_api/v1."""

from collections.abc import Iterator
from typing import BinaryIO

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deskcloud.storage import copies, options, wire
from deskcloud.storage.asked import answer, base_url, json_of, path, preconditions, store_of
from deskcloud.storage.batch import batch
from deskcloud.storage.errors import InvalidError, NotChangedError, StorageError, UnsupportedError
from deskcloud.storage.preconditions import Preconditions, whole_number
from deskcloud.storage.state import Store
from deskcloud.storage.uploading import UPLOAD, cancel, insert, resume
from deskcloud.storage.wire import Resource
from deskcloud.web.answers import JSONResponse

_API, _DOWNLOAD = "/storage/v1", "/download/storage/v1"
_BLOCK = 1 << 20


def create_app(store: Store) -> Starlette:
    """Return an ASGI app that serves the buckets and objects of `store`."""
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
            Route(f"{UPLOAD}/b/{{bucket}}/o", insert, methods=["POST"]),
            Route(f"{UPLOAD}/b/{{bucket}}/o", resume, methods=["PUT"]),
            Route(f"{UPLOAD}/b/{{bucket}}/o", cancel, methods=["DELETE"]),
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
    """Use the encoded path for routing. In a decoded path, a slash in an object's name would look like a separator."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii")}
        await self._app(scope, receive, send)


def _error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StorageError)  # noqa: S101 - Starlette types the argument as Exception
    if isinstance(error, NotChangedError) and request.method == "GET":
        return Response(status_code=304)
    return JSONResponse(error.body(), int(error.code))


def _object(request: Request) -> tuple[str, str]:
    return path(request, "bucket"), wire.check_object_name(path(request, "object"))


def _generation(request: Request, name: str = "generation") -> int | None:
    return whole_number(request.query_params, name)


# Routes for buckets


async def create_bucket(request: Request) -> Response:
    """Create a bucket in the project that the query names.

    Raises:
        InvalidError: the query names no project.
        ConflictError, UnsupportedError: see `Store.create_bucket`.
    """
    project = request.query_params.get("project")
    if not project:
        raise InvalidError("Required parameter: project")
    return answer(request, store_of(request).create_bucket(project, await json_of(request)))


def list_buckets(request: Request) -> Response:
    """Return one page of the project's buckets."""
    query = request.query_params
    after, limit = wire.decoded_token(query.get("pageToken")), whole_number(query, "maxResults") or 1000
    buckets = store_of(request).buckets(query.get("project", ""), query.get("prefix", ""))
    left = [one for one in buckets if one["name"] > after]
    page, token = left[:limit], left[limit - 1]["name"] if len(left) > limit else None
    return _page(request, "storage#buckets", page, token)


def get_bucket(request: Request) -> Response:
    """Return a bucket's resource."""
    return answer(request, store_of(request).bucket(path(request, "bucket"), preconditions(request)))


async def patch_bucket(request: Request) -> Response:
    """Merge the body into the bucket's resource."""
    fields = await json_of(request)
    return answer(request, store_of(request).patch_bucket(path(request, "bucket"), fields, preconditions(request)))


def delete_bucket(request: Request) -> Response:
    """Delete an empty bucket."""
    store_of(request).delete_bucket(path(request, "bucket"), preconditions(request))
    return Response(status_code=204)


# Routes for objects


def list_objects(request: Request) -> Response:
    """Return one page of the bucket's objects, with folded prefixes."""
    query = request.query_params
    page = store_of(request).list(
        path(request, "bucket"),
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
    """Return a page of a listing. As on Google Cloud, empty fields are left out."""
    body: Resource = {"kind": kind}
    if items:
        body["items"] = [wire.linked(item, base_url(request)) for item in items]
    if prefixes:
        body["prefixes"] = prefixes
    if token is not None:
        body["nextPageToken"] = wire.encoded_token(token)
    return JSONResponse(body)


def get_object(request: Request) -> Response:
    """Return an object's resource, or the object's content if the query parameter is `alt=media`."""
    if request.query_params.get("alt") == "media":
        return download(request)
    return answer(request, store_of(request).get(*_object(request), preconditions(request), _generation(request)))


def download(request: Request) -> Response:
    """Return an object's content, or the byte range that the request asks for."""
    resource, file = store_of(request).open(*_object(request), preconditions(request), _generation(request))
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
    fields = await json_of(request)
    return answer(
        request, store_of(request).patch(*_object(request), fields, preconditions(request), _generation(request))
    )


def delete_object(request: Request) -> Response:
    """Delete an object."""
    store_of(request).delete(*_object(request), preconditions(request), _generation(request))
    return Response(status_code=204)


async def compose(request: Request) -> Response:
    """Concatenate objects of the bucket into one object.

    Raises:
        UnsupportedError: the request asks to delete the sources, or sets a field that is not implemented.
        InvalidError, NotFoundError, ConditionNotMetError: see `copies.compose`.
    """
    body = await json_of(request)
    if body.get("deleteSourceObjects"):
        raise UnsupportedError("deleteSourceObjects")
    sources, fields = body.get("sourceObjects", []), body.get("destination", {})
    options.check_object(fields)
    resource = await run_in_threadpool(
        copies.compose, store_of(request), *_object(request), sources, fields, preconditions(request)
    )
    return answer(request, resource)


async def copy(request: Request) -> Response:
    """Copy an object."""
    return answer(request, await _copied(request))


async def rewrite(request: Request) -> Response:
    """Copy an object. On Google Cloud, a large copy takes several calls. Here, one call is always enough."""
    resource = wire.linked(await _copied(request), base_url(request))
    size = resource["size"]
    answer = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size}
    return JSONResponse(answer | {"done": True, "resource": resource})


async def _copied(request: Request) -> Resource:
    fields = await json_of(request)
    options.check_object(fields)
    return await run_in_threadpool(
        copies.copy,
        store_of(request),
        _object(request),
        (path(request, "target_bucket"), wire.check_object_name(path(request, "target"))),
        fields,
        Preconditions.parse(request.query_params, "ifSource"),
        preconditions(request),
        _generation(request, "sourceGeneration"),
    )


def unsupported(request: Request) -> Response:
    """Refuse a method of Google's API that is not implemented.

    Raises:
        UnsupportedError: always.
    """
    raise UnsupportedError(f"{request.method} {request.url.path}")
