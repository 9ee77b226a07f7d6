"""`propensity why`: show what is known about a customer: score and causes, offer, arm, value, consent, destinations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli import terminal
from cli.errors import CommandError
from shared.chain import current
from shared.errors import Permanent

if TYPE_CHECKING:
    from rich.console import Console

    from shared.chain.environment import Environment

# Audiences, values and exclusions are searched for on the newest day of the data, and on this number of days before the
# newest day.
DAYS = 30


def read(customer_id: str, environment: Environment) -> dict[str, Any]:
    """Return the row of sql/why/customer.sql, with `drivers`: feature, value and effect on the score in log odds.

    Raises:
        CommandError: there is no such customer.
    """
    newest = current.newest_day(environment) or datetime.now(UTC).date()
    of = {"customer_id": customer_id, "first_day": newest - timedelta(days=DAYS)}
    found = environment.query("why/customer", of)
    if not found:
        raise CommandError(
            "there is no such customer: neither `customers` nor an audience nor a destination has this id; "
            "`refused_customers` has the rows of the CRM that break a rule"
        )
    [customer] = found
    return {**customer, "drivers": _drivers(customer, environment)}


def _drivers(customer: dict[str, Any], environment: Environment) -> list[dict[str, Any]]:
    champion = environment.registry.champion()
    if champion is None or customer["day"] is None:
        return []
    first = customer["day"] - timedelta(days=environment.settings.audience.window_days - 1)
    of = {"visitor_id": customer["visitor_id"], "day": customer["day"], "from_day": first}
    try:
        rows = environment.query("why/drivers", of, model=champion.model)
    except Permanent:
        # The model was deleted, or its type cannot be explained.
        return []
    return [
        {"feature": one["feature"], "value": row[one["feature"]], "moved": one["moved"]}
        for row in rows
        for one in row["reasons"]
    ]


def show(found: dict[str, Any], out: Console) -> None:
    """Print the result as sentences and tables."""
    for sentence in _sentences(found):
        out.print(escape(sentence), highlight=False)
    for title, head, rows in _tables(found):
        if rows:
            table = terminal.table(*head, title=title)
            for row in rows:
                table.add_row(*(escape(str(cell)) for cell in row))
            out.print(table)


def _sentences(found: dict[str, Any]) -> list[str]:
    has = [name for name, key in (("an e-mail address", "has_email"), ("a phone number", "has_phone")) if found[key]]
    said = [
        f"customer {found['customer_id']} has {' and '.join(has) or 'no address'} and {len(found['visitors'])} visitors"
    ]
    if found["valued_on"]:
        said.append(_value(found))
    if found["day"] is None:
        return [*said, f"no visitor was in the audience in the last {DAYS} days"]
    return [
        *said,
        f"in the audience of {found['day']}: probability {found['probability']:.4f}, decile {found['decile']}",
        f"offer {found['offer']}, next products {', '.join(found['next_products']) or 'none'}",
        f"arm {found['arm']}: {_OF_ARM[found['arm']]}",
    ]


def _value(found: dict[str, Any]) -> str:
    orders, revenue = f"{found['expected_orders']:.2f} orders", f"{found['expected_revenue']:.2f} in revenue"
    return (
        f"value on {found['valued_on']}: {orders} and {revenue} in {found['horizon_days']} days without a campaign, "
        f"{found['revenue_per_order']:.2f} per order ({found['valued_by']})"
    )


_OF_ARM = {
    "treated": "may be reached, unless something excludes the customer",
    "control": "gets nothing, so that the campaign's effect can be measured",
    "holdout": "gets nothing from any campaign",
}


def _tables(found: dict[str, Any]) -> list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    return [
        (
            "What moved the score most",
            ("feature", "value", "log odds"),
            [(one["feature"], one["value"], f"{one['moved']:+.2f}") for one in found["drivers"]],
        ),
        (
            "Consent: the statement that counts",
            ("purpose", "consents", "since", "source"),
            [
                (
                    one["purpose"],
                    "yes" if one["is_granted"] else "no",
                    f"{one['stated_at']:%Y-%m-%d}",
                    one["source"] or "-",
                )
                for one in found["consents"]
            ],
        ),
        (
            "Excluded",
            ("channel", "reason", "on"),
            [(one["channel"], one["reason"], one["day"]) for one in found["exclusions"]],
        ),
        (
            "Destinations",
            ("destination", "wanted", "state", "reason", "run"),
            [
                (
                    one["destination"],
                    "yes" if one["is_wanted"] else "no",
                    one["state"],
                    one["reason"] or "-",
                    one["run_id"],
                )
                for one in found["destinations"]
            ],
        ),
    ]
