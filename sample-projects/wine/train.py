"""Predicts the alcohol of 178 Italian wines from twelve other measurements, with an elastic net.

The data are scikit-learn's copy of the UCI wine recognition data set. `mlctl` is importable here although python_env.yaml does not
name it: `mlctl run` makes it so.
"""

import argparse
import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import mlctl
from sklearn.datasets import load_wine
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TARGET = "alcohol"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--alpha", default="0.5")
    parser.add_argument("--l1-ratio", default="0.1")
    options = parser.parse_args()
    alpha, l1_ratio = float(options.alpha), float(options.l1_ratio)

    wine = load_wine()
    target = wine.feature_names.index(TARGET)
    names = [name for name in wine.feature_names if name != TARGET]
    features = wine.data[:, [index for index in range(wine.data.shape[1]) if index != target]]
    x_train, x_test, y_train, y_test = train_test_split(features, wine.data[:, target], random_state=42)

    with mlctl.start_run():
        # As typed: `mlctl run` has logged them so, and a parameter cannot change.
        mlctl.log_params({"alpha": options.alpha, "l1_ratio": options.l1_ratio, "target": TARGET, "train_rows": len(x_train)})
        model = make_pipeline(StandardScaler(), ElasticNet(alpha=alpha, l1_ratio=l1_ratio, random_state=42))
        model.fit(x_train, y_train)
        predicted = model.predict(x_test)
        scores = {
            "rmse": math.sqrt(mean_squared_error(y_test, predicted)),
            "mae": mean_absolute_error(y_test, predicted),
            "r2": r2_score(y_test, predicted),
        }
        mlctl.log_metrics(scores)
        print(f"ElasticNet(alpha={alpha:g}, l1_ratio={l1_ratio:g})")
        for name, value in scores.items():
            print(f"  {name:<5} {value:.4f}")
        with TemporaryDirectory() as folder:
            log_coefficients(Path(folder), dict(zip(names, model[-1].coef_)))
            log_plot(Path(folder), y_test, predicted)


def log_coefficients(folder, coefficients):
    file = folder / "coefficients.json"
    file.write_text(json.dumps({name: round(float(value), 6) for name, value in coefficients.items()}, indent=2))
    mlctl.log_artifact(file)


def log_plot(folder, truth, predicted):
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.scatter(truth, predicted, s=18)
    low, high = min(truth), max(truth)
    axes.plot([low, high], [low, high], linewidth=1, color="grey")
    axes.set(xlabel="measured alcohol, % vol", ylabel="predicted alcohol, % vol")
    figure.savefig(folder / "predictions.png", dpi=120)
    mlctl.log_artifact(folder / "predictions.png", "plots")


if __name__ == "__main__":
    main()
