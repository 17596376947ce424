"""The one gate through which everything unpickled goes. A pickle is a program: whoever wrote it can do what you can do.

The setting ``allow_pickle`` (``MLCTL_ALLOW_PICKLE=false``, or MLflow's ``MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false``) closes it. What loads
models by a library that may unpickle inside (``torch.load``, joblib, …) asks `check` first.
"""

import pickle
from pathlib import Path
from typing import Any, Callable, Optional, Union

from mlctl import settings
from mlctl.errors import InvalidValueError

HINT = "Allow it with MLCTL_ALLOW_PICKLE=true if you trust whoever made the model, or log it in a safe format (docs/models.md)."


class PickleRefusedError(InvalidValueError):
    """A model that cannot be loaded without unpickling, while that is not allowed."""

    code, http_status = "PERMISSION_DENIED", 403


def allowed() -> bool:
    """Whether anything may be unpickled."""
    return settings.flag("allow_pickle")


def check(what: Union[str, Path]) -> None:
    """Pass, or say that this may not be unpickled.

    Raises:
        PickleRefusedError: the gate is closed.
    """
    if not allowed():
        raise PickleRefusedError(
            f"{Path(what).name} holds a pickle, and unpickling is not allowed here ({settings.resolve('allow_pickle').source}).", hint=HINT
        )


def load(path: Union[str, Path], *, cloud: bool = False) -> Any:
    """What a file holds; ``cloud`` says that cloudpickle wrote it.

    Raises:
        InvalidValueError: it cannot be unpickled in this environment.
        PickleRefusedError: the gate is closed.
    """
    check(path)
    if cloud:
        require_cloudpickle("load this model")
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return pickle.load(file)  # noqa: S301 -- the gate
    except ModuleNotFoundError as error:
        hint = f"Install what the model needs: pip install -r {Path(path).parent / 'requirements.txt'}"
        raise InvalidValueError(f"The model needs the module {error.name}, which is not here.", hint=hint) from error
    except (pickle.UnpicklingError, EOFError) as error:
        raise InvalidValueError(f"{Path(path).name} is no pickle that can be read: {error}.") from error


def dump(value: Any, path: Union[str, Path], *, cloud: bool = False, override: Optional[Callable[[Any], Any]] = None) -> None:
    """Pickle a value into a file. ``override`` tells cloudpickle how to pickle some objects otherwise (as ``reducer_override`` does).

    Raises:
        InvalidValueError: it cannot be pickled.
    """
    tool: Any = require_cloudpickle("save this model") if cloud else pickle
    try:
        with open(path, "wb") as file:  # noqa: PTH123
            if override is None:
                tool.dump(value, file, protocol=4 if not cloud else None)
            else:
                _pickler(tool, override)(file).dump(value)
    except Exception as error:  # what a foreign object raises when it is pickled is not known
        raise InvalidValueError(f"The model cannot be pickled: {error}.") from error


def _pickler(cloudpickle: Any, override: Callable[[Any], Any]) -> Any:
    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            found = override(obj)
            return super().reducer_override(obj) if found is NotImplemented else found

    return Pickler


def require_cloudpickle(what: str) -> Any:
    """The module cloudpickle.

    Raises:
        InvalidValueError: it is not installed.
    """
    try:
        import cloudpickle
    except ImportError:
        raise InvalidValueError(f"mlctl needs cloudpickle to {what}.", hint="pip install cloudpickle") from None
    return cloudpickle


def has_cloudpickle() -> bool:
    """Whether cloudpickle is installed."""
    from importlib.util import find_spec

    return find_spec("cloudpickle") is not None
