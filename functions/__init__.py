"""The deployed functions, one per file; functions.yaml declares their topics, resources and rights."""
