"""Change fields of a resource without converting all other fields to JSON and back.

local-bigquery would turn the whole resource into JSON values and validate them again, several times for each job. A
job's resource contains its query parameters. Therefore a statement with arrays of 90,000 values took seconds.
"""

from typing import Any

from local_bigquery.resource import Resource

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Replace the methods `replace` and `without` of resources, which change fields and leave fields out."""
    reason = "all fields of the resource are written as JSON and validated again"
    patching.replace(Resource, "replace", _replaced, reason)
    patching.replace(Resource, "without", _without, reason)


def _replaced[T: Resource](self: T, **changes: Any) -> T:
    changed = self.model_validate(changes)
    copy: T = self.model_copy(update={name: getattr(changed, name) for name in changed.model_fields_set})
    return copy


def _without[T: Resource](self: T, *keys: str) -> T:
    """Return a copy without the fields. `keys` are the names of fields in JSON."""
    copy: T = self.model_copy()
    for name, field in type(self).model_fields.items():
        if (field.alias or name) in keys:
            setattr(copy, name, None)
            copy.model_fields_set.discard(name)
    for name in set(copy.model_extra or ()) & set(keys):
        delattr(copy, name)
    return copy
