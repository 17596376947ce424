"""Random data described by MLflow and by mlctl, run by a Python that has both: SEED COUNT. Prints what differs, as JSON."""
# ruff: noqa: E402, BLE001, DTZ001, PLW0603

import datetime as dt
import json
import logging
import random
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import mlflow.data
import numpy as np
import pandas as pd

import mlctl.data
from mlctl.datasets import digest as data_digest

pick = random.Random(int(sys.argv[1]))
np.random.seed(int(sys.argv[1]))
VALUES = [1, 2.5, "x", "é", True, None, float("nan"), b"b", dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), np.int64(3), np.int32(3), 1j]
VALUES += [np.float32(1), np.float64(2), np.str_("q"), np.bool_(True), pd.NA, pd.NaT, pd.Timestamp("2020-01-01"), bytearray(b"x"), object()]
TYPES = ["f8", "f4", "f2", "i8", "i1", "u4", "bool", "c16", "c8", "M8[ns]", "m8[s]", "U5", "S3", "O"]


def value(depth=0):
    chance = pick.random()
    if depth < 3 and chance < 0.15:
        return [value(depth + 1) for _ in range(pick.randrange(4))]
    if depth < 3 and chance < 0.3:
        return {pick.choice("abcd"): value(depth + 1) for _ in range(pick.randrange(4))}
    if depth < 3 and chance < 0.35:
        return np.array([pick.choice([1, 2, 3]) for _ in range(pick.randrange(3))])
    return pick.choice(VALUES)


def alike(model):
    """A value of a shape like another's, with parts missing."""
    if isinstance(model, dict):
        return {key: alike(item) for key, item in model.items() if pick.random() < 0.8}
    if isinstance(model, list):
        return [alike(item) for item in model if pick.random() < 0.8]
    return model if pick.random() < 0.8 else None


def objects(rows, make):
    return pd.Series([make() for _ in range(rows)], dtype=object)


def column(rows):
    model = value()
    return pick.choice(
        [
            lambda: np.random.rand(rows).astype(pick.choice(["f2", "f4", "f8"])),
            lambda: np.arange(rows).astype(pick.choice(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])),
            lambda: [f"s{index}" for index in range(rows)],
            lambda: [pick.choice(["a", None]) for _ in range(rows)],
            lambda: pd.to_datetime(np.arange(rows), utc=pick.random() < 0.5),
            lambda: pd.Categorical([pick.choice("ab") for _ in range(rows)]),
            lambda: pd.array([pick.choice([1, None]) for _ in range(rows)], dtype="Int64"),
            lambda: np.arange(rows) > 2,
            lambda: pd.to_timedelta(np.arange(rows), unit="s"),
            lambda: objects(rows, lambda: pick.choice(VALUES)),
            lambda: objects(rows, lambda: alike(model)),
            lambda: objects(rows, value),
            lambda: pd.array([pick.choice(["a", None]) for _ in range(rows)], dtype="string"),
        ]
    )()


def frame():
    rows = pick.choice([0, 1, 2, 3, 7])
    names = [pick.choice(["a", "b", 1, 2, "é", None]) if pick.random() < 0.2 else f"c{index}" for index in range(pick.randrange(5))]
    columns = [pd.Series(column(rows)) for _ in names]
    found = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(rows))
    found.columns = names
    return found


def array():
    shape = tuple(pick.randrange(4) for _ in range(pick.randrange(4)))
    found = np.asarray(np.random.rand(*shape) * 100).astype(pick.choice(TYPES))
    return np.asfortranarray(found) if pick.random() < 0.3 and found.ndim else found


def arrays():
    return array() if pick.random() < 0.6 else {key: array() for key in pick.sample("abc", pick.randrange(4))}


differing, agreed, refused = [], 0, 0


def compare(what, describe):
    """Note what differs; data that MLflow refuses is not compared."""
    global agreed, refused
    try:
        theirs = describe(mlflow.data)
    except Exception:
        refused += 1
        return
    try:
        ours = describe(mlctl.data)
    except Exception as error:
        ours = repr(error)
    if ours == theirs:
        agreed += 1
    else:
        differing.append([repr(what), theirs, ours])


for _ in range(int(sys.argv[2])):
    data = frame()
    compare(data, lambda module, data=data: module.from_pandas(data, source="x.csv").to_dict())
    features, targets = arrays(), pick.choice([None, array()])
    compare(
        (features, targets), lambda module, a=features, b=targets: module.from_numpy(a, source="s3://b/x", targets=b, name="n").to_dict()
    )
    single = array()
    if single.dtype.kind in "biufcmM":
        compare(
            single,
            lambda module, a=single: (
                pd.util.hash_array(a.flatten()) if module is mlflow.data else data_digest._mixed(a.flatten())
            ).tolist(),
        )

print(json.dumps({"differing": differing[:5], "agreed": agreed, "refused": refused}))
