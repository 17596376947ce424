"""The store of a tracking server, over MLflow's REST API. Standard library only."""
