"""The REST server that MLflow clients talk to."""
