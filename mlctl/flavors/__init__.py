"""One module a framework: saving, logging and loading its models in MLflow's format."""
