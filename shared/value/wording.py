"""Sentences about a valuation, for the command line and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.chain.documents import Valued


def expected(found: Valued) -> str:
    """Return the expected orders, the expected revenue and the horizon of a valuation as text."""
    orders, revenue = f"{found.expected_orders:,.0f} orders", f"{found.expected_revenue:,.0f} in revenue"
    return f"{orders} and {revenue} in the {found.horizon_days} days after {found.day}"
