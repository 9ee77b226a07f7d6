"""Forecast the value of simulated customers, whose orders follow the models BG/NBD and Gamma-Gamma.

The benchmark measures the time for a million customers, and the error of each method.
"""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
from google.cloud import bigquery

from benchmarks import buyers, local_bigquery
from benchmarks.measure import Row, in_turns, say
from cli import declarations, local_cloud
from deskcloud import provisioning
from shared import warehouse
from shared.settings import Settings
from shared.value import bgnbd, gamma_gamma, valuing
from shared.warehouse import Statement

CUSTOMERS = 1_000_000
# The number of customers on whom the errors of the methods are measured.
JUDGED = 20_000
WEEKS = 39
RUN = {"run_id": "20260630-0a1b2c3d", "created_on": dt.date(2026, 7, 1)}
LEARNT, HELD_OUT, LARGE = dt.date(2026, 1, 1), dt.date(2026, 4, 1), dt.date(2026, 6, 30)


def measure(_: bool) -> list[Row]:
    """Measure the time to fit and forecast a million customers, and each method's squared error on other customers."""
    random = np.random.default_rng(1)
    with local_bigquery.started() as client:
        url = str(client._connection.API_BASE_URL)  # noqa: SLF001 - the client's URL
        tables = [one for one in declarations.read().tables if one.name == "customer_forecasts"]
        dataset = local_cloud.dataset(client.project, local_bigquery.DATASET, tables)
        provisioning.make_datasets(client.project, (dataset,), url)
        bench = _Bench(client)
        for day, count in ((LEARNT, JUDGED), (HELD_OUT, JUDGED), (LARGE, CUSTOMERS)):
            say(f"  loading {count:,} customers")
            local_bigquery.load(client, "customer_histories", _histories(buyers.draw(count, WEEKS, random), day))
        return [*bench.errors(), bench.seconds()]


class _Bench:
    """Runs the statements of sql/value on the loaded histories."""

    def __init__(self, client: bigquery.Client) -> None:
        self._client = client
        self._settings = Settings(project=client.project, bucket="bench", dataset=local_bigquery.DATASET)

    def query(self, name: str, day: dt.date, **more: object) -> list[dict[str, Any]]:
        """Run a statement of sql/value on the customers' histories until a day.

        The keyword argument `model` replaces an identifier in the statement. All other keyword arguments are parameters
        of the statement.
        """
        names = {"model": str(more.pop("model"))} if "model" in more else {}
        statement = Statement(f"value/{name}", {**RUN, "as_of": day, **more}, names)
        return warehouse.query(self._client, self._settings, statement)

    def fit(self, day: dt.date) -> tuple[bgnbd.Parameters, gamma_gamma.Parameters, int]:
        """Fit BG/NBD and Gamma-Gamma to the histories until a day. Also return how many rows BigQuery sent."""
        cells, values = self.query("cells", day), self.query("order_values", day)
        orders = bgnbd.Histories.of((one["frequency"], one["recency"], one["age"], one["customers"]) for one in cells)
        of_values = gamma_gamma.Values.of(
            (one["frequency"], np.exp(one["hundredths"] / 100), one["customers"]) for one in values
        )
        return bgnbd.fit(orders).parameters, gamma_gamma.fit(of_values).parameters, len(cells) + len(values)

    def forecast(self, day: dt.date, method: str, orders: bgnbd.Parameters, values: gamma_gamma.Parameters) -> None:
        """Write the forecasts, with `orders` as parameters of BG/NBD and `values` as parameters of Gamma-Gamma."""
        given = {**orders._asdict(), **values._asdict(), **valuing.quadrature(orders), "horizon": WEEKS * 7}
        self.query("by_bgnbd", day, method=method, **given)

    def errors(self) -> list[Row]:
        """Return the mean squared error of each method. The floor is the error with the true parameters."""
        say("  errors")
        orders, values, _ = self.fit(HELD_OUT)
        self.forecast(HELD_OUT, valuing.BGNBD, orders, values)
        truth = buyers.ORDERS._replace(alpha=buyers.ORDERS.alpha * 7)
        self.forecast(HELD_OUT, "truth", truth, buyers.VALUES)
        for method in valuing.REGRESSIONS:
            for of in ("revenue", "orders"):
                self.query(method, LEARNT, model=f"{of}_{method}", is_revenue=of == "revenue")
            self.query("by_regression", HELD_OUT, model=method, method=method, **values._asdict())
        squared = {row["method"]: row["squared"] / row["customers"] for row in self.query("errors", HELD_OUT)}
        return [
            Row(
                f"{method}: squared error of a customer's revenue; floor: the true parameters",
                squared[method],
                "",
                floor,
            )
            for floor in [squared["truth"]]
            for method in valuing.METHODS
        ]

    def seconds(self) -> Row:
        """Measure the time to fit both models and to forecast all customers. The floor is the time to read the rows."""
        say("  fit and scores")
        left = []

        def work() -> None:
            orders, values, rows = self.fit(LARGE)
            left.append(rows)
            self.forecast(LARGE, valuing.BGNBD, orders, values)

        def read() -> None:
            text = (
                "select sum(frequency), sum(recency), sum(age), sum(mean_value) "
                "from customer_histories where as_of = @day"
            )
            config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("day", "DATE", LARGE)])
            self._client.query_and_wait(text, job_config=config)

        measured, floor = in_turns(work, read, 2)
        what = f"fit and score {CUSTOMERS:,} customers, {left[-1]:,} rows leave BigQuery; floor: read them once"
        return Row(what, measured, floor=floor)


def _histories(drawn: buyers.Buyers, day: dt.date) -> pa.Table:
    """Return the drawn customers as rows of the table `customer_histories`.

    Times are rounded to days. A repeat order that would then be on the day of the first order is moved to the next day.
    """
    count = len(drawn.orders)
    frequency = drawn.histories.frequency.astype(int)
    age = np.rint(drawn.histories.age * 7).astype(int)
    recency = np.clip(np.rint(drawn.histories.recency * 7).astype(int), frequency > 0, age)
    return pa.table(
        {
            **{name: pa.array([value] * count) for name, value in {**RUN, "as_of": day}.items()},
            "customer_id": pa.array(np.arange(count)).cast(pa.string()),
            "frequency": frequency,
            "recency": recency,
            "age": age,
            "mean_value": drawn.mean_value,
            "revenue": drawn.mean_value * (frequency + 1),
            "later_orders": drawn.orders.astype(int),
            "later_revenue": drawn.revenue,
        }
    )
