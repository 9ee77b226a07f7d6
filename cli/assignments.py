"""Apply the assignments of `--set` (NAME=VALUE), which override settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from cli.errors import UsageError
from shared import jsontext, settings_faults
from shared.settings import Settings, SettingsError


@contextmanager
def assigning() -> Iterator[None]:
    """Convert a SettingsError of the block into a UsageError.

    Raises:
        UsageError: a setting is invalid; the message names the setting, the given value and the allowed values.
    """
    try:
        yield
    except SettingsError as error:
        raise UsageError(str(error)) from None


def with_overrides(document: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Return `document` with assignments like `gate.min_positives=1`. A value is JSON.

    If the setting is a text, or if the value is not JSON, the setting becomes the text after the `=`.

    Raises:
        SettingsError: an assignment has no `=`, or names a setting inside a value that is not a section.
    """
    merged = msgspec.json.decode(jsontext.encode(document), type=dict[str, Any])
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise SettingsError(f"--set {assignment}: write it as name=value, e.g. gate.min_positives=1")
        *sections, name = path.split(".")
        section = merged
        for part in sections:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise SettingsError(f"--set {assignment}: {part} is a single value, so there is no {name} in it")
        section[name] = _value(path, text)
    return merged


def _value(name: str, text: str) -> Any:
    """Return the value of `text` for the setting `name`. A text setting stays a text, even if it has only digits."""
    if settings_faults.is_text(settings_faults.type_of(Settings, name)) and not text.startswith('"'):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
