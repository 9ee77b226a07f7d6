"""What an environment costs a month at list prices: volumes times prices, both written down."""
