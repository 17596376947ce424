"""What a run that mlctl has run leaves beside its metrics: facts, a note, a log and artifacts. For pictures of its page."""

import tempfile
from pathlib import Path

from mlctl.tracking.entities import RunTag

NOTE = """## Wider at the end

Twice the filters in the **last block**, everything else as in [the baseline](https://example.org/baseline).

- learning rate from the sweep
- `batch` stays at 64

| width | accuracy |
|---|---|
| 32 | 0.961 |
| 64 | 0.968 |
"""
TAGS = {
    "mlflow.note.content": NOTE,
    "mlctl.command": "python train.py --lr 0.0021 --optimizer adamw --depth 5",
    "mlctl.cwd": "/home/ada/digits",
    "mlctl.host": "tern",
    "mlctl.python": "3.12.4",
    "mlctl.git.dirty": "true",
    "mlflow.project.env": "virtualenv",
    "mlflow.source.git.commit": "9f2c1e7b0a4d5c6e8f7a1b2c3d4e5f6a7b8c9d0e",
    "team": "vision",
}
LOG = "\x1b[1mepoch {epoch:>3}\x1b[0m  loss \x1b[33m{loss:.4f}\x1b[0m  accuracy \x1b[32m{accuracy:.4f}\x1b[0m"
ROWS = "digit,precision,recall,count\n" + "".join(
    f"{digit},{0.94 + digit / 200:.3f},{0.97 - digit / 300:.3f},{980 + digit * 7}\n" for digit in range(10)
)
MODEL = """flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.12.4
  sklearn:
    pickled_model: model.pkl
    sklearn_version: 1.7.2
model_id: m-3f9b2c
signature:
  inputs: '[{"type": "double", "name": "width", "required": true}, {"type": "double",
    "name": "height", "required": true}, {"type": "string", "name": "writer", "required": false}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
"""
DIFF = """diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -12,3 +12,3 @@
 def net(depth):
-    width = 32
+    width = 64
"""


def dress(store, run_id):
    """Give a run what its page shows."""
    store.log_batch(run_id, tags=[RunTag(key, value) for key, value in TAGS.items()])
    lines = ["\x1b[36mmlctl\x1b[0m: environment found, made 3 days ago", "reading 60000 pictures"]
    lines += [LOG.format(epoch=epoch, loss=2.2 * 0.93**epoch, accuracy=0.97 - 0.85 * 0.93**epoch) for epoch in range(60)]
    files = {
        "mlctl/output.log": "\n".join(lines) + "\n\x1b[33mWarning:\x1b[0m 3 pictures are empty\n",
        "mlctl/source.diff": DIFF,
        "mlctl/packages.txt": "numpy==2.3.1\nscikit-learn==1.7.2\n",
        "model/MLmodel": MODEL,
        "by-digit.csv": ROWS,
        "settings.json": '{"depth": 5, "optimizer": "adamw"}',
    }
    artifacts = store.artifacts(store.get_run(run_id).info)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            source = Path(folder, name.rpartition("/")[2])
            source.write_text(text, encoding="utf-8")
            artifacts.put_file(str(source), name.rpartition("/")[0])
