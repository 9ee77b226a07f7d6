"""The decision on a campaign follows from the sums of its arms. Reports give the decision in words."""

import datetime as dt
import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from cli import report
from shared.audience_settings import Campaign
from shared.campaign import results, wording
from shared.campaign.effects import effect
from shared.campaign.uplift import Stratum, qini
from shared.report import page
from shared.report.sections import campaigns

ASSIGNED = dt.date(2017, 5, 1)
PLANNED = ASSIGNED + dt.timedelta(30)


def row(is_treated, buyers, customers=1000, decile=1, outcome="conversion", **values):
    """Return a row like those of sql/campaign/sums.sql.

    Each buyer spends 1.00. Of all customers, 5 % had already bought before the campaign.
    """
    return {
        "comparison": "control",
        "campaign": "spring",
        "share": 0.5,
        "outcome": outcome,
        "decile": decile,
        "is_treated": is_treated,
        "first_assigned": ASSIGNED,
        "last_assigned": ASSIGNED,
        "customers": customers,
        "total": buyers,
        "magnitude": buyers,
        "squares": buyers,
        "before": customers / 20,
        "before_squares": customers / 20,
        "products": min(buyers, customers / 30),
        **values,
    }


def measured(rows, day=PLANNED, **settings):
    return results.results(results.read(rows), day, Campaign(planned_buyers=200, **settings))


@pytest.mark.parametrize(
    ("buyers", "day", "decision"),
    [
        ((110, 100), PLANNED - dt.timedelta(1), "too early"),
        ((110, 100), PLANNED, "undecided"),
        # The interval for one look is above 0, but the always-valid interval contains 0. Only the always-valid interval
        # decides, because the campaign is looked at daily.
        ((135, 100), PLANNED, "undecided"),
        ((200, 100), PLANNED, "gain"),
        ((200, 100), ASSIGNED + dt.timedelta(2), "gain"),
        ((100, 200), PLANNED, "loss"),
        ((0, 0), PLANNED, "undecided"),
    ],
)
def test_the_anytime_interval_decides_because_somebody_looks_every_day(buyers, day, decision):
    [one] = measured([row(True, buyers[0]), row(False, buyers[1])], day).results
    assert one.decision == decision


def test_with_wrong_sizes_of_the_arms_no_gain_is_reported():
    [one] = measured([row(True, 200), row(False, 80, 800)]).results
    assert (one.decision, one.effect) == ("mismatch", pytest.approx(0.1))
    assert "treated 1,000 (expected 900), control 800 (expected 900)" in wording.mismatch(one)


def test_the_deciles_of_an_arm_sum_to_the_arm_and_the_time_before_is_used():
    rows = [
        row(is_treated, 20 + 10 * is_treated + decile, 100, decile)
        for decile in (1, 2, 3)
        for is_treated in (True, False)
    ]
    found = measured(rows)
    [compared] = results.read(rows)
    strata = compared.strata["conversion"]
    assert [len(strata), strata[0].treated.total, strata[2].control.total] == [3, 31, 23]
    whole = compared.arms("conversion")
    assert (whole.treated.customers, whole.treated.total, whole.control.total) == (300, 96, 66)
    [one] = found.results
    expected = effect(*whole)
    assert (one.effect, one.explained) == (expected.difference.value, expected.explained)
    assert expected.explained > 0.02
    ranked = qini(strata)
    assert (one.qini, one.qini_lower) == (ranked.coefficient.value, ranked.coefficient.lower)
    # The effect of a decile is the step of the Qini curve at this decile. Unlike the campaign's effect, the curve is
    # not adjusted by the earlier amounts.
    assert [3 * found.deciles[0].gain, found.deciles[0].effect] == pytest.approx([0.1, 0.1])


def test_an_empty_arm_has_no_effect_and_an_infinite_bound_is_stored_as_none():
    [one] = measured([row(True, 9)]).results
    assert (one.treated_mean, one.control_mean, one.effect, one.decision) == (0.009, None, None, "mismatch")
    assert "an arm has no customers" in wording.sentence(one)
    [one] = measured([row(True, 9), row(False, 0)]).results
    assert (one.effect, one.lower, one.upper, one.relative) == (pytest.approx(0.009), None, None, None)
    assert "(-infinity to infinity at one look" in wording.sentence(one)


def test_a_share_that_leaves_an_arm_empty_is_not_checked():
    [one] = measured([row(True, 9, share=0.0)]).results
    assert (one.sizes_p_value, one.decision) == (None, "undecided")


def test_the_return_counts_all_treated_customers_and_is_shown_only_if_the_cost_is_known():
    arms = [row(True, 300, outcome="profit"), row(False, 100, outcome="profit")]
    arms += [row(True, 300), row(False, 100)]
    rows = sorted(arms, key=lambda one: one["outcome"])
    by_outcome = {one.outcome: one for one in measured(rows, cost_per_customer=0.1).results}
    profit = by_outcome["profit"]
    assert profit.return_value == pytest.approx(profit.effect / 0.1 - 1)
    assert by_outcome["conversion"].return_value is None
    assert all(one.return_value is None for one in measured(rows).results)


def test_the_holdout_has_no_campaign_no_deciles_and_no_return():
    arms = [row(is_treated, 90, comparison="holdout", campaign="") for is_treated in (True, False)]
    found = measured(arms, cost_per_customer=0.1)
    [one] = found.results
    assert (one.campaign, one.qini, found.deciles) == (None, None, [])
    assert wording.title(one) == "all campaigns with the holdout of 50 %"


def test_the_sentence_about_a_comparison_has_both_means_and_both_intervals():
    [one] = measured(
        [
            row(True, 200, before=0, before_squares=0, products=0),
            row(False, 100, before=0, before_squares=0, products=0),
        ]
    ).results
    assert wording.sentence(one).startswith(
        "conversion of campaign spring with its control group of 50 %: 20.00 % of 1,000 customers against 10.00 % of "
        "1,000; effect +10.00 points (+6.8"
    )


def test_strata_are_in_the_order_of_falling_probability():
    rows = [row(True, 1, 10, 2), row(False, 1, 20, 2), row(True, 1, 30, 1), row(False, 1, 40, 1)]
    [compared] = results.read(rows)
    assert [one.customers for one in compared.strata["conversion"]] == [70, 30]
    assert isinstance(compared.strata["conversion"][0], Stratum)


def ranked():
    """Return the results of a campaign that affects only customers with high probabilities.

    The size of the holdout is a mismatch.
    """
    rows = [row(True, 95 - 30 * decile, 100, decile) for decile in (1, 2, 3)]
    rows += [row(False, 24 - 5 * decile, 100, decile) for decile in (1, 2, 3)]
    more = [{**one, "outcome": "profit"} for one in rows]
    wrong = [
        row(is_treated, 90, 900 + 200 * is_treated, comparison="holdout", campaign="") for is_treated in (True, False)
    ]
    return measured([*rows, *more, *wrong], cost_per_customer=0.1)


def test_the_report_shows_intervals_and_the_qini_curve_and_names_what_must_not_be_used():
    run = SimpleNamespace(documents=SimpleNamespace(campaigns=ranked()))
    section = campaigns.tell(SimpleNamespace(run=run), {})
    assert [part.kind for part in section.parts] == ["table", "spreads", "table", "spreads", "lines"]
    said = " ".join(section.words)
    assert "Campaign spring with its control group of 50 %: conversion: a gain is shown." in said
    assert "All campaigns with the holdout of 50 %: conversion: do not use the numbers." in said
    assert "others 1,100 (expected 1,000), holdout 900 (expected 1,000)" in said
    assert "Campaign spring has earned +" in said
    curve = section.parts[-1]
    assert [x for x, _ in curve.lines[0].points] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert "The half with the highest probabilities" in curve.words
    assert b"Relative effects: campaign spring" in page.render("t", [section])


def test_the_report_of_a_run_that_measured_nothing_has_no_section_about_campaigns():
    run = SimpleNamespace(documents=SimpleNamespace(campaigns=None))
    assert campaigns.tell(SimpleNamespace(run=run), {}) is None


def test_the_terminal_shows_each_comparison_with_its_decision():
    console = Console(file=io.StringIO(), width=200)
    console.print(report.campaigns(ranked()))
    shown = console.file.getvalue()
    assert "Campaign spring with its control group of 50 %, with the orders up to 2017-05-31" in shown
    assert [word for word in ("gain", "mismatch") if word in shown] == ["gain", "mismatch"]
    assert "Do not use this campaign's effects" in shown
