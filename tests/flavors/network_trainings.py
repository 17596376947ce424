"""Trains the same networks under autologging of MODULE (mlflow or mlctl) and writes what their runs hold: MODULE ADDRESS FILE."""

import importlib
import json
import logging
import os
import sys
import warnings
from pathlib import Path

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
warnings.filterwarnings("ignore")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytorch_lightning  # noqa: E402
import torch  # noqa: E402

MODULE, ADDRESS, TARGET = sys.argv[1:]
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
mlflow = importlib.import_module(MODULE)
importlib.import_module(f"{MODULE}.keras").autolog(log_models=False)
importlib.import_module(f"{MODULE}.pytorch").autolog(log_models=False, checkpoint=False)
mlflow.set_tracking_uri(ADDRESS)

client = mlflow.MlflowClient()
numbers = np.random.default_rng(0)
points = numbers.normal(size=(64, 4)).astype("float32")
levels = (points @ np.array([[1.0], [2.0], [0.0], [-1.0]], dtype="float32")).astype("float32")
found = {}


def facts(run):
    """What a run holds, in comparable form."""
    return {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": {key: history(run, key) for key in run.data.metrics},
        "tags": {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.") or key == "mlflow.autologging"},
        "files": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
        "inputs": sorted((item.dataset.digest, [tag.value for tag in item.tags]) for item in run.inputs.dataset_inputs),
    }


def history(run, key):
    return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, key))


def training(function):
    """Do a training now, and note what the runs that it made hold."""
    before = {run.info.run_id for run in mlflow.search_runs(output_format="list")}
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    function()
    runs = [run for run in mlflow.search_runs(output_format="list") if run.info.run_id not in before]
    found[function.__name__] = [facts(run) for run in sorted(runs, key=lambda run: run.info.start_time)]


def network():
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    return model


@training
def keras_fit():
    network().fit(points, levels, epochs=3, batch_size=16, verbose=0, callbacks=[])


@training
def keras_validation():
    network().fit(points, levels, epochs=2, batch_size=32, verbose=0, validation_data=(points[:8], levels[:8]), callbacks=[])


class Linear(pytorch_lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.layer(x)

    def training_step(self, batch, index):
        loss = torch.nn.functional.mse_loss(self(batch[0]), batch[1])
        self.log("loss", loss, on_epoch=True, on_step=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", torch.nn.functional.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def loader():
    data = torch.utils.data.TensorDataset(torch.from_numpy(points), torch.from_numpy(levels))
    return torch.utils.data.DataLoader(data, batch_size=16)


def trainer(**options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": True}
    return pytorch_lightning.Trainer(accelerator="cpu", default_root_dir="lightning", **quiet, **options)


@training
def lightning_fit():
    trainer(max_epochs=3).fit(Linear(), loader())


@training
def lightning_early():
    stop = pytorch_lightning.callbacks.EarlyStopping("val_loss", patience=2, min_delta=10.0)
    trainer(max_epochs=9, callbacks=[stop]).fit(Linear(), loader(), loader())


Path(TARGET).write_text(json.dumps(found))
