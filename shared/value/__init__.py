"""Forecast what customers will order and spend, with BG/NBD and Gamma-Gamma: pure numeric code on NumPy and SciPy.

docs/customer-value.md describes the models, what they assume, and figures.
"""
