"""`make faults`: run the chain under random faults, and compare their results with an undisturbed run."""
