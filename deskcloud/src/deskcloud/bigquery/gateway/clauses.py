"""Parse the names and option lists in the statements that the gateway runs."""

from collections.abc import Sequence

from deskcloud.bigquery.gateway.errors import BigQueryError
from deskcloud.googlesql import statements
from deskcloud.googlesql.tokens import Token, closing, split, starts, unquoted


def path(tokens: Sequence[Token]) -> tuple[list[str], Sequence[Token]]:
    """Return the parts of the path with which `tokens` begin, and the tokens after the path.

    The path is the name of a dataset or model, such as `project.dataset.model`.

    Raises:
        BigQueryError: invalidQuery, if the tokens do not begin with a name.
    """
    parts, rest = statements.path(tokens)
    if not parts:
        raise BigQueryError("invalidQuery", "Syntax error: Expected a name")
    return parts, rest


def option_list(tokens: Sequence[Token]) -> tuple[dict[str, Sequence[Token]], Sequence[Token]]:
    """Parse `OPTIONS(name = value, ...)`. Return a dict of the options, and the tokens after the list.

    The dict maps an option's lower-case name to the tokens of its value.

    Raises:
        BigQueryError: invalidQuery, if the tokens are not an option list or an option appears twice.
    """
    if not starts(tokens, "OPTIONS", "("):
        raise BigQueryError("invalidQuery", "Syntax error: Expected OPTIONS(name = value, ...)")
    end = closing(tokens, 1)
    options = {}
    for option in split(tokens[2:end], ","):
        if len(option) < 3 or option[1].text != "=":
            raise BigQueryError("invalidQuery", "Syntax error: an option is written name = value")
        name = unquoted(option[0]).lower()
        if name in options:
            raise BigQueryError("invalidQuery", f"Duplicate option {name}: give it once")
        options[name] = option[2:]
    return options, tokens[end + 1 :]
