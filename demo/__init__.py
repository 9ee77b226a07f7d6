"""Sessions for demonstrations: a generator, and a loader of real exports."""
