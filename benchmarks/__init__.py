"""`make bench`: benchmarks. Each compares its measurement with a reference value, the floor.

The floor is usually measured in the same run.
"""
