"""Runs of the chain under random faults, each compared with an undisturbed run: `make faults`."""
