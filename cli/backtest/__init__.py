"""`propensity backtest`: learn as of past days, and compare what each model promised with what came."""
