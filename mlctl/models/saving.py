"""What all flavors share when they save a model: folder, code, signature, input example, environment files, and the MLmodel file.

A flavor's ``save_model`` opens a `Draft`, writes its own files into ``draft.folder``, adds what it needs to load them to ``draft.model``,
and calls ``draft.finish``. The MLmodel file comes last: a folder without it is no model.
"""

import logging
import os
import platform
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from mlctl.errors import ExistsError, InvalidValueError, SchemaError
from mlctl.models import environment_files, folders, type_hints
from mlctl.models.model import FILE, PYFUNC, Model
from mlctl.models.schema import ColSpec, Schema
from mlctl.models.signature import ModelSignature, signature_of_hints
from mlctl.models.types import AnyType, is_array

_logger = logging.getLogger(__name__)

CODE = "code"
Predict = Callable[[Any, Optional[Dict[str, Any]]], Any]


class Draft:
    """A model's folder while it is made.

    ``signature`` may be False: then none is inferred from the input example.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: a file or folder of ``code_paths`` is not there.
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        mlflow_model: Optional[Model] = None,
        signature: Any = None,
        input_example: Any = None,
        code_paths: Optional[Sequence[str]] = None,
        metadata: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.folder = Path(path)
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise ExistsError(f"There is something at {self.folder} already.", hint="Save the model to a new path.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model = Model() if mlflow_model is None else mlflow_model
        self._signature, self._example = signature, input_example
        self.code = self._copy_code(code_paths)
        if metadata is not None:
            self.model.metadata = metadata

    def _copy_code(self, code_paths: Optional[Sequence[str]]) -> Optional[str]:
        if not code_paths:
            return None
        if isinstance(code_paths, (str, os.PathLike)):
            raise InvalidValueError(f"code_paths is {code_paths!r}; it must be a list of files and folders.")
        for given in code_paths:
            source = Path(given)
            if not source.exists():
                raise InvalidValueError(f"code_paths names {str(given)!r}, which is not there.")
            target = self.folder / CODE / source.resolve().name
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".git", "mlruns"), dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)
        return CODE

    def add_pyfunc(self, loader_module: str, **config: Any) -> None:
        """Say how the model is loaded as a Python function; ``config`` are the flavor's own entries."""
        own = {"loader_module": loader_module, "python_version": platform.python_version(), "env": dict(environment_files.ENV)}
        self.model.add_flavor(PYFUNC, **{**own, **({"code": self.code} if self.code else {}), **config})

    def take_hints(self, method: Callable[..., Any], predict: Predict) -> None:
        """Take the signature from the type hints of ``predict``, if none was given and they say what it takes.

        What the model predicts for its example must be what the hints say, too, or the outputs are said to be anything.

        Raises:
            SchemaError: they name a type that there is none for in schemas.
        """
        from mlctl.models import examples

        if self._signature is not None:
            return
        data, params = examples.split_params(self._example)
        found = signature_of_hints(method, params)
        if found is not None:
            if self._example is not None and not _keeps_hint(predict, data, params, type_hints.of(method).output):
                found.outputs = Schema([ColSpec(AnyType())])
            self.model.signature = found

    def describe(self, predict: Optional[Predict]) -> None:
        """Keep the input example, and take the signature from it and what ``predict`` makes of it, if none was given."""
        from mlctl.models import examples

        if isinstance(self._signature, ModelSignature):
            self.model.signature = self._signature
        elif self._signature not in (None, False):
            raise InvalidValueError(
                f"The signature is a {type(self._signature).__name__}.", hint="mlctl.models.infer_signature() makes one."
            )
        if self._example is None:
            return
        self.model.saved_input_example_info = examples.save_example(self.folder, self._example)
        if self._signature is None and self.model.signature is None and predict is not None:
            self.model.signature = _signature(self._example, predict)

    def finish(
        self,
        found: List[str],
        *,
        conda_env: environment_files.Conda = None,
        pip_requirements: Any = None,
        extra_pip_requirements: Any = None,
    ) -> List[str]:
        """Write the environment's files and the MLmodel file; returns the requirement lines. ``found`` are those that were found out."""
        lines = environment_files.write(
            self.folder, found, conda_env=conda_env, pip_requirements=pip_requirements, extra_pip_requirements=extra_pip_requirements
        )
        self.model.model_size_bytes = folders.size_bytes(self.folder)
        self.model.save(self.folder / FILE)
        return lines


def _signature(example: Any, predict: Predict) -> Optional[ModelSignature]:
    """The signature that an example and the predictions for it give; none, and a warning, where the model does not predict for it."""
    from mlctl.models import enforcement, examples
    from mlctl.models.inference import infer_param_schema, infer_schema

    try:
        data, params = examples.split_params(deepcopy(example))
        found = ModelSignature(infer_schema(data), None, infer_param_schema(params) if params else None)
        found.outputs = infer_schema(_column(predict(*enforcement.prediction_input(data, params, found)), found))
    except Exception as error:  # noqa: BLE001 -- what a foreign model raises is not known, and what was trained is not lost for it
        _logger.warning("The model does not predict for its input example, and is kept without a signature: %r", error)
        return None
    return found


def _keeps_hint(predict: Predict, data: Any, params: Any, hint: Any) -> bool:
    """Whether what the model predicts for its example is what its hint says; also where it does not predict, of which a warning tells."""
    try:
        predictions = predict(data, params)
    except Exception as error:  # noqa: BLE001 -- what a foreign model raises is not known
        _logger.warning("The model does not predict for its input example: %r", error)
        return True
    try:
        return hint is None or type_hints.fitted(predictions, hint) is not None
    except SchemaError:
        return False


def _column(predictions: Any, signature: ModelSignature) -> Any:
    """Predictions for a table that are an array of one dimension are a column, as MLflow has it."""
    if not is_array(predictions) or predictions.ndim != 1 or signature.inputs is None or signature.inputs.is_tensor_spec():
        return predictions
    import pandas as pd

    return pd.Series(predictions)
