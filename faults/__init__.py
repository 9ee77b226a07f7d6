"""`make faults`: run the chain under random faults, and compare each run's result with that of an undisturbed run."""
