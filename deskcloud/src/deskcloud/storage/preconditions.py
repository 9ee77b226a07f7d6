"""Check preconditions on generation and metageneration, as Cloud Storage does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from deskcloud.storage.errors import ConditionNotMetError, InvalidError, NotChangedError


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The preconditions of a request about an object or a bucket.

    A field is None if the request has no such precondition. A missing object has generation 0, so `generation_match=0`
    means "create, never replace".
    """

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def parse(cls, query: Mapping[str, Any], prefix: str = "if") -> Self:
        """Read the parameters `ifGenerationMatch`, `ifMetagenerationMatch`, and the same two with `NotMatch`.

        `prefix` is "ifSource" for the preconditions on the source of a copy.

        Raises:
            InvalidError: a value is not a whole number.
        """
        return cls(
            whole_number(query, f"{prefix}GenerationMatch"),
            whole_number(query, f"{prefix}GenerationNotMatch"),
            whole_number(query, f"{prefix}MetagenerationMatch"),
            whole_number(query, f"{prefix}MetagenerationNotMatch"),
        )

    def check(self, resource: Mapping[str, Any] | None) -> None:
        """Compare the preconditions with `resource`, which is None if the object does not exist.

        Raises:
            ConditionNotMetError: the value of a `...Match` precondition differs from the resource's number.
            NotChangedError: the value of a `...NotMatch` precondition is equal to the resource's number.
        """
        generation = int(resource.get("generation", 0)) if resource else 0
        metageneration = int(resource["metageneration"]) if resource else 0
        for wanted, found in (
            (self.generation_match, generation),
            (self.metageneration_match, metageneration),
        ):
            if wanted is not None and wanted != found:
                raise ConditionNotMetError
        if generation == self.generation_not_match or metageneration == self.metageneration_not_match:
            raise NotChangedError


def whole_number(query: Mapping[str, Any], name: str) -> int | None:
    """Return the query parameter `name` as a number, or None if the query does not contain `name`.

    Raises:
        InvalidError: the value is not a non-negative integer.
    """
    text = query.get(name)
    if text is None:
        return None
    if not (str(text).isascii() and str(text).isdecimal()):
        raise InvalidError(f"Invalid value for {name}: {text!r}. Give a whole number from 0 up.")
    return int(text)
