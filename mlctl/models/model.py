"""`Model`: what an ``MLmodel`` file says, in MLflow's format (3.17), and `ModelInfo`, what logging a model returns."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.models import folders, yaml_files
from mlctl.models.signature import ModelSignature

FILE = "MLmodel"
FORMAT_VERSION = "3.17.2"
"""The release of MLflow whose format is written."""

PYFUNC = "python_function"


class ModelInfo(NamedTuple):
    """A logged model: where it is, and what its MLmodel file says."""

    artifact_path: Optional[str]
    flavors: Dict[str, Any]
    model_uri: str
    model_uuid: Optional[str]
    run_id: Optional[str]
    saved_input_example_info: Optional[Dict[str, Any]]
    signature: Optional[ModelSignature]
    utc_time_created: str
    mlflow_version: str
    metadata: Optional[Dict[str, Any]] = None
    registered_model_version: Optional[str] = None
    env_vars: Optional[List[str]] = None
    prompts: Optional[List[str]] = None
    model_id: Optional[str] = None
    name: Optional[str] = None
    creation_timestamp: Optional[int] = None
    params: Optional[Dict[str, str]] = None
    tags: Optional[Dict[str, str]] = None
    metrics: Optional[List[Any]] = None

    @property
    def signature_dict(self) -> Optional[Dict[str, Any]]:
        """The signature as MLmodel files have it."""
        return self.signature.to_dict() if self.signature else None


class Model:
    """What an MLmodel file says. Flavors map names to what each needs to load the model."""

    def __init__(
        self,
        artifact_path: Optional[str] = None,
        run_id: Optional[str] = None,
        utc_time_created: Optional[str] = None,
        flavors: Optional[Dict[str, Any]] = None,
        signature: Optional[ModelSignature] = None,
        saved_input_example_info: Optional[Dict[str, Any]] = None,
        model_uuid: Optional[str] = None,
        mlflow_version: Optional[str] = FORMAT_VERSION,
        metadata: Optional[Dict[str, Any]] = None,
        model_size_bytes: Optional[int] = None,
        resources: Optional[Any] = None,
        env_vars: Optional[List[str]] = None,
        auth_policy: Optional[Any] = None,
        model_id: Optional[str] = None,
        prompts: Optional[List[str]] = None,
        **kwargs: Any,
    ) -> None:
        self.artifact_path = artifact_path
        self.run_id = run_id
        self.utc_time_created = str(utc_time_created or datetime.now(timezone.utc).replace(tzinfo=None))
        self.flavors: Dict[str, Any] = flavors if flavors is not None else {}
        self.signature = signature
        self.saved_input_example_info = saved_input_example_info
        self.model_uuid = model_uuid or model_id or _random_id()
        self.mlflow_version = mlflow_version
        self.metadata = metadata
        self.model_size_bytes = model_size_bytes
        self.resources = resources
        self.env_vars = env_vars
        self.auth_policy = auth_policy
        self.model_id = model_id
        self.prompts = prompts
        self.__dict__.update(kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Model(flavors={sorted(self.flavors)}, model_id={self.model_id!r}, run_id={self.run_id!r})"

    def add_flavor(self, name: str, **params: Any) -> "Model":
        """Add what a flavor needs; returns the model."""
        self.flavors[name] = params
        return self

    def get_input_schema(self) -> Any:
        """The schema of the inputs, if there is a signature."""
        return getattr(self.signature, "inputs", None)

    def get_output_schema(self) -> Any:
        """The schema of the outputs, if there is a signature."""
        return getattr(self.signature, "outputs", None)

    def get_params_schema(self) -> Any:
        """The schema of the params at inference, if there is a signature."""
        return getattr(self.signature, "params", None)

    def load_input_example(self, path: Optional[str] = None) -> Any:
        """The input example in the model's folder ``path``; None if it has none.

        Raises:
            InvalidValueError: it is no such example, or not in the folder.
        """
        from mlctl.models import examples

        return _example(self, path, lambda folder, info: examples.load_example(folder, info, self.get_input_schema()))

    def load_input_example_params(self, path: Optional[str] = None) -> Any:
        """The params of the input example; None if it has none.

        Raises:
            InvalidValueError: it is no such example, or not in the folder.
        """
        from mlctl.models import examples

        return _example(self, path, examples.load_example_params)

    def get_serving_input(self, path: str) -> Optional[str]:
        """A request, as JSON, that the served model answers; None if there is no input example."""
        from mlctl.models import examples

        if not self.saved_input_example_info:
            return None
        folder = _folder(path, self)
        folders.inside(folder, examples.SERVING_FILE, what="serving example")
        return examples.load_serving_example(folder)

    def get_model_info(self, logged_model: Any = None) -> ModelInfo:
        """What there is to say about the model."""
        uri = (
            f"models:/{self.model_id}"
            if self.model_id
            else f"runs:/{self.run_id}/{self.artifact_path}"
            if self.run_id
            else str(self.artifact_path)
        )
        known = logged_model
        return ModelInfo(
            artifact_path=self.artifact_path,
            flavors=self.flavors,
            model_uri=uri,
            model_uuid=self.model_uuid,
            run_id=self.run_id,
            saved_input_example_info=self.saved_input_example_info,
            signature=self.signature,
            utc_time_created=self.utc_time_created,
            mlflow_version=str(self.mlflow_version),
            metadata=self.metadata,
            env_vars=self.env_vars,
            prompts=self.prompts,
            model_id=self.model_id,
            name=getattr(known, "name", None),
            creation_timestamp=getattr(known, "creation_timestamp", None),
            params=getattr(known, "params", None),
            tags=getattr(known, "tags", None),
            metrics=getattr(known, "metrics", None),
        )

    def get_tags_dict(self) -> Dict[str, Any]:
        """What clients before MLflow 3 note about a model in a tag of its run."""
        shown = {key: value for key, value in self.to_dict().items() if key not in ("artifact_path", "model_size_bytes") or value}
        flavors = {name: {k: v for k, v in conf.items() if k != "config"} for name, conf in self.flavors.items() if isinstance(conf, dict)}
        return {**shown, "artifact_path": self.artifact_path, "flavors": flavors}

    def to_dict(self) -> Dict[str, Any]:
        """What the MLmodel file has: fields that are set; of the optional ones only those that MLflow writes, too."""
        found = {name: value for name, value in self.__dict__.items() if value is not None or name in ("prompts", "model_id")}
        if self.signature is not None:
            found["signature"] = self.signature.to_dict()
            found["is_signature_from_type_hint"] = self.signature._is_signature_from_type_hint  # noqa: SLF001
            found["type_hint_from_example"] = self.signature._is_type_hint_from_example  # noqa: SLF001
        return found

    def to_yaml(self, stream: Any = None) -> Optional[str]:
        """The MLmodel file's text, or written to a stream."""
        text = yaml_files.text(self.to_dict())
        if stream is None:
            return text
        stream.write(text)
        return None

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict(), default=str)

    def save(self, path: Union[str, Path]) -> None:
        """Write an MLmodel file to a path."""
        Path(path).write_text(yaml_files.text(self.to_dict()), encoding="utf-8")

    @classmethod
    def load(cls, path: Union[str, Path]) -> "Model":
        """What the MLmodel file at a path, in a folder, or at the address of a model says.

        Raises:
            InvalidValueError: it is no MLmodel file.
            NotFoundError: there is none.
        """
        from mlctl.models import uris

        where = os.fspath(path)
        local = uris.local_folder(where, only=FILE) if uris.is_address(where) else where
        file = os.path.join(local, FILE) if os.path.isdir(local) else local  # noqa: PTH112, PTH118
        if not os.path.isfile(file):  # noqa: PTH113
            raise NotFoundError(f"There is no model at {where}: it has no file {FILE}.")
        return cls.from_dict(yaml_files.read(folders.inside(os.path.dirname(file) or ".", os.path.basename(file), what="description")))  # noqa: PTH119, PTH120

    @classmethod
    def from_dict(cls, model_dict: Mapping[str, Any]) -> "Model":
        """The model that such a mapping describes.

        Raises:
            InvalidValueError: its flavors or its signature are not what they should be.
        """
        found = dict(model_dict)
        flavors = found.get("flavors")
        if not isinstance(flavors, dict) or not all(isinstance(conf, dict) for conf in flavors.values()):
            raise InvalidValueError("The MLmodel file names no flavors.", hint="`flavors:` maps each flavor's name to what it needs.")
        if isinstance(found.get("signature"), dict):
            signature = found["signature"] = ModelSignature.from_dict(found["signature"])
            signature._is_signature_from_type_hint = bool(found.get("is_signature_from_type_hint", False))  # noqa: SLF001
            signature._is_type_hint_from_example = bool(found.get("type_hint_from_example", False))  # noqa: SLF001
        if found.get("model_uuid") is None and found.get("model_id"):
            found["model_uuid"] = found["model_id"]
        return cls(**{str(key): value for key, value in found.items()})

    @classmethod
    def log(cls, artifact_path: Optional[str], flavor: Any, **options: Any) -> ModelInfo:
        """Log a model that a flavor saves; see `mlctl.models.logged.log`."""
        from mlctl.models import logged

        found: ModelInfo = logged.log(cls, artifact_path, flavor, **options)
        return found


def _folder(path: Optional[str], model: Model) -> str:
    from mlctl.models import uris

    if path is not None:
        return os.fspath(path)
    return uris.local_folder(model.get_model_info().model_uri)


def _example(model: Model, path: Optional[str], read: Callable[[str, Mapping[str, str]], Any]) -> Any:
    """What is read of a model's input example, whose file must lie in the model's folder."""
    from mlctl.models import examples

    info = model.saved_input_example_info
    if info is None:
        return None
    if not isinstance(info, dict):
        raise InvalidValueError("The MLmodel file says of its input example what is no mapping.")
    folder = _folder(path, model)
    folders.inside(folder, info.get("artifact_path", examples.FILE), what="input example")
    try:
        return read(folder, info)
    except (OSError, KeyError, TypeError) as error:
        raise InvalidValueError(f"The model's input example cannot be read: {error}.") from error


def _random_id() -> str:
    from mlctl.tracking.run_names import random_run_id

    return random_run_id()
