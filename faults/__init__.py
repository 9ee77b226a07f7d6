"""`make faults`: run the chain under random faults, and compare the results with those of an undisturbed run."""
