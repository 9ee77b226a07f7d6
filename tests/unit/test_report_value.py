"""The report's section about the customers' value."""

from datetime import date
from types import SimpleNamespace

from msgspec import structs

from shared.chain.documents import Valued
from shared.report import page
from shared.report.sections import value

VALUED = Valued(
    day=date(2017, 8, 1),
    horizon_days=90,
    method="bgnbd",
    reason="bgnbd is chosen (error 1.2), because no less simple method is shown to be better: boosted_trees",
    lacking={"linear": "fewer than 50 customers <have> ordered"},
    incremental_shares={"spring": 0.125},
    independence="order values do not depend on the number of orders: correlation 0.02",
    customers=1234,
    expected_orders=345.6,
    expected_revenue=7890.1,
)


def of(found):
    return SimpleNamespace(run=SimpleNamespace(documents=SimpleNamespace(value=found)))


def test_the_section_says_what_is_expected_which_method_was_chosen_and_what_a_campaign_has_caused():
    section = value.tell(of(VALUED), {})
    said = " ".join(section.words)
    assert (
        "1,234 customers are expected to bring 346 orders and 7,890 in revenue in the 90 days after 2017-08-01." in said
    )
    assert "Bgnbd is chosen (error 1.2), because no less simple method" in said
    assert [table.rows for table in section.parts] == [
        [("spring", "12.5%")],
        [("linear", "fewer than 50 customers <have> ordered")],
    ]
    assert b"&lt;have&gt;" in page.render("t", [section])


def test_without_campaigns_and_with_all_methods_fitted_there_is_no_table():
    plain = structs.replace(VALUED, lacking={}, incremental_shares={})
    section = value.tell(of(plain), {})
    assert section.parts == []
    assert not any("campaign" in sentence for sentence in section.words)


def test_a_run_that_valued_nobody_has_no_section():
    assert value.tell(of(None), {}) is None
