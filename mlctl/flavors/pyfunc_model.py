"""Models in Python: classes with ``predict``, and functions.

What is pickled refers to MLflow's names (``mlflow.pyfunc.model.PythonModel``), so that MLflow can load it; where there is no mlflow, those
names mean what is here.
"""

import inspect
import operator
import os
import sys
import types
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional

from mlctl.models import folders, pickles, type_hints
from mlctl.models.model import PYFUNC, Model

_MODULE = "mlflow.pyfunc.model"
_CHECKS = "mlflow.pyfunc.utils.data_validation"


class PythonModelContext:
    """What a model finds at prediction: paths of its artifacts by name, and its configuration."""

    def __init__(self, artifacts: Mapping[str, str], model_config: Optional[Mapping[str, Any]]) -> None:
        self._artifacts = dict(artifacts)
        self._model_config = dict(model_config or {})

    @property
    def artifacts(self) -> Dict[str, str]:
        """Paths on this machine by name."""
        return self._artifacts

    @property
    def model_config(self) -> Dict[str, Any]:
        """What the model was logged or loaded with."""
        return self._model_config


class TypeHints(NamedTuple):
    """What MLflow asks a model about the hints of its method: that they say nothing."""

    input: Any = None
    output: Any = None


class PythonModel:
    """Base of models that are classes: they have ``predict``, and ``load_context`` if there is something to load first."""

    predict_type_hints = TypeHints()

    def load_context(self, context: PythonModelContext) -> None:
        """Load what the model needs, once, after it was unpickled."""

    def predict(self, context: Any, model_input: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """Predictions; ``context`` may be left out of the arguments of a subclass, and so may ``params``."""
        raise NotImplementedError(f"{type(self).__name__} has no method predict.")

    def predict_stream(self, context: Any, model_input: Any, params: Optional[Dict[str, Any]] = None) -> Iterator[Any]:
        """Predictions one by one."""
        raise NotImplementedError(f"{type(self).__name__} has no method predict_stream.")


class FunctionModel(PythonModel):
    """A function as a model."""

    def __init__(self, func: Any) -> None:
        self.func = func
        self.signature = None

    def predict(self, model_input: Any, params: Optional[Dict[str, Any]] = None) -> Any:  # type: ignore[override]  # as MLflow's
        """What the function makes of the data."""
        return (
            self.func(model_input, params=params)
            if params and "params" in inspect.signature(self.func).parameters
            else self.func(model_input)
        )


class ChatModel(PythonModel):
    """The base of MLflow's chat models; see `PythonModel`."""


for _kind in (PythonModelContext, PythonModel, FunctionModel, ChatModel):
    _kind.__module__ = _MODULE
_FunctionPythonModel = FunctionModel
FunctionModel.__name__ = FunctionModel.__qualname__ = "_FunctionPythonModel"


_NAMES = {
    "PythonModel": PythonModel,
    "PythonModelContext": PythonModelContext,
    "ChatModel": ChatModel,
    "_FunctionPythonModel": FunctionModel,
}


def pyfunc(func: Any) -> Any:
    """What MLflow's decorator of this name marks: a function whose data are checked against its type hints, which `Wrapper` does here."""
    return func


pyfunc.__module__ = _CHECKS
_OURS: Dict[str, Dict[str, Any]] = {_MODULE: _NAMES, _CHECKS: {"pyfunc": pyfunc}}


@contextmanager
def written_for_mlflow() -> Iterator[None]:
    """While something is pickled: what is ours here is referred to by MLflow's names, whether or not an mlflow is imported."""
    with _modules():
        before = {name: dict(vars(sys.modules[name])) for name in _OURS}
        for name, names in _OURS.items():
            vars(sys.modules[name]).update(names)
        try:
            yield
        finally:
            for name, names in _OURS.items():
                for key in names:
                    del vars(sys.modules[name])[key]
                vars(sys.modules[name]).update({key: before[name][key] for key in names if key in before[name]})


def dump(model: Any, path: Any) -> None:
    """Pickle a model for MLflow, where data are checked against the type hints of ``predict`` by a decorator, which here is not needed.

    Raises:
        InvalidValueError: it cannot be pickled.
    """
    func = getattr(model, "func", None)
    is_plain = type_hints.of(func or model.predict).input is None or hasattr(func or model.predict, "_is_pyfunc")
    checked = None if is_plain else func or _raw_predict(model)

    def override(value: Any) -> Any:
        return (pyfunc, (_Plain(value),)) if value is checked else _reduced(value)

    with written_for_mlflow():
        pickles.dump(model, path, cloud=True, override=None if checked is None else override)


def _raw_predict(model: Any) -> Any:
    return next((vars(kind)["predict"] for kind in type(model).__mro__ if "predict" in vars(kind)), None)


class _Plain(NamedTuple):
    """A function that is pickled as itself, where another rule would decorate it."""

    func: Any


def _reduced(value: Any) -> Any:
    if not isinstance(value, _Plain):
        return NotImplemented
    func = value.func
    module, name = sys.modules.get(func.__module__), func.__qualname__
    if module is not None and func.__module__ != "__main__" and getattr(module, name, None) is func:
        return getattr, (module, name)
    copied: Any = types.FunctionType(func.__code__, func.__globals__, func.__name__, func.__defaults__, func.__closure__)
    for attribute in ("__kwdefaults__", "__annotations__", "__qualname__", "__module__", "__doc__"):
        setattr(copied, attribute, getattr(func, attribute))
    copied.__dict__.update(func.__dict__)
    return operator.itemgetter(0), ([copied],)


@contextmanager
def read_as_mlflow() -> Iterator[None]:
    """While something is unpickled: where no mlflow is installed, its names mean what is here."""
    from importlib.util import find_spec

    found = find_spec("mlflow")
    beside_us = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120 -- where the stand-in would be
    if found is not None and os.path.dirname(os.path.dirname(found.origin or "")) != beside_us:  # noqa: PTH120
        yield
        return
    with written_for_mlflow():
        yield


@contextmanager
def _modules() -> Iterator[None]:
    """MLflow's module of Python models, made for a while where it is not imported."""
    names = ("mlflow", "mlflow.pyfunc", _MODULE, "mlflow.pyfunc.utils", _CHECKS)
    made = {name: types.ModuleType(name) for name in names if name not in sys.modules}
    for name, module in made.items():
        if name in ("mlflow.pyfunc", _MODULE):
            module.__dict__.update(_NAMES)
        if name in ("mlflow.pyfunc.utils", _CHECKS):
            module.__dict__["pyfunc"] = pyfunc
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            sys.modules.pop(name, None)


class Wrapper:
    """A Python model with its context, as `mlctl.pyfunc` calls it."""

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self.python_model = model
        self.context = context

    def predict(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """Predictions."""
        return self._call("predict", data, params)

    def predict_stream(self, data: Any, params: Optional[Dict[str, Any]] = None) -> Any:
        """Predictions one by one."""
        return self._call("predict_stream", data, params)

    def _call(self, name: str, data: Any, params: Optional[Dict[str, Any]]) -> Any:
        """Call a method with as many of context, data and params as it takes."""
        method = getattr(self.python_model, name)
        hint = type_hints.of(getattr(self.python_model, "func", method)).input
        data = data if hint is None else type_hints.fitted(data, hint)
        accepted = list(inspect.signature(method).parameters)
        given = [self.context, data] if "context" in accepted or len([item for item in accepted if item != "params"]) > 1 else [data]
        takes_params = "params" in accepted or any(
            item.kind is inspect.Parameter.VAR_KEYWORD for item in inspect.signature(method).parameters.values()
        )
        return method(*given, params=params) if takes_params else method(*given)


def wrapped(model: Any, *, artifacts: Mapping[str, str], model_config: Optional[Mapping[str, Any]]) -> Wrapper:
    """A model, or a function, that is ready to predict."""
    if not hasattr(model, "predict"):
        model = FunctionModel(model)
    context = PythonModelContext(artifacts, model_config)
    if hasattr(model, "load_context"):
        model.load_context(context)
    return Wrapper(model, context)


def artifacts_of(folder: str, config: Mapping[str, Any]) -> Dict[str, str]:
    """Paths of a saved model's artifacts by name.

    Raises:
        InvalidValueError: one of them is not in the model's folder.
    """
    found = config.get("artifacts") or {}
    return {name: folders.inside(folder, entry.get("path"), what=f"artifact {name}") for name, entry in found.items()}


def settled_config(saved: Any, given: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """A model's configuration: what was saved, and over it what was given when loading."""
    return {**(saved if isinstance(saved, dict) else {}), **(given or {})}


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> Wrapper:
    """The model in a folder, unpickled."""
    config = Model.load(path).flavors[PYFUNC]
    file = folders.inside(path, config.get("python_model"), what="Python model")
    with read_as_mlflow():
        model = pickles.load(file, cloud=True)
    return wrapped(model, artifacts=artifacts_of(path, config), model_config=settled_config(config.get("config"), model_config))
