"""Which fields of a CRM row are read, and which rows are refused and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.customers.crm import check

ROW = {
    "customer_id": "c1",
    "email": " Anna.O@Example.COM ",
    "phone": "06 12 34 56 78",
    "first_name": "Anna",
    "last_name": "O'Neil",
    "country": "fr",
    "postal_code": "75001",
    "language": "fr",
}


def test_the_fields_of_a_row_are_normalized():
    customer, refusals = check(ROW, 1)
    assert refusals == []
    assert customer == ("c1", "anna.o@example.com", "+33612345678", "Anna", "O'Neil", "FR", "75001", "fr")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "anna@"),
        ("email", "anna example.com"),
        ("phone", "12"),
        ("phone", "call me"),
        ("country", "France"),
        ("postal_code", "750 01; drop"),
        ("language", "French"),
        ("first_name", "x" * 101),
    ],
)
def test_a_wrong_value_is_left_out_and_the_customer_stays(field, value):
    customer, refusals = check(ROW | {field: value}, 1)
    assert getattr(customer, field) == ""
    assert refusals[0].field == field
    assert not refusals[0].is_row
    assert value not in refusals[0].rule


@pytest.mark.parametrize(
    ("customer_id", "copies"), [("", 1), (None, 1), ("  ", 1), ("x" * 257, 1), ("a\nb", 1), ("c1", 2)]
)
def test_a_row_without_a_usable_id_is_refused(customer_id, copies):
    customer, [refusal] = check(ROW | {"customer_id": customer_id}, copies)
    assert customer is None
    assert (refusal.field, refusal.is_row) == ("customer_id", True)


def test_a_number_without_a_country_must_be_international():
    assert check(ROW | {"country": None}, 1)[0].phone == ""
    assert check(ROW | {"country": None, "phone": "+33 6 12 34 56 78"}, 1)[0].phone == "+33612345678"


@given(st.fixed_dictionaries({name: st.none() | st.text(max_size=300) for name in ROW}))
def test_any_text_in_a_row_is_accepted_or_refused(row):
    customer, refusals = check(row, 1)
    assert (customer is None) == any(one.is_row for one in refusals)
    if customer:
        assert check(customer._asdict(), 1) == (customer, [])
