"""Create objects from existing objects."""

import shutil

from deskcloud.storage import wire
from deskcloud.storage.errors import InvalidError
from deskcloud.storage.preconditions import Preconditions, whole_number
from deskcloud.storage.state import Store
from deskcloud.storage.wire import Resource


def copy(
    store: Store,
    source: tuple[str, str],
    target: tuple[str, str],
    fields: Resource,
    source_preconditions: Preconditions,
    preconditions: Preconditions,
    generation: int | None = None,
) -> Resource:
    """Copy an object. The copy has the metadata `fields`, or the source's metadata if `fields` is empty.

    `source` and `target` are pairs of bucket and object name. `generation` is the generation of the source.

    Raises:
        NotFoundError, ConditionNotMetError, NotChangedError, InvalidError: see `Store.open` and `Store.put`.
    """
    resource, file = store.open(*source, source_preconditions, generation)
    inherited = {name: resource[name] for name in wire.OBJECT_FIELDS if name in resource}
    with store.staged() as content:
        with file, content.open("wb") as target_file:
            shutil.copyfileobj(file, target_file)
        return store.put(*target, content, fields or inherited, preconditions)


def compose(
    store: Store, bucket: str, name: str, sources: list[Resource], fields: Resource, preconditions: Preconditions
) -> Resource:
    """Concatenate up to 32 objects of the bucket and store the result as the object `name`.

    Raises:
        InvalidError: there are no sources or more than 32, or a source's generation or precondition is not a number.
        NotFoundError, ConditionNotMetError, NotChangedError: see `Store.open` and `Store.put`.
    """
    if not 1 <= len(sources) <= 32:
        raise InvalidError(f"The number of source components must be 1 to 32, not {len(sources)}.")
    with store.staged() as content:
        count = 0
        with content.open("wb") as joined:
            for source in sources:
                conditions = Preconditions.parse(source.get("objectPreconditions", {}))
                generation = whole_number(source, "generation")
                resource, file = store.open(bucket, source.get("name", ""), conditions, generation)
                count += resource.get("componentCount", 1)
                fields = {"contentType": resource["contentType"]} | fields
                with file:
                    shutil.copyfileobj(file, joined)
        return store.put(bucket, name, content, fields | {"componentCount": count}, preconditions)
