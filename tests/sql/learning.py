"""Make training rows of simulated visitors. The label depends on time_on_site and source."""

import datetime as dt

import numpy as np

RUN = {"run_id": "20170810-0a1b2c3d", "created_on": dt.date(2017, 8, 11)}
SPLITS = {"train": 180, "evaluation": 60, "test": 60}


def training_rows(seed: int = 0) -> list[dict]:
    """Return 300 training rows of one run.

    Visitors who stay long or come by mail buy more often. The feature `pageviews` depends on the label.
    """
    random = np.random.default_rng(seed)
    return [_row(random, number, split) for number, split in enumerate(np.repeat(list(SPLITS), list(SPLITS.values())))]


def _row(random: np.random.Generator, number: int, split: str) -> dict:
    seconds, source = int(random.exponential(200)), str(random.choice(["google", "mail", "missing"]))
    log_odds = -1.5 + 0.005 * seconds + 1.5 * (source == "mail")
    buys = int(random.random() < 1 / (1 + np.exp(-log_odds)))
    return {
        **RUN,
        "split": str(split),
        "visitor_id": f"{number:04d}",
        "first_day": dt.date(2017, 8, 1),
        "bounces": int(seconds < 10),
        "time_on_site": seconds,
        "pageviews": 1 + 2 * buys + int(random.integers(0, 2)),
        "hits": int(random.integers(1, 9)) if number % 10 else None,
        "furthest_step": int(random.integers(0, 4)),
        "products_viewed": 0,
        "products_added": 0,
        "hour": int(random.integers(0, 24)),
        "weekday": str(random.choice(["Monday", "Sunday"])),
        "source": source,
        "medium": "organic",
        "channel": "Organic Search",
        "device": str(random.choice(["mobile", "desktop"])),
        # Peru is only in the rows for evaluation and test, so no model has seen this country in training.
        "country": "France" if split == "train" or number % 2 else "Peru",
        "will_buy_on_return_visit": buys,
    }
