"""Forecast what customers will order and spend: numeric code on NumPy and SciPy, and `valuing`, which uses it in a run.

docs/customer-value.md describes the models, what they assume, and figures.
"""
