"""`propensity backtest`: train as of past days, and compare each model's promises with the later outcomes."""
