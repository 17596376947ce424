"""What the flavors of frameworks share: their arguments, which are MLflow's, on their way to a model's folder and back."""

import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from mlctl.errors import InvalidValueError
from mlctl.models import loading, requirements, saving
from mlctl.models.model import FILE, Model, ModelInfo

EXTRA_FILES = "extra_files"


class Saving:
    """What `mlctl.models.Model.log` needs of a flavor: an object that has its ``save_model``."""

    def __init__(self, save_model: Callable[..., None]) -> None:
        self.save_model = save_model


def log(save_model: Callable[..., None], given: Mapping[str, Any]) -> ModelInfo:
    """Log a model with all the arguments that a flavor's ``log_model`` was given; see `mlctl.models.Model.log`."""
    options = {**{name: value for name, value in given.items() if name != "kwargs"}, **given.get("kwargs", {})}
    return Model.log(options.pop("artifact_path", None), Saving(save_model), **options)


def begin(given: Mapping[str, Any]) -> saving.Draft:
    """Open the folder of a model with the arguments that a flavor's ``save_model`` was given."""
    names = ("mlflow_model", "signature", "input_example", "code_paths", "metadata")
    return saving.Draft(given["path"], **{name: given.get(name) for name in names})


def finish(draft: saving.Draft, given: Mapping[str, Any], *, modules: Iterable[str] = (), distributions: Iterable[str] = ()) -> None:
    """Write what the environment of a model is, and the MLmodel file.

    Args:
        draft: the model's folder.
        given: the arguments of ``save_model``.
        modules: names of modules that the model needs; that of its input example is added.
        distributions: names of distributions that it needs.
    """
    example = given.get("input_example")
    data = {type(example).__module__.partition(".")[0]} if example is not None else set()
    names = ("conda_env", "pip_requirements", "extra_pip_requirements")
    draft.finish(requirements.pinned({*modules, *data}, distributions=distributions), **{name: given.get(name) for name in names})


def keep_extra_files(draft: saving.Draft, extra_files: Any) -> Dict[str, Any]:
    """Copy files that a caller wants beside a model; returns what the flavor says of them.

    Raises:
        InvalidValueError: they are no list, or one cannot be read.
    """
    if not extra_files:
        return {}
    if not isinstance(extra_files, (list, tuple)):
        raise InvalidValueError(f"extra_files is {extra_files!r}.", hint="Give a list of paths or addresses of files.")
    from mlctl.files import addresses

    target = draft.folder / EXTRA_FILES
    target.mkdir()
    for item in extra_files:
        name = os.path.basename(os.fspath(item))  # noqa: PTH119
        source = Path(item)
        if source.is_file():
            shutil.copyfile(source, target / name)
        else:
            addresses.download_artifacts(os.fspath(item), dst_path=str(target))
    return {EXTRA_FILES: [{"path": f"{EXTRA_FILES}/{os.path.basename(os.fspath(item))}"} for item in extra_files]}  # noqa: PTH119


def opened(path: str, flavor: str) -> loading.Found:
    """The model whose folder, or whose file in it, is at a path, as `mlctl.pyfunc` opens it."""
    folder = path if os.path.isfile(os.path.join(path, FILE)) else os.path.dirname(path.rstrip("/"))  # noqa: PTH113, PTH118, PTH120
    model = Model.load(folder)
    return loading.Found(folder, model, model.flavors.get(flavor) or {})


def pinned(*distributions: str) -> List[str]:
    """Those of distributions that are installed, each with its version."""
    return requirements.pinned((), distributions=distributions)


def conda_env(lines: List[str]) -> Dict[str, Any]:
    """The conda environment of a model that needs these distributions."""
    import platform

    from mlctl.models import environment_files

    pip = [environment_files.mlflow_line(), *lines]
    python = f"python={platform.python_version()}"
    return {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": [python, "pip", {"pip": pip}]}


def class_of(name: Any, *bases: type) -> Any:
    """The class of a name that an MLmodel file gives, if it is one of some classes or derived from one: no other is called.

    Raises:
        InvalidValueError: it is not, or cannot be imported.
    """
    from importlib import import_module

    module, _, attribute = str(name).rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidValueError(f"The model is of the class {name!r}, which cannot be imported: {error}.") from None
    if not (isinstance(found, type) and issubclass(found, bases)):
        raise InvalidValueError(f"The MLmodel file names {name!r} as the model's class; that is none of {bases[0].__module__}.")
    return found


class Predictor:
    """A model as a Python function: what `mlctl.pyfunc` asks."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def get_raw_model(self) -> Any:
        """The model itself."""
        return self.model

    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """What the model says of data."""
        return self.model.predict(data)


def is_frame(data: Any) -> bool:
    """Whether data is a pandas.DataFrame or alike."""
    return hasattr(data, "iloc") and hasattr(data, "columns")
