"""Estimate the effect of a campaign from sums over the customers of each arm."""
