"""`propensity backtest`: train models on the data of past days, and compare their promises with later outcomes."""
