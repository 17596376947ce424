"""The models of Keras and Lightning that autologging logs, and that turning it off leaves no trace."""

import json

import pytest

CODE = """
import json, os, warnings
os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
warnings.filterwarnings("ignore")
import mlctl as mlflow
import mlctl.tensorflow
mlflow.autolog(log_input_examples=True)
import keras, numpy as np, pytorch_lightning, torch
from flavor_linear import Linear

x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
y = x[:, :1]
keras.utils.set_random_seed(0)

def network():
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

callbacks = [keras.callbacks.EarlyStopping("loss", patience=1, min_delta=100.0, restore_best_weights=True)]
network().fit(x, y, epochs=4, verbose=0, callbacks=callbacks)
assert len(callbacks) == 1

data = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
trainer, model = pytorch_lightning.Trainer(accelerator="cpu", max_epochs=2, **quiet), Linear()
count = len(trainer.callbacks)
trainer.fit(model, torch.utils.data.DataLoader(data, batch_size=16))
assert len(trainer.callbacks) == count and not model._forward_hooks

mlflow.tensorflow.autolog(log_every_epoch=False, log_every_n_steps=1)
network().fit(x, y, epochs=1, batch_size=16, verbose=0)

mlflow.autolog(disable=True)
assert "fit" not in vars(keras.Model)
assert not hasattr(pytorch_lightning.Trainer.fit, "__wrapped__")

found = []
for model in reversed(mlflow.search_logged_models(output_format="list")):
    loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    run = mlflow.get_run(model.source_run_id)
    found.append({
        "status": str(model.status),
        "flavors": sorted(loaded.metadata.flavors),
        "inputs": loaded.metadata.signature.inputs.to_dict(),
        "shape": list(loaded.predict(x).shape),
        "points": sorted({(metric.key, metric.step) for metric in model.metrics}),
        "patience": run.data.params.get("patience"),
        "optimiser": [name for name in run.data.params if name.startswith(("opt_", "optimizer_"))][:1],
        "library": run.data.tags["mlflow.autologging"],
        "example": bool(loaded.metadata.saved_input_example_info),
    })
print(json.dumps(found))
"""


@pytest.mark.engine("flavors-heavy")
@pytest.mark.timeout(600)
def test_models_and_early_stopping(script):
    keras, lightning, tensorflow = json.loads(script(CODE, engine="MLCTL_FLAVORS_HEAVY").stdout.splitlines()[-1])
    tensor = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 4]}}]
    for found in (keras, lightning, tensorflow):
        assert (found["status"], found["inputs"], found["shape"]) == ("READY", tensor, [32, 1])
    assert keras["flavors"] == ["keras", "python_function"]
    assert keras["points"] == [["loss", 0], ["loss", 1], ["loss", 2], ["restored_epoch", 0], ["stopped_epoch", 0]]
    assert (keras["patience"], keras["example"], keras["library"]) == ("1", True, "keras")
    assert keras["optimiser"][0].startswith("optimizer_")
    assert lightning["flavors"] == ["python_function", "pytorch"]
    assert lightning["points"] == [["loss", 0], ["loss", 1]]
    assert tensorflow["flavors"] == ["python_function", "tensorflow"]
    assert tensorflow["points"] == [["loss", 1], ["loss", 2]]
    assert tensorflow["optimiser"][0].startswith("opt_")
