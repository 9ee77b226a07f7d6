"""`make bench`: benchmarks that compare each measurement with a floor, usually measured in the same run."""
