"""Google Cloud's data services on one machine."""
