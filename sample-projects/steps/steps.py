"""A nearest-neighbour classifier in three steps: make the data, choose the model, measure it. Standard library only."""

import argparse
import json
import math
import random
from pathlib import Path

import mlctl


def prepare(options):
    source = random.Random(options.seed)
    rows = [[source.uniform(-1, 1), source.uniform(-1, 1)] for _ in range(options.rows)]
    labelled = [[x, y, int(math.hypot(x, y) < 0.7)] for x, y in rows]
    cut = len(labelled) * 3 // 4
    write(options, "data.json", {"train": labelled[:cut], "test": labelled[cut:]})
    mlctl.log_metrics({"train_rows": cut, "test_rows": len(labelled) - cut})


def train(options):
    data = read(options, "data.json")
    write(options, "model.json", {"neighbours": options.neighbours, "points": data["train"]})
    mlctl.log_param("neighbours", options.neighbours)
    mlctl.log_artifact(Path(options.folder) / "model.json")


def evaluate(options):
    model, test = read(options, "model.json"), read(options, "data.json")["test"]
    right = sum(predict(model, x, y) == label for x, y, label in test)
    mlctl.log_metric("accuracy", right / len(test))
    print(f"accuracy {right / len(test):.3f} on {len(test)} rows")


def predict(model, x, y):
    nearest = sorted(model["points"], key=lambda point: math.hypot(point[0] - x, point[1] - y))[: model["neighbours"]]
    return int(2 * sum(label for _, _, label in nearest) > len(nearest))


def read(options, name):
    return json.loads((Path(options.folder) / name).read_text())


def write(options, name, content):
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["prepare", "train", "evaluate"])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--neighbours", type=int, default=5)
    parser.add_argument("--folder", default="data")
    options = parser.parse_args()
    with mlctl.start_run():
        {"prepare": prepare, "train": train, "evaluate": evaluate}[options.step](options)


if __name__ == "__main__":
    main()
