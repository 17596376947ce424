"""Counts the words of a text with a package from conda-forge."""

import os
import re
import sys
from pathlib import Path

import toolz

import mlctl


def main():
    path, most = sys.argv[1], int(sys.argv[2])
    ignored = set(os.environ["WORDS_IGNORED"].split(","))
    text = Path(path).read_text(encoding="utf-8")
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in ignored]
    counts = toolz.frequencies(words)
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    with mlctl.start_run():
        mlctl.log_metric("words", len(words))
        mlctl.log_metrics({f"count.{word}": count for word, count in common})
    print(", ".join(f"{word}: {count}" for word, count in common))


if __name__ == "__main__":
    main()
