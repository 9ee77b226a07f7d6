"""Sessions to try it with: a generator and a loader of real exports."""
