"""The tracking store: entities, the search language, and the stores that hold them. Standard library only."""
