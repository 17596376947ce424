"""Places where a job runs: one file per kind."""
