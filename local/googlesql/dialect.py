"""What BigQuery takes and this build of GoogleSQL does not, written in the words that it takes."""

from local.bigquery.tokens import Token, tokenize
from local.googlesql.ml import Models, without_ml

# MAX_BY(x, y) is a synonym of ANY_VALUE(x HAVING MAX y).
# https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#max_by
_BY = {"MAX_BY": "MAX", "MIN_BY": "MIN"}
# QUALIFY needs none of these in BigQuery.
# https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#qualify_clause
_BEFORE_QUALIFY = {"WHERE", "GROUP", "HAVING"}


def as_googlesql(sql: str, models: Models) -> str:
    """Return a statement that means the same and that GoogleSQL's open-source analyzer takes.

    Raises:
        Refused: it calls an ML function or names a model that is not known.
    """
    sql = without_ml(sql, models)
    tokens = tokenize(sql)
    if not any(token.word == "QUALIFY" or token.word in _BY for token in tokens):
        return sql
    replaced = [*_qualify(tokens), *_by(tokens)]
    for start, end, text in sorted(replaced, reverse=True):
        sql = f"{sql[:start]}{text}{sql[end:]}"
    return sql


def _qualify(tokens: list[Token]) -> list[tuple[int, int, str]]:
    """Put WHERE TRUE before each QUALIFY of a SELECT that has no such clause."""
    made, clauses = [], [set[str]()]
    for token in tokens:
        if token.word in {"(", "["}:
            clauses.append(set())
        elif token.word in {")", "]"}:
            clauses = clauses[:-1] or [set()]
        elif token.word == "SELECT":
            clauses[-1] = set()
        elif token.word == "QUALIFY" and not clauses[-1] & _BEFORE_QUALIFY:
            made.append((token.start, token.start, "WHERE TRUE "))
        else:
            clauses[-1].add(token.word)
    return made


def _by(tokens: list[Token]) -> list[tuple[int, int, str]]:
    made = []
    for index, token in enumerate(tokens[:-1]):
        if token.word in _BY and tokens[index + 1].word == "(":
            depth = 0
            for behind in tokens[index + 1 :]:
                depth += (behind.word in {"(", "["}) - (behind.word in {")", "]"})
                if depth == 1 and behind.word == ",":
                    made += [
                        (token.start, token.end, "ANY_VALUE"),
                        (behind.start, behind.end, f" HAVING {_BY[token.word]} "),
                    ]
                    break
    return made
