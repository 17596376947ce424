"""Fits a polynomial to noisy points of a sine, and logs how well it does on points that it has not seen."""

import argparse

import mlctl
import numpy

parser = argparse.ArgumentParser()
parser.add_argument("--degree", type=int, default=3)
parser.add_argument("--points", type=int, default=200)
args = parser.parse_args()

random = numpy.random.default_rng(7)
x = random.uniform(-3, 3, args.points)
y = numpy.sin(x) + random.normal(0, 0.1, args.points)
seen, unseen = slice(None, args.points // 2), slice(args.points // 2, None)

with mlctl.start_run():
    fitted = numpy.polynomial.Polynomial.fit(x[seen], y[seen], args.degree)
    rmse = float(numpy.sqrt(numpy.mean((fitted(x[unseen]) - y[unseen]) ** 2)))
    mlctl.log_metric("rmse", rmse)
    mlctl.log_dict({"numpy": numpy.__version__, "coefficients": fitted.convert().coef.tolist()}, "polynomial.json")
    print(f"degree {args.degree}: rmse {rmse:.3f}")
