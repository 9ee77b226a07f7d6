"""The page of `propensity up`: runs and their steps, health, alerts, log, dead letters and reports, in a browser."""
