"""What is asked of a store that `make_store` made: filter, order, and at most how many runs."""

import time

BOTH = {
    "newest 100": ("", [], 100),
    "best 20 by metric": ("", ["metrics.rmse ASC"], 20),
    "best 20, rare param (1 %)": ("params.fold = '7'", ["metrics.rmse ASC"], 20),
    "best 20, common param (25 %)": ("params.optimizer = 'adam'", ["metrics.rmse ASC"], 20),
    "best 20, two params": ("params.optimizer = 'adam' AND params.fold = '8'", ["metrics.rmse DESC"], 20),
    "newest 20, common param": ("params.optimizer = 'adam'", [], 20),
    "newest 20, good metric (2 %)": ("metrics.rmse < 0.6", [], 20),
    "newest 20, param that nobody has": ("params.fold = 'none'", [], 20),
    "newest 20, LIKE that nobody matches": ("params.optimizer LIKE 'x%'", [], 20),
    "best 20 by param": ("", ["params.param_1 ASC"], 20),
    "page of 1000": ("", [], 1000),
}
"""Understood by MLflow, too."""

OURS = {
    "best 20, one of two rare params": ("params.fold = '7' OR params.fold = '8'", ["metrics.rmse"], 20),
    "best 20, common or rare param": ("params.optimizer = 'adam' OR params.fold = '8'", ["metrics.rmse"], 20),
    "best 20, not a common param": ("NOT params.optimizer = 'adam'", ["metrics.rmse"], 20),
    "best 20, param above a number (50 %)": ("params.param_1 > 0.5", ["metrics.rmse"], 20),
    "best 20, param above a number (0.1 %)": ("params.param_1 > 0.999", ["metrics.rmse"], 20),
    "newest 20, param above all numbers": ("params.param_1 > 2", [], 20),
    "newest 20, RLIKE that nobody matches": ("params.optimizer RLIKE 'x$'", [], 20),
    "newest 20, RLIKE on names, nobody": ("run_name RLIKE 'zzz'", [], 20),
    "newest 20, min of a metric (1 %)": ("metrics.rmse.min < 0.5", [], 20),
    "newest 20, min of a metric, nobody": ("metrics.rmse.min < -5", [], 20),
    "best 20 by min of a metric": ("", ["metrics.rmse.min"], 20),
    "best 20 of one hour": ("start_time BETWEEN '2023-11-14T23:00Z' AND '2023-11-15T00:00Z'", ["metrics.rmse"], 20),
    "newest 20, duration, nobody": ("duration > 1s", [], 20),
}

COUNTS = {
    "count": "",
    "count, rare param (1 %)": "params.fold = '7'",
    "count, common param (25 %)": "params.optimizer = 'adam'",
    "count, half of a metric": "metrics.rmse < 1",
}


def times_ms(question, times=7):
    """The first, and the shortest of several times."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        question()
        found.append((time.perf_counter() - begin) * 1000)
    return found[0], min(found)
