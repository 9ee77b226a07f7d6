"""Forecast customers' orders and revenue: numeric code on NumPy and SciPy, and `valuing`, which uses it in a run.

docs/customer-value.md describes the models, their assumptions, and measured numbers.
"""
