"""The files of runs: where they are, and how they are written, copied and read."""
