"""Value the customers: forecast the orders and revenue of each in the horizon, by the best method on held-out time.

The last horizon before the valuation is held out: the methods learn from earlier orders, and are judged by the orders
of this horizon. The chosen method then learns from all orders and forecasts the next horizon. docs/customer-value.md
gives the reasons.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from shared import jsontext
from shared.campaign.effects import Sums, effect
from shared.chain import run_ids
from shared.chain.documents import VALUE, Valued
from shared.chain.intervals import Estimate
from shared.chain.opened_runs import ValueRun
from shared.chain.training import rows_of_run
from shared.chain.versions import model_name
from shared.errors import Permanent
from shared.events import ValueDue
from shared.value import bgnbd, gamma_gamma
from shared.value.choice import Choice, Difference, Errors, choose, told
from shared.value.fitting import FitError
from shared.warehouse import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from shared.chain.environment import Environment, StepContext

BGNBD = "bgnbd"
REGRESSIONS = ("linear", "boosted_trees")
# From the simplest method on.
METHODS = ("linear", BGNBD, "boosted_trees")
# Number of days, up to the newest day, whose orders count.
HISTORY_DAYS = 1095
# Minimum of the quadrature's nodes, which are probabilities to leave. With smaller nodes, sql/value/by_bgnbd.sql would
# lose digits.
LEAST_LEAVING = 1e-6
# Weight of the shop's mean order value if order values cannot be modelled. The weight is so large that a customer's own
# orders do not count. So the expected value is the shop's mean for each customer.
_ALIKE = 1e9


def look(environment: Environment, now: datetime) -> tuple[ValueRun | None, str]:
    """Return the document that opens a run on the current orders. If nothing can be learnt yet, return None and why."""
    [state] = environment.query("value/state")
    day, first_day = state["day"], state["first_day"]
    if day is None:
        return None, "no day-table has been read yet"
    if first_day is None:
        return None, "no customer has ordered: load crm_customers and crm_visitors (docs/customers.md)"
    horizon = environment.settings.value.horizon_days
    if first_day > (until := day - timedelta(days=2 * horizon)):
        return None, (
            f"the customers' orders begin on {first_day}, and a customer must have ordered until {until}: wait, or "
            f"set a horizon shorter than value.horizon_days ({horizon})"
        )
    event = ValueDue(run_ids.of_value(day, state, horizon))
    run = ValueRun(opened_at=now, event=event, as_of=day, revenue_of_order=state["revenue_of_order"])
    return run, ""


def value(context: StepContext) -> Valued:
    """Replace the day's rows of customer_value and the findings about the methods; write and return the run's report.

    Raises:
        Permanent: no method could be fitted; the message says why.
    """
    return _Valuation(context).run()


@dataclass(frozen=True)
class _Fit:
    """The parameters that were fitted to the histories of a day. `orders` is None if one of the models has no fit."""

    orders: bgnbd.Parameters | None
    values: gamma_gamma.Parameters
    lack: str
    independence: str


class _Valuation:
    """The work of one run. `_last` is the day of the valuation, `_cut` the day before the held-out horizon."""

    def __init__(self, context: StepContext) -> None:
        self._context, self._warehouse = context, context.warehouse
        self._run = context.run_as(ValueRun)
        self._rows = rows_of_run(context)
        self._horizon = context.settings.value.horizon_days
        self._last = self._run.as_of
        self._cut = self._last - timedelta(days=self._horizon)

    def run(self) -> Valued:
        shares = self._histories()
        fits = {day: self._fit(day) for day in (self._cut, self._last)}
        lacks = self._train(REGRESSIONS, "held_out", self._cut - timedelta(days=self._horizon))
        if lack := next((fit.lack for fit in fits.values() if fit.lack), ""):
            lacks[BGNBD] = lack
        methods = [method for method in METHODS if method not in lacks]
        if not methods:
            raise Permanent(f"no method can value the customers: {'; '.join(map(': '.join, lacks.items()))}")
        self._forecast(methods, "held_out", self._cut, fits[self._cut])
        choice = self._judge(methods, lacks)
        if choice.method in REGRESSIONS:
            failed = self._train([choice.method], "final", self._cut)
            if failed:
                raise Permanent(f"{choice.method} was chosen and cannot be trained again: {failed[choice.method]}")
        self._forecast([choice.method], "final", self._last, fits[self._last])
        self._query("publish", as_of=self._last, horizon=self._horizon, method=choice.method)
        [sums] = self._warehouse.query("value/summary", {"as_of": self._last})
        report = Valued(
            day=self._last,
            horizon_days=self._horizon,
            method=choice.method,
            reason=choice.reason,
            lacking=lacks,
            incremental_shares=shares,
            independence=fits[self._last].independence,
            **sums,
        )
        self._context.runs.write(self._context.run_id, VALUE, report)
        return report

    def _histories(self) -> dict[str, float]:
        """Write the histories without incremental orders. Return the share of incremental orders by campaign."""
        until = {"first_day": self._last - timedelta(days=HISTORY_DAYS - 1), "as_of": self._last}
        shares = incremental_shares(self._warehouse.query("value/arms", until))
        # An empty list would be passed as an array of strings, but `shares` must be an array of numbers. So add a
        # campaign with an empty name, to which no customer belongs.
        given = {"campaigns": ["", *shares], "shares": [0.0, *shares.values()]}
        self._query("histories", **until, **given, horizon=self._horizon)
        return shares

    def _fit(self, day: date) -> _Fit:
        of_day = {**self._rows, "as_of": day}
        cells, order_values = self._warehouse.query_all(
            [Statement("value/cells", of_day), Statement("value/order_values", of_day)]
        )
        values = gamma_gamma.Values.of(
            (row["frequency"], math.exp(row["hundredths"] / 100), row["customers"]) for row in order_values
        )
        independence = str(gamma_gamma.independence(values)) if len(order_values) else "no customer has ordered again"
        alike = gamma_gamma.Parameters(1.0, 1 + _ALIKE, _ALIKE * self._run.revenue_of_order)
        try:
            of_values = gamma_gamma.fit(values).parameters
        except FitError as error:
            return _Fit(None, alike, str(error), independence)
        try:
            histories = bgnbd.Histories.of(
                (row["frequency"], row["recency"], row["age"], row["customers"]) for row in cells
            )
            return _Fit(bgnbd.fit(histories).parameters, of_values, "", independence)
        except FitError as error:
            return _Fit(None, of_values, str(error), independence)

    def _train(self, methods: Sequence[str], fit: str, day: date) -> dict[str, str]:
        """Train the regressions on a day's histories. Return, for each method that could not be trained, the reason."""
        about = {**self._rows, "as_of": day}
        statements = {
            method: [
                Statement(
                    f"value/{method}",
                    {**about, "is_revenue": of == "revenue"},
                    {"model": f"{of}_{self._model(method, fit)}"},
                )
                for of in ("revenue", "orders")
            ]
            for method in methods
        }
        # All jobs are submitted before the first one is awaited, so that they run at the same time.
        for statement in (one for both in statements.values() for one in both):
            with contextlib.suppress(Permanent):
                self._warehouse.submit(statement)
        lacks = {}
        for method, both in statements.items():
            try:
                self._warehouse.query_all(both)
            except Permanent as error:
                lacks[method] = str(error)
        return lacks

    def _model(self, method: str, fit: str) -> str:
        """Return the SUFFIX of the names of the method's two models: revenue_SUFFIX and orders_SUFFIX."""
        return model_name(f"{method}_{fit}", self._context.run_id)

    def _forecast(self, methods: Iterable[str], fit: str, day: date, fitted: _Fit) -> None:
        about = {**self._rows, "as_of": day, **fitted.values._asdict()}
        statements = []
        for method in methods:
            if method in REGRESSIONS:
                model = {"model": self._model(method, fit)}
                statements.append(Statement("value/by_regression", {**about, "method": method}, model))
            elif fitted.orders:
                orders = {**fitted.orders._asdict(), **quadrature(fitted.orders), "horizon": self._horizon}
                statements.append(Statement("value/by_bgnbd", {**about, "method": method, **orders}))
        self._warehouse.query_all(statements)

    def _judge(self, methods: Sequence[str], lacks: dict[str, str]) -> Choice:
        """Choose a method by its errors in the held-out horizon, and write the findings about all methods."""
        of_cut = {**self._rows, "as_of": self._cut}
        found, pairs = self._warehouse.query_all(
            [Statement("value/errors", of_cut), Statement("value/differences", of_cut)]
        )
        deviations = {row["method"]: row.pop("deviations") for row in found}
        errors = {row["method"]: Errors(**row) for row in found}
        differences = {(row["method"], row["other"]): Difference(**row) for row in pairs}
        choice = choose(errors.values(), differences.values(), methods)
        reasons = {choice.method: choice.reason}
        for name in methods:
            if name != choice.method:
                more = told(differences[name, choice.method].mean)
                reasons[name] = f"not chosen: its mean squared error minus that of {choice.method}: {more}"
        reasons |= lacks
        rows = [_finding(name, why, errors.get(name), deviations.get(name, 0.0)) for name, why in reasons.items()]
        about = {"run_id": self._context.run_id, "as_of": self._last, "horizon": self._horizon}
        self._warehouse.query("value/methods", {**about, "method": choice.method, "results": jsontext.text(rows)})
        return choice

    def _query(self, name: str, **parameters: Any) -> None:
        self._warehouse.query(f"value/{name}", {**self._rows, **parameters})


def incremental_shares(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return, by campaign, the share of the treated customers' orders that the campaign has caused.

    `rows` are the rows of sql/value/arms.sql. The share is the campaign's effect divided by the mean of the treated
    customers. Both count days with an order. A campaign is left out if its effect is not shown to be above 0, or if one
    of its arms has no customers.
    """
    arms: dict[str, dict[str, Sums]] = {}
    for row in rows:
        total = float(row["total"])
        sums = Sums(row["customers"], total, total, float(row["squares"]))
        arms.setdefault(row["campaign"], {})[row["arm"]] = sums
    shares = {}
    for campaign, both in arms.items():
        if both.keys() == {"treated", "control"}:
            difference = effect(both["treated"], both["control"]).difference
            if difference.lower > 0:
                shares[campaign] = difference.value / both["treated"].mean
    return shares


def quadrature(parameters: bgnbd.Parameters) -> dict[str, list[float]]:
    """Return the nodes and weights of sql/value/by_bgnbd.sql."""
    nodes, weights = bgnbd.beta_quadrature(parameters.a, parameters.b)
    return {"nodes": np.maximum(nodes, LEAST_LEAVING).tolist(), "weights": weights.tolist()}


def squared_error(errors: Errors, deviations: float) -> Estimate:
    """Return the mean squared error. The degrees of freedom are the number of buyers minus 1.

    `deviations` is the sum of (squared error - mean squared error)^2 over the customers.
    """
    count = errors.customers
    variance = deviations / (count - 1) / count if count > 1 else math.inf
    return Estimate(errors.squared / count, variance, freedom=max(errors.buyers - 1, 1))


def _finding(method: str, reason: str, errors: Errors | None, deviations: float) -> dict[str, Any]:
    """Return a row for sql/value/methods.sql. `errors` is None if the method could not be fitted."""
    row = {"method": method, "reason": reason, "customers": 0, "buyers": 0, "actual_revenue": 0.0}
    if errors is None:
        return row
    squared = squared_error(errors, deviations)
    return {
        **row,
        "customers": errors.customers,
        "buyers": errors.buyers,
        "actual_revenue": errors.actual,
        "expected_revenue": errors.predicted,
        "squared_error": squared.value,
        "error_lower": squared.lower,
        "error_upper": squared.upper,
    }
