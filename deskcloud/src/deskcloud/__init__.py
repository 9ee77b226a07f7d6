"""Google Cloud's data services, as a local cloud on one machine."""
