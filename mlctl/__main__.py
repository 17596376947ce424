"""``python -m mlctl``."""

from mlctl.cli import entry

if __name__ == "__main__":
    entry()
