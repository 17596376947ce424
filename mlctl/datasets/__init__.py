"""Data that runs used, described as MLflow describes it."""
