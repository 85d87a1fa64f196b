"""The example application: what a small production FastAPI service looks like."""
