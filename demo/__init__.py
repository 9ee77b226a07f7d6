"""The sessions of a demonstration: a generator of sessions and of a CRM, and a loader of real exports."""
