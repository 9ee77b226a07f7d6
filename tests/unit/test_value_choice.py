"""Which method forecasts the value of customers.

The methods are compared in order, from the simplest on. A method becomes the choice if it is shown to be better than
the former choice on a held-out period.
"""

import numpy as np
import pytest

from fixtures import cdnow
from shared.value import bgnbd, gamma_gamma
from shared.value.choice import Difference, Errors, choose


def errors(method, forecast, actual):
    off = forecast - actual
    return Errors(
        method, len(actual), int((actual > 0).sum()), actual.sum(), forecast.sum(), abs(off).sum(), (off**2).sum()
    )


def difference(method, other, forecasts, actual):
    each = (forecasts[method] - actual) ** 2 - (forecasts[other] - actual) ** 2
    off = each - each.mean()
    sums = (each.sum(), (off**2).sum())
    return Difference(method, other, len(actual), int((actual > 0).sum()), *sums)


def chosen(forecasts, actual):
    """Return the choice between the methods of `forecasts`, which are ordered from the simplest on."""
    names = list(forecasts)
    rows = [difference(two, one, forecasts, actual) for at, two in enumerate(names) for one in names[:at]]
    return choose([errors(name, forecasts[name], actual) for name in names], rows, names)


def given(*means, customers=1000):
    """Return squared errors of the methods a, b and c with these means. The standard error of a difference is 0.1."""
    names = "abc"[: len(means)]
    squares = 0.1**2 * customers * (customers - 1)
    return (
        [
            Errors(name, customers, 500, 1000, 1000, 1000, mean * customers)
            for name, mean in zip(names, means, strict=True)
        ],
        [
            Difference(two, one, customers, 500, (means[j] - means[i]) * customers, squares)
            for i, one in enumerate(names)
            for j, two in enumerate(names)
            if i < j
        ],
        names,
    )


def test_a_method_that_is_shown_to_be_better_replaces_a_simpler_one():
    found = choose(*given(2.0, 1.5))
    assert found.method == "b"
    assert found.reason == (
        "b is chosen (mean squared error 1.5 on 1000 customers), because it is shown to be better than a "
        "(-0.5, 95 % interval -0.696 to -0.304)"
    )


def test_a_tie_goes_to_the_simpler_method():
    found = choose(*given(2.0, 1.9))
    assert found.method == "a"
    assert found.reason == (
        "a is chosen (mean squared error 2 on 1000 customers), because no less simple method is shown to be better: "
        "b (-0.1, 95 % interval -0.296 to +0.0965)"
    )


@pytest.mark.parametrize(
    ("means", "best"),
    [
        ((2.0, 1.5, 1.0), "c"),
        ((2.0, 1.5, 1.4), "b"),  # the choice is b, because c is not shown to be better than b
        ((2.0, 1.9, 1.5), "c"),  # b is not shown to be better than a, but c is
        ((2.0, 2.5, 2.2), "a"),
        ((2.0,), "a"),
    ],
)
def test_methods_are_compared_from_the_simplest_on(means, best):
    assert choose(*given(*means)).method == best


def test_the_only_method_is_chosen_as_such():
    assert choose(*given(2.0)).reason.endswith("because it is the only method")


def test_the_error_about_a_missing_row_names_it():
    rows, differences, names = given(2.0, 1.5, 1.0)
    with pytest.raises(ValueError, match="no row of c, c minus a:"):
        choose(rows[:2], [one for one in differences if (one.method, one.other) != ("c", "a")], names)
    with pytest.raises(ValueError, match="there is no method to choose"):
        choose([], [], [])


def test_one_customer_is_too_few_for_a_choice():
    assert (
        choose([Errors(one, 1, 1, 5, 5, 0, 0) for one in "ab"], [Difference("b", "a", 1, 1, -9, 0)], "ab").method == "a"
    )


def test_the_bias_is_the_relative_excess_of_the_forecasts():
    assert Errors("a", 10, 5, 200, 150, 0, 0).bias == -0.25
    assert Errors("a", 10, 0, 0, 150, 0, 0).bias == np.inf


@pytest.fixture(scope="module")
def sample():
    return cdnow.customers()


@pytest.fixture(scope="module")
def orders(sample):
    """Return a dict from methods to forecasts of each customer's orders."""
    histories = bgnbd.Histories(sample.frequency, sample.recency, sample.age, np.ones(len(sample.age)))
    of_past = sample.frequency / sample.age * cdnow.HELD_OUT_WEEKS
    return {
        "mean": np.full(len(of_past), of_past.mean()),
        "rate": of_past,
        "bgnbd": bgnbd.expected_orders(bgnbd.fit(histories).parameters, histories, cdnow.HELD_OUT_WEEKS),
    }


@pytest.fixture(scope="module")
def revenue(sample, orders):
    """Return a dict from methods to forecasts of each customer's revenue."""
    again = sample.frequency > 0
    values = gamma_gamma.Values(sample.frequency[again], sample.mean_value[again], np.ones(again.sum()))
    value = gamma_gamma.expected_value(gamma_gamma.fit(values).parameters, sample.frequency, sample.mean_value)
    of_past = orders["rate"] * sample.mean_value
    return {"mean": np.full(len(of_past), of_past.mean()), "rate": of_past, "bgnbd": orders["bgnbd"] * value}


def test_the_errors_at_cdnow_agree_with_the_page(sample, orders, revenue):
    """The page is docs/customer-value.md, which shows how the errors of the methods differ."""

    def told(forecasts, actual, method, other):
        mean = difference(method, other, forecasts, actual).mean
        return tuple(float(f"{one:.3g}") for one in (mean.value, mean.lower, mean.upper))

    assert told(orders, sample.orders, "bgnbd", "mean") == (-1.84, -2.42, -1.26)
    assert told(orders, sample.orders, "bgnbd", "rate") == (-2.31, -3.31, -1.31)
    assert told(revenue, sample.revenue, "bgnbd", "mean") == (-2620, -3550, -1700)
    assert told(revenue, sample.revenue, "bgnbd", "rate") == (-34800, -93300, 23800)
    assert [round(errors(one, orders[one], sample.orders).squared / 2357, 2) for one in orders] == [4.43, 4.89, 2.59]
    rows = [errors(method, revenue[method], sample.revenue) for method in revenue]
    assert [round(row.squared / row.customers) for row in rows] == [7849, 40002, 5227]
    assert [round(row.bias, 2) for row in rows] == [0.61, 0.61, -0.16]


def test_at_cdnow_the_models_are_chosen(sample, orders, revenue):
    assert chosen(orders, sample.orders).method == chosen(revenue, sample.revenue).method == "bgnbd"


def test_a_difference_that_comes_from_one_customer_does_not_decide(sample, revenue):
    """The method `rate` forecasts $8,379 for one customer who bought nothing.

    This customer alone makes 86 % of the difference in squared errors between `rate` and `bgnbd`.
    """
    pair = {name: revenue[name] for name in ("rate", "bgnbd")}
    assert chosen(pair, sample.revenue).method == "rate"
    rest = np.arange(len(sample.revenue)) != pair["rate"].argmax()
    assert chosen({name: one[rest] for name, one in pair.items()}, sample.revenue[rest]).method == "bgnbd"
