"""Convert types between fields of BigQuery's REST API, GoogleSQL's protobuf messages and type names."""

from collections.abc import Mapping, Sequence
from typing import Any

from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto

type Fields = Sequence[Mapping[str, Any]]

# The REST API accepts type names of both GoogleSQL and legacy SQL.
_LEGACY_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_GOOGLESQL_NAMES = {"FLOAT64": "DOUBLE"}
_SHORT_NAMES = {"DOUBLE": "FLOAT64"}


def of_field(field: Mapping[str, Any]) -> TypeProto:
    """Return the type of a column or nested field, given in the format of the REST API's table schema."""
    name = _LEGACY_NAMES.get(field["type"].upper(), field["type"].upper())
    if name == "STRUCT":
        element = struct((nested["name"], of_field(nested)) for nested in field.get("fields", []))
    elif name == "RANGE":
        element = TypeProto(type_kind=TypeKind.TYPE_RANGE)
        element.range_type.element_type.CopyFrom(of_field(field["rangeElementType"]))
    else:
        element = scalar(name)
    return array(element) if field.get("mode", "").upper() == "REPEATED" else element


def of_parameter(declared: Mapping[str, Any]) -> TypeProto:
    """Return the type of a query parameter, given its `parameterType` in the REST API."""
    match declared["type"].upper():
        case "ARRAY":
            return array(of_parameter(declared["arrayType"]))
        case "STRUCT":
            return struct((one.get("name", ""), of_parameter(one["type"])) for one in declared["structTypes"])
        case _:
            return of_field(declared)


def scalar(name: str) -> TypeProto:
    """Return the type with the BigQuery name `name`, e.g. INT64."""
    kind: int = TypeKind.Value(f"TYPE_{_GOOGLESQL_NAMES.get(name, name)}")
    return TypeProto(type_kind=kind)


def array(element: TypeProto) -> TypeProto:
    """Return the type ARRAY<element>."""
    made = TypeProto(type_kind=TypeKind.TYPE_ARRAY)
    made.array_type.element_type.CopyFrom(element)
    return made


def struct(fields: Any) -> TypeProto:
    """Return the type STRUCT whose fields are the (name, type) pairs."""
    made = TypeProto(type_kind=TypeKind.TYPE_STRUCT)
    made.struct_type.SetInParent()
    for name, kind in fields:
        made.struct_type.field.add(field_name=name).field_type.CopyFrom(kind)
    return made


def kind(of: TypeProto) -> str:
    """Return the name of a type without the types of elements or fields, e.g. INT64, ARRAY, STRUCT."""
    name: str = TypeKind.Name(of.type_kind).removeprefix("TYPE_")
    return _SHORT_NAMES.get(name, name)


def text(of: TypeProto) -> str:
    """Return the full name of a type in BigQuery, e.g. ARRAY<STRUCT<key STRING, value INT64>>."""
    match kind(of):
        case "ARRAY":
            return f"ARRAY<{text(of.array_type.element_type)}>"
        case "STRUCT":
            inside = (f"{one.field_name} {text(one.field_type)}".strip() for one in of.struct_type.field)
            return f"STRUCT<{', '.join(inside)}>"
        case "RANGE":
            return f"RANGE<{text(of.range_type.element_type)}>"
        case name:
            return name


def field(name: str, of: TypeProto) -> dict[str, Any]:
    """Return a column of the type `of` in the format of the REST API. This is the inverse of `of_field`."""
    inside = of.array_type.element_type if kind(of) == "ARRAY" else of
    made: dict[str, Any] = {"name": name, "type": kind(inside), "mode": "REPEATED" if inside is not of else "NULLABLE"}
    if kind(inside) == "STRUCT":
        # BigQuery names an anonymous field by its position.
        fields = enumerate(inside.struct_type.field, 1)
        made["fields"] = [field(one.field_name or f"_field_{number}", one.field_type) for number, one in fields]
    if kind(inside) == "RANGE":
        made["rangeElementType"] = {"type": kind(inside.range_type.element_type)}
    return made
