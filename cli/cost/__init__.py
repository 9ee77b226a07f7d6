"""`propensity cost`: estimate the monthly cost of an environment, as estimated usage times dated list prices."""
