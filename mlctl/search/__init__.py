"""MLflow's search language and more of it: text to a tree of comparisons. Nothing here knows SQL."""
