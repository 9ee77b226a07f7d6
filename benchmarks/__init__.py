"""`make bench`: benchmarks that compare each measurement with a floor, usually one measured in the same run."""
