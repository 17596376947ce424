"""What the model registry holds: registered models and their versions, with MLflow's attribute names. Times are in ms.

A version is an integer written as text. ``dict(entity)`` gives an entity's attributes.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from mlctl.errors import InvalidValueError
from mlctl.tracking import validation
from mlctl.tracking.entities import Entity

STAGES = ("None", "Staging", "Production", "Archived")
"""The stages, in the order of their numbers in the store."""

SERVING = ("Staging", "Production")
"""Stages that one version at a time may have for itself."""

PROMPT_TAG = "mlflow.prompt.is_prompt"
"""Marks what MLflow keeps in the registry and is no model; models are looked for without them."""

READY = "READY"
ALIAS_LENGTH = 255
TAG_KEY_LENGTH = 250
TAG_LENGTH = 100_000
MODELS_A_PAGE = 1000
VERSIONS_A_PAGE = 200_000


@dataclass(frozen=True, repr=False)
class RegisteredModelTag(Entity):
    """A tag of a registered model."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class RegisteredModelAlias(Entity):
    """A name that points to a version."""

    alias: str
    version: str


@dataclass(frozen=True, repr=False)
class ModelVersionTag(Entity):
    """A tag of a version."""

    key: str
    value: str


@dataclass(frozen=True, repr=False)
class ModelVersion(Entity):
    """A version of a registered model. ``source`` is where its files are as it was told, ``run_id`` the run that made it."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: Optional[int] = None
    description: Optional[str] = None
    user_id: Optional[str] = None
    current_stage: Optional[str] = None
    source: Optional[str] = None
    run_id: Optional[str] = None
    status: str = READY
    status_message: Optional[str] = None
    tags: Dict[str, str] = field(default_factory=dict)
    run_link: Optional[str] = None
    aliases: List[str] = field(default_factory=list)
    model_id: Optional[str] = None


@dataclass(frozen=True, repr=False)
class RegisteredModel(Entity):
    """A name for models; ``latest_versions`` has the highest version of each stage, ``aliases`` versions by alias."""

    name: str
    creation_timestamp: Optional[int] = None
    last_updated_timestamp: Optional[int] = None
    description: Optional[str] = None
    latest_versions: List[ModelVersion] = field(default_factory=list)
    tags: Dict[str, str] = field(default_factory=dict)
    aliases: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class RegistryEvent(Entity):
    """Something that happened to a model or a version (None: to the model): what, when (ms), by whom, and from what to what."""

    name: str
    version: Optional[str]
    timestamp: int
    user_id: str
    action: str
    before: str = ""
    after: str = ""


class ModelSource(NamedTuple):
    """Where a version comes from: its files, and the run and logged model that made them."""

    source: str
    run_id: str = ""
    model_id: str = ""


def model_name(name: Any) -> str:
    """The name of a registered model, as MLflow takes it.

    Raises:
        InvalidValueError: it is blank, not text, or could not stand in an address.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidValueError(f"The registered model's name is {name!r}.", hint="A name is a text that is not blank.")
    bad = next((character for character in name if character in "/:"), None)
    if bad or name in (".", ".."):
        raise InvalidValueError(
            f"The registered model's name {name!r} contains {bad or name!r}.", hint="'/' and ':' separate parts of models:/NAME/VERSION."
        )
    return validation.short_text(name, "registered model's name", 10_000)


def version_number(version: Any) -> int:
    """The number of a version.

    Raises:
        InvalidValueError: it is not an integer.
    """
    text = str(version)
    if isinstance(version, bool) or not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text):
        raise InvalidValueError(
            f"The version {version!r} is not an integer.", hint="Versions count from 1. Stages and aliases have addresses of their own."
        )
    return int(text)


def stage(name: Any) -> str:
    """A stage in its canonical spelling.

    Raises:
        InvalidValueError: there is none of this name.
    """
    found = {known.lower(): known for known in STAGES}.get(str(name).lower())
    if found is None:
        raise InvalidValueError(f"{name!r} is not a stage of a model version.", hint=f"Stages: {', '.join(STAGES)}")
    return found


def alias(name: Any) -> str:
    """An alias that may be set.

    Raises:
        InvalidValueError: it has other characters, is too long, or means something already.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[\w\-]+", name):
        raise InvalidValueError(f"The alias {name!r} has other characters than letters, digits, '_' and '-'.")
    if name.lower() == "latest" or re.fullmatch(r"[vV][0-9]+", name):
        raise InvalidValueError(
            f"The alias {name!r} is reserved.", hint="'latest' and names such as v3 say which version is meant by themselves."
        )
    return validation.short_text(name, "alias", ALIAS_LENGTH)


def tag(key: Any, value: Any) -> Tuple[str, str]:
    """Key and value of a tag in the registry.

    Raises:
        InvalidValueError: the key is not acceptable, or the value is not text or too long (it is never cut).
    """
    return validation.key(key, what="tag"), validation.short_text(value, f"value of tag {key!r}", TAG_LENGTH)


def page_size(number: Any, *, most: int) -> int:
    """The most entities that a page of a search of the registry may hold.

    Raises:
        InvalidValueError: it is not an integer from 1 to ``most``.
    """
    if type(number) is not int or not 1 <= number <= most:
        raise InvalidValueError(f"max_results is {number!r}; it must be an integer from 1 to {most}.")
    return number


class ModelAddress(NamedTuple):
    """What ``models:/…`` names: a logged model, or a version of a registered model by number, stage or alias (none of them: the latest)."""

    model_id: str = ""
    name: str = ""
    version: str = ""
    stage: str = ""
    alias: str = ""
    path: str = ""


def model_address(uri: str) -> ModelAddress:
    """The parts of an address: ``models:/NAME/VERSION``, ``…/STAGE``, ``…/latest``, ``models:/NAME@ALIAS``, or ``models:/m-ID``.

    A logged model's address may go on with a path inside its files.

    Raises:
        InvalidValueError: it is none of these.
    """
    from urllib.parse import unquote

    hint = "Write models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, models:/NAME/latest or models:/m-ID."
    rest = uri[len("models:") :] if uri[:7].lower() == "models:" else ""
    if not rest.startswith("/") or rest.startswith("//") or len(rest) < 2:
        raise InvalidValueError(f"{uri!r} is not the address of a model.", hint=hint)
    name, slash, suffix = unquote(rest[1:]).partition("/")
    if name.startswith("m-") and re.fullmatch(r"m-[0-9a-f]{32}", name):
        return ModelAddress(model_id=name, path=suffix)
    if not slash:
        name, at, chosen = name.rpartition("@")
        if not at or not name or not chosen:
            raise InvalidValueError(f"{uri!r} names no version.", hint=hint)
        return ModelAddress(name=name, alias=chosen)
    suffix = suffix.rstrip("/")
    if not name or not suffix or "/" in suffix:
        raise InvalidValueError(f"{uri!r} is not the address of a model.", hint=hint)
    if suffix.isdigit():
        return ModelAddress(name=name, version=suffix)
    return ModelAddress(name=name) if suffix.lower() == "latest" else ModelAddress(name=name, stage=stage(suffix))
