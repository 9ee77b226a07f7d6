"""Check HTTP requests and answers against a discovery document, Google's description of an API.

The format is described on https://developers.google.com/discovery/v1/reference.
"""

import base64
import binascii
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from deskcloud import jsontext


@dataclass(frozen=True, order=True)
class Problem:
    """A place where a request or an answer contradicts the discovery document. Equality ignores `value`."""

    place: str
    rule: str
    value: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """The problem as text, without the observed value."""
        return f"{self.place} {self.rule}"

    def __str__(self) -> str:
        return self.key + (f": {self.value}" if self.value else "")


@dataclass(frozen=True)
class Method:
    """One method of an API, as the API's discovery document describes it."""

    document: "Document"
    description: dict[str, Any]

    @property
    def name(self) -> str:
        """The id of the method, such as bigquery.jobs.insert."""
        return str(self.description["id"])

    def parameters(self, location: str) -> dict[str, dict[str, Any]]:
        """The method's parameters by name.

        `location` says where a request has them: `path` or `query`. With `query`, the result includes the parameters
        that all methods of the API share.
        """
        own = self.description.get("parameters", {})
        common = self.document.content["parameters"] if location == "query" else {}
        return common | {name: one for name, one in own.items() if one["location"] == location}

    def schema(self, side: str) -> dict[str, Any] | None:
        """The schema of the body of a request or a response, or None if there is no body.

        `side` is `request` or `response`.
        """
        found: dict[str, Any] | None = self.description.get(side)
        return found

    def query_problems(self, query: list[tuple[str, str]]) -> Iterator[Problem]:
        """Yield each contradiction between a query string and the discovery document."""
        known = self.parameters("query")
        names = [name for name, _ in query]
        for name, parameter in known.items():
            if parameter.get("required") and name not in names:
                yield Problem(f"{self.name}?{name}", "is required and absent")
            if names.count(name) > 1 and not parameter.get("repeated"):
                yield Problem(f"{self.name}?{name}", "is given more than once")
        for name, text in query:
            if name not in known:
                yield Problem(f"{self.name}?{name}", "is no parameter of the method", text)
            elif not _is_of(known[name], text):
                yield Problem(f"{self.name}?{name}", f"is not {_kind(known[name])}", text)
            elif name == "fields":
                yield from self._mask_problems(text)

    def _mask_problems(self, mask: str) -> Iterator[Problem]:
        schema = self.schema("response")
        for path in paths_of_mask(mask):
            if not schema or not self.document.has_field(schema, path):
                yield Problem(f"{self.name}?fields", "names a field that the answer has not", ".".join(path))


@dataclass(frozen=True, eq=False)
class Document:
    """The discovery document of one API. `content` is its JSON."""

    name: str
    content: dict[str, Any]

    @functools.cached_property
    def _methods(self) -> dict[tuple[str, int], list[tuple[re.Pattern[str], Method]]]:
        """Maps (HTTP method, number of slashes in the path) to pairs of a path pattern and the API's method."""
        found: dict[tuple[str, int], list[tuple[re.Pattern[str], Method]]] = {}
        for description in _described(self.content):
            method = Method(self, description)
            base = f"/{self.content['servicePath']}"
            paths = [base + description.get("flatPath", description["path"])]
            if upload := description.get("mediaUpload"):
                paths += [protocol["path"] for protocol in upload["protocols"].values()]
            if description.get("useMediaDownloadService"):
                paths.append(f"/download{paths[0]}")
            for path in paths:
                key = description["httpMethod"], path.count("/")
                found.setdefault(key, []).append((_pattern(path), method))
        return found

    def find(self, http_method: str, path: str) -> Method | None:
        """The method that a request calls, or None if there is no such method.

        `path` must still be percent-encoded, because an encoded slash is a part of a variable.
        """
        candidates = self._methods.get((http_method, path.count("/")), [])
        # `models/x:predict` also matches `models/{model}`, because a variable can match a verb such as `:predict`. So
        # take the longest pattern.
        matching = [(len(pattern.pattern), method) for pattern, method in candidates if pattern.fullmatch(path)]
        return max(matching, key=lambda one: one[0])[1] if matching else None

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema to which `$ref` refers. A schema without `$ref` is returned unchanged."""
        while "$ref" in schema:
            schema = self.content["schemas"][schema["$ref"]]
        return schema

    def has_field(self, schema: dict[str, Any], path: list[str]) -> bool:
        """Whether a path, given as a list of names, leads to a field of the schema. `*` matches any field."""
        schema = self.resolved(schema)
        if schema.get("type") == "array":
            return self.has_field(schema["items"], path)
        if not path or schema.get("type") == "any":
            return True
        properties = schema.get("properties", {})
        if path[0] == "*":
            return len(path) == 1 or any(self.has_field(one, path[1:]) for one in properties.values())
        inner = properties.get(path[0], schema.get("additionalProperties"))
        return inner is not None and self.has_field(inner, path[1:])


EnumName = Callable[[str, int], str | None]
"""A function that takes a field, such as GoogleCloudAiplatformV1Model.sourceType, and the number of an enum value.

It returns the name of this enum value, or None.
"""


@dataclass
class Body:
    """Checks the JSON of one request or answer. `fields` collects the names of the fields that the JSON has.

    A request may contain 64-bit integers as numbers, and null for absent values. Google's answers contain neither.
    """

    document: Document
    is_answer: bool
    enum_name: EnumName | None = None
    problems: list[Problem] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)

    def check(self, value: Any, schema: dict[str, Any], place: str = "") -> None:
        """Check a value against a schema, and add the contradictions to `problems`.

        The place of a problem begins with the name of the schema. If the schema has no name, it begins with `place`.
        """
        while "$ref" in schema:
            place = schema["$ref"]
            schema = self.document.content["schemas"][place]
        if value is None and not self.is_answer:
            return
        kind = schema.get("type")
        if kind == "object" and isinstance(value, dict):
            schema, place = self._schema_of_any(value) or (schema, place)
            self._check_object(value, schema, place)
        elif kind == "array" and isinstance(value, list):
            for one in value:
                self.check(one, schema["items"], f"{place}[]")
        elif kind != "any" and (kind in {"object", "array"} or not self._is_scalar(value, schema, place)):
            self._report(place, f"is not {_kind(schema)}", value)

    def _schema_of_any(self, value: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
        """The schema that the field `@type` of `value` names, and the schema's name. None if there is no such schema.

        For example, the response of a long-running operation has the field `@type`.
        """
        words = str(value.get("@type", "")).rpartition("/")[2].split(".")
        name = "".join(word[:1].upper() + word[1:] for word in words)
        schema = self.document.content["schemas"].get(name)
        return (
            (schema | {"properties": {"@type": {"type": "string"}, **schema["properties"]}}, name) if schema else None
        )

    def _check_object(self, value: dict[str, Any], schema: dict[str, Any], place: str) -> None:
        properties, others = schema.get("properties"), schema.get("additionalProperties")
        for name, one in value.items():
            if properties and name in properties:
                self.fields.add(f"{place}.{name}")
                self.check(one, properties[name], f"{place}.{name}")
            elif others:
                self.check(one, others, f"{place}.*")
            elif properties is not None:
                self._report(f"{place}.{name}", "is no field of the schema", one)

    def _is_scalar(self, value: Any, schema: dict[str, Any], place: str) -> bool:
        if is_value := _JSON_TYPES.get(schema["type"]):
            return is_value(value)
        if _is_whole(value):
            if "enum" in schema:
                return bool(self.enum_name and self.enum_name(place, value) in schema["enum"])
            return not self.is_answer and schema.get("format") in {"int64", "uint64"}
        if place.endswith(".kind") and "#" in schema.get("default", "") and value != schema["default"]:
            return False
        return isinstance(value, str) and _is_of(schema, value)

    def _report(self, place: str, rule: str, value: Any) -> None:
        self.problems.append(Problem(place, rule, jsontext.text(value)[:120]))


def paths_of_mask(mask: str) -> list[list[str]]:
    """The paths of the fields that a mask such as `items(id,owner/name),kind` names."""
    paths: list[list[str]] = []
    prefixes: list[list[str]] = [[]]
    current: list[str] = []
    for part in re.findall(r"[^,/()\s]+|[,/()]", mask):
        match part:
            case "(":
                prefixes.append(current)
                current = prefixes[-1]
            case ")" | ",":
                if current != prefixes[-1]:
                    paths.append(current)
                current = prefixes[-1]
                if part == ")":
                    prefixes.pop()
                    current = prefixes[-1]
            case "/":
                pass
            case name:
                current = [*current, *name.split(".")]
    return [*paths, current] if current != prefixes[-1] else paths


def _described(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _described(inner)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "a value of the enum"
    if _named_values(schema.get("description", "")):
        return "one of the values in the description"
    name = f"{schema['type']} in the format {schema['format']}" if "format" in schema else str(schema["type"])
    return f"of the type {name}"


def _is_of(schema: dict[str, Any], text: str) -> bool:
    """Whether a text from a query string or a JSON string is a value of the schema's type."""
    values = schema.get("enum") or (
        text.isidentifier() and text.isupper() and _named_values(schema.get("description", ""))
    )
    if values:
        return text in values
    match schema["type"]:
        case "boolean":
            # Google's clients for BigQuery and Cloud Storage write True and False, and Google's servers accept this.
            return text in {"true", "false", "True", "False"}
        case "integer":
            return re.fullmatch(r"-?[0-9]+", text) is not None
        case "number":
            return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is not None
    form = _FORMATS.get(schema.get("format", ""))
    try:
        return form is None or bool(form(text))
    except (ValueError, binascii.Error):
        return False


# A column type of BigQuery that the description of TableFieldSchema.type does not list. The description of
# StandardSqlDataType.typeKind lists it.
_LEFT_OUT = frozenset({"INTERVAL"})


@functools.cache
def _named_values(description: str) -> frozenset[str]:
    """The values that a field's description lists.

    BigQuery's discovery document lists the values of most enums only in descriptions.
    """
    introduced = re.search(
        r"\b(?:values|states) (?:are|include|can be)\b|following values|possible values", description, re.IGNORECASE
    )
    if not introduced:
        return frozenset()
    named = frozenset(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", description[introduced.end() :]))
    return named | _LEFT_OUT if "BIGNUMERIC" in named else named


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# Maps a JSON type to a function that says whether a value has this type. In the JSON of Protocol Buffers, NaN and the
# infinities are strings.
_JSON_TYPES: dict[str, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "number": lambda value: _is_whole(value) or isinstance(value, float) or value in ("NaN", "Infinity", "-Infinity"),
}


def _is_moment(text: str) -> bool:
    return "T" in text and datetime.fromisoformat(text).tzinfo is not None


_FORMATS: dict[str, Callable[[str], Any]] = {
    "int64": re.compile(r"-?[0-9]+").fullmatch,
    "uint64": re.compile(r"[0-9]+").fullmatch,
    "google-duration": re.compile(r"-?[0-9]+(\.[0-9]{1,9})?s").fullmatch,
    "google-datetime": _is_moment,
    "date-time": _is_moment,
    "date": lambda text: bool(date.fromisoformat(text)),
    "byte": lambda text: base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True) is not None,
}
