"""Cross-validates a constant predictor on a small series: a run with a child run per fold, metrics with steps, and artifacts."""

import argparse
import statistics
from pathlib import Path

import mlflow

SERIES = [112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, default=3)
    folds = parser.parse_args().folds
    with mlflow.start_run():
        errors = [run_fold(fold, folds) for fold in range(folds)]
        mlflow.log_metric("mean_error", statistics.mean(errors))
        for step, error in enumerate(errors):
            mlflow.log_metric("fold_error", error, step=step)
        mlflow.set_tag("model", "constant")
        mlflow.log_text("\n".join(f"{error:.4f}" for error in errors), "report/errors.txt")
        mlflow.log_dict({"series": SERIES, "folds": folds}, "data.json")
    best = mlflow.search_runs(
        search_all_experiments=True, filter_string="metrics.error > 0", order_by=["metrics.error"], output_format="list"
    )[0]
    print(f"mean error {statistics.mean(errors):.3f}, best fold {best.data.params['fold']}")


def run_fold(fold, folds):
    held_out = SERIES[fold::folds]
    rest = [value for index, value in enumerate(SERIES) if index % folds != fold]
    error = statistics.mean(abs(value - statistics.mean(rest)) for value in held_out)
    with mlflow.start_run(nested=True, run_name=f"fold-{fold}"):
        mlflow.log_param("fold", fold)
        mlflow.log_metric("error", error)
        Path("held_out.txt").write_text("\n".join(map(str, held_out)))
        mlflow.log_artifact("held_out.txt")
    return error


if __name__ == "__main__":
    main()
