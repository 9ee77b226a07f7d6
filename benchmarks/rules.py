"""Measure frequent itemsets and rules in SQL, compared with mlxtend's FP-growth on the same baskets in memory."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
from mlxtend.frequent_patterns import association_rules, fpgrowth

from benchmarks import local_bigquery
from benchmarks.measure import Row, in_turns, say
from cli import declarations, local_cloud
from deskcloud import provisioning
from shared import warehouse
from shared.settings import Recommendations, Settings
from shared.warehouse import Statement

DAY = dt.date(2017, 8, 10)
PRODUCTS = 500
LIMITS = Recommendations()


def measure(is_full: bool) -> list[Row]:
    """Measure 10,000 baskets and, if `is_full`, also 500,000 baskets, for which mlxtend needs a table of 250 MB."""
    return [_measure(baskets, rounds) for baskets, rounds in [(10_000, 3)] + [(500_000, 1)] * is_full]


def _measure(baskets: int, rounds: int) -> Row:
    basket, product = _baskets(baskets)
    with local_bigquery.started() as client:
        say(f"  loading {baskets:,} baskets")
        tables = [one for one in declarations.read().tables if one.name in {"product_itemsets", "product_rules"}]
        dataset = local_cloud.dataset(client.project, local_bigquery.DATASET, tables)
        url = str(client._connection.API_BASE_URL)  # noqa: SLF001 - where the client asks
        provisioning.make_datasets(client.project, (dataset,), url)
        local_bigquery.load(client, "interactions", _interactions(basket, product))
        settings = Settings(project=client.project, bucket="bench", dataset=local_bigquery.DATASET)
        of_day = {"as_of": DAY, "run_id": "20170810-0a1b2c3d", "created_on": DAY}
        least = {"min_baskets": 1, "min_count": LIMITS.min_count, "min_support": LIMITS.min_support}
        lively = {"min_confidence": LIMITS.min_confidence, "min_lift": LIMITS.min_lift}

        def in_sql() -> None:
            for name, values in (("itemsets", {"from_day": DAY, **least}), ("rules", lively)):
                warehouse.query(client, settings, Statement(f"recommendations/{name}", {**of_day, **values}))

        def in_memory() -> None:
            # Building mlxtend's table from the rows is part of the work, because any user must do it.
            table = np.zeros((baskets, PRODUCTS), dtype=bool)
            table[basket, product] = True
            support = max(LIMITS.min_support, LIMITS.min_count / baskets)
            found = fpgrowth(pd.DataFrame(table), support, use_colnames=True, max_len=3)
            rules = association_rules(found, metric="confidence", min_threshold=LIMITS.min_confidence)
            counts.append((len(found), int((rules["lift"] >= LIMITS.min_lift).sum())))

        counts: list[tuple[int, int]] = []
        say(f"  {rounds} rounds")
        measured, floor = in_turns(in_sql, in_memory, rounds)
        [row] = client.query_and_wait(
            "select (select count(*) from product_itemsets) as itemsets, (select count(*) from product_rules) as rules"
        )
        if (row["itemsets"], row["rules"]) != counts[-1]:
            raise AssertionError(f"SQL found {dict(row)}, mlxtend {counts[-1]}")
    what = f"{row['itemsets']:,} sets and {row['rules']:,} rules from {baskets:,} baskets in SQL; floor: mlxtend"
    return Row(what, measured, floor=floor)


def _baskets(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw distinct pairs of a basket and a product.

    A few products are popular. A basket with a product often contains the product with the next number too.
    """
    random = np.random.default_rng(1)
    popularity = 1 / np.arange(1, PRODUCTS + 1)
    basket = np.repeat(np.arange(count), random.geometric(0.35, count))
    product = random.choice(PRODUCTS, len(basket), p=popularity / popularity.sum())
    follows = random.random(len(basket)) < 0.4
    pairs = np.concatenate(
        [np.stack([basket, product]), np.stack([basket, (product + 1) % PRODUCTS])[:, follows]], axis=1
    )
    basket, product = np.unique(pairs, axis=1)
    return basket, product


def _interactions(basket: np.ndarray, product: np.ndarray) -> pa.Table:
    """Return the baskets as rows of the table `interactions`, with one session per basket.

    The rows have only the columns that itemsets.sql reads.
    """
    rows = len(basket)
    return pa.table(
        {
            "session_id": pa.array(basket).cast(pa.string()),
            "day": pa.array([DAY] * rows),
            "product_id": pa.array(product).cast(pa.string()),
            "action": pa.array(["bought"] * rows),
        }
    )
