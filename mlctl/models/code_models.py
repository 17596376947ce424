"""Models from code: a script that says which object is the model, and the configuration that it reads."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

from mlctl.errors import InvalidValueError
from mlctl.models import pickles, yaml_files

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
    with _as_main_folder(path), _configured(config):
        namespace = {"__name__": f"mlctl_model_{Path(path).stem}", "__file__": str(path), "__builtins__": __builtins__}
        exec(compile(Path(path).read_bytes(), str(path), "exec"), namespace)  # noqa: S102 -- what the gate lets through
    if len(_chosen) == before:
        raise InvalidValueError(f"{Path(path).name} sets no model.", hint="Call mlctl.models.set_model(MODEL) in it.")
    return _chosen.pop()


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
