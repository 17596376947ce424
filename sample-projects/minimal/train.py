"""Fits a line to a few points by gradient descent, with nothing but the standard library."""

import sys

import mlctl

POINTS = [(0.0, 1.1), (1.0, 2.9), (2.0, 5.2), (3.0, 7.1), (4.0, 8.8)]


def main():
    learning_rate, epochs = float(sys.argv[1]), int(sys.argv[2])
    slope = offset = 0.0
    with mlctl.start_run():
        for epoch in range(epochs):
            errors = [slope * x + offset - y for x, y in POINTS]
            loss = sum(error * error for error in errors) / len(POINTS)
            mlctl.log_metric("loss", loss, step=epoch)
            slope -= learning_rate * sum(error * x for error, (x, _) in zip(errors, POINTS)) / len(POINTS)
            offset -= learning_rate * sum(errors) / len(POINTS)
        mlctl.log_metrics({"slope": slope, "offset": offset})
    print(f"y = {slope:.2f} x + {offset:.2f}, loss {loss:.4f}")


if __name__ == "__main__":
    main()
