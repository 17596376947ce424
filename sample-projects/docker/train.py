"""Stumps that vote on what an iris is, with nothing but the standard library: it runs in a container."""

import collections
import csv
import json
import os
import random
import sys
from pathlib import Path

import mlctl


def main():
    trees = int(sys.argv[1])
    dice = random.Random(int(os.environ["SEED"]))
    with Path("/data/petals.csv").open(newline="") as file:
        rows = [(float(row["length"]), float(row["width"]), row["kind"]) for row in csv.DictReader(file)]
    with mlctl.start_run():
        stumps = [stump([dice.choice(rows) for _ in rows], dice) for _ in range(trees)]
        for count in range(1, trees + 1):
            right = sum(vote(stumps[:count], row) == row[2] for row in rows)
            mlctl.log_metric("accuracy", right / len(rows), step=count)
        mlctl.log_text(json.dumps(stumps), "model/stumps.json")
    print(Path("/etc/what-this-is").read_text().strip(), f"accuracy {right / len(rows):.2f}")


def stump(rows, dice):
    """One of two features, three bins of equal size, and the most frequent kind in each."""
    feature = dice.randrange(2)
    values = sorted(row[feature] for row in rows)
    cuts = [values[len(values) // 3], values[2 * len(values) // 3]]
    bins = [collections.Counter(row[2] for row in rows if sum(row[feature] > cut for cut in cuts) == each) for each in range(3)]
    everywhere = collections.Counter(row[2] for row in rows)
    return feature, cuts, [(found or everywhere).most_common(1)[0][0] for found in bins]


def vote(stumps, row):
    said = collections.Counter(kinds[sum(row[feature] > cut for cut in cuts)] for feature, cuts, kinds in stumps)
    return said.most_common(1)[0][0]


if __name__ == "__main__":
    main()
