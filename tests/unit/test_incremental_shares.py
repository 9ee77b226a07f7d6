"""The share of the treated customers' orders that a campaign has caused is computed from the sums of its arms."""

import pytest

from shared.value.valuing import incremental_shares


def arm(campaign, name, customers, mean):
    """Return a row like those of sql/value/arms.sql. In this arm, no customer has more than one order."""
    total = int(customers * mean)
    return {"campaign": campaign, "arm": name, "customers": customers, "total": total, "squares": total}


def test_the_share_is_the_effect_divided_by_the_mean_of_the_treated():
    rows = [arm("spring", "treated", 9000, 0.2), arm("spring", "control", 1000, 0.1)]
    assert incremental_shares(rows) == {"spring": pytest.approx(0.5)}


@pytest.mark.parametrize(
    ("treated", "control"), [(0.101, 0.1), (0.1, 0.2), (0.1, 0.1)], ids=["not shown", "fewer orders", "no difference"]
)
def test_an_effect_that_is_not_shown_to_be_above_0_removes_no_orders(treated, control):
    assert incremental_shares([arm("spring", "treated", 9000, treated), arm("spring", "control", 1000, control)]) == {}


def test_a_campaign_without_a_control_group_or_without_orders_removes_no_orders():
    rows = [arm("all", "treated", 9000, 0.2), arm("none", "treated", 900, 0.0), arm("none", "control", 100, 0.0)]
    assert incremental_shares(rows) == {}


def test_each_campaign_has_its_own_share():
    spring = [arm("spring", "treated", 9000, 0.2), arm("spring", "control", 1000, 0.1)]
    winter = [arm("winter", "treated", 9000, 0.4), arm("winter", "control", 1000, 0.1)]
    assert incremental_shares([*spring, *winter]) == {"spring": pytest.approx(0.5), "winter": pytest.approx(0.75)}
