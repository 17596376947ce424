"""Models from code: a script that says which object is the model, and the configuration that it reads."""

import os
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Union

from mlctl.errors import InvalidValueError, MlctlError
from mlctl.models import pickles, requirements, yaml_files

_chosen: List[Any] = []
_configs: List[Any] = []


def set_model(model: Any) -> None:
    """Say, in the script of a model from code, which object is the model: one with ``predict``, or a function."""
    if not callable(model) and not hasattr(model, "predict"):
        raise InvalidValueError(f"A model is a function or has `predict`, not {type(model).__name__}.")
    _chosen.append(model)


class ModelConfig:
    """The configuration of a model from code: what it was logged or loaded with, else ``development_config`` (a mapping or a YAML file)."""

    def __init__(self, *, development_config: Union[str, "os.PathLike[str]", Mapping[str, Any], None] = None) -> None:
        given = _configs[-1] if _configs and _configs[-1] is not None else development_config
        if given is None:
            raise InvalidValueError(
                "The model has no configuration.", hint="Give model_config=… when logging it, or development_config=… here."
            )
        self._values: Dict[str, Any] = dict(given) if isinstance(given, Mapping) else yaml_files.read(os.fspath(given))

    def to_dict(self) -> Dict[str, Any]:
        """All of it."""
        return dict(self._values)

    def get(self, key: str) -> Any:
        """One value.

        Raises:
            InvalidValueError: there is none of this key.
        """
        if key not in self._values:
            raise InvalidValueError(f"The model's configuration has no {key!r}; it has: {', '.join(sorted(self._values)) or 'nothing'}.")
        return self._values[key]


def load(path: Union[str, Path], config: Optional[Any] = None) -> Any:
    """Run a script and return the object that it has set as the model.

    Raises:
        InvalidValueError: it sets none.
        PickleRefusedError: what a model brings may not run.
    """
    pickles.check(path)
    before = len(_chosen)
    with _as_main_folder(path), _configured(config), _of_mlflow(path, config) as theirs:
        namespace = {"__name__": f"mlctl_model_{Path(path).stem}", "__file__": str(path), "__builtins__": __builtins__}
        _run(path, namespace)
        found = [*_chosen[before:], *theirs()]
        del _chosen[before:]
    if not found:
        raise InvalidValueError(f"{Path(path).name} sets no model.", hint="Call mlctl.models.set_model(MODEL) in it.")
    return found[-1]


def _run(path: Union[str, Path], namespace: Dict[str, Any]) -> None:
    name = Path(path).name
    try:
        exec(compile(Path(path).read_bytes(), str(path), "exec"), namespace)  # noqa: S102 -- what the gate lets through
    except ModuleNotFoundError as error:
        raise InvalidValueError(f"{name} needs the module {error.name}, which is not here.", hint=f"pip install {error.name}") from error
    except MlctlError:
        raise
    except Exception as error:  # the script is the user's: it raises what it likes
        raise InvalidValueError(f"{name}, the model's script, fails: {error!r}.") from error


@contextmanager
def _of_mlflow(path: Union[str, Path], config: Any) -> Iterator[Callable[[], List[Any]]]:
    """While a script that uses a real mlflow is run: mlflow has the configuration, and says afterwards which model was set."""
    if b"mlflow" not in Path(path).read_bytes() or not _is_mlflow_installed():
        yield list
        return
    held, configs = import_module("mlflow.models.model"), import_module("mlflow.models.model_config")
    before = vars(held).get("__mlflow_model__"), vars(configs).get("__mlflow_model_config__")
    held.__dict__["__mlflow_model__"], configs.__dict__["__mlflow_model_config__"] = None, config
    try:
        yield lambda: [model for model in [vars(held)["__mlflow_model__"]] if model is not None]
    finally:
        held.__dict__["__mlflow_model__"], configs.__dict__["__mlflow_model_config__"] = before


def _is_mlflow_installed() -> bool:
    """Whether there is a real mlflow: one that is a distribution, which the stand-in is not."""
    from importlib.util import find_spec

    return "mlflow.models.model" in sys.modules or (find_spec("mlflow") is not None and requirements.version_of("mlflow") is not None)


@contextmanager
def _configured(config: Any) -> Iterator[None]:
    _configs.append(config)
    try:
        yield
    finally:
        _configs.pop()


@contextmanager
def _as_main_folder(path: Union[str, Path]) -> Iterator[None]:
    folder = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
