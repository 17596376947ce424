"""Environments that a project's command runs in: one file per kind."""
