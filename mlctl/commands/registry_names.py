"""Registered models and their versions, named as people do: NAME, NAME/3, NAME/Staging, NAME/latest, NAME@alias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mlctl.errors import InvalidValueError, NotFoundError, UsageError
from mlctl.tracking import registry

if TYPE_CHECKING:
    from mlctl.tracking.registry import ModelVersion
    from mlctl.tracking.store import TrackingStore

_VERSIONS = "NAME/3, NAME/Staging, NAME/latest or NAME@alias"

ModelArgument = Annotated[str, typer.Argument(metavar="NAME", help="A registered model's name.")]
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help=f"A version: {_VERSIONS}.")]
EitherArgument = Annotated[str, typer.Argument(metavar="MODEL", help=f"A registered model's name, or a version: {_VERSIONS}.")]


class Named(NamedTuple):
    """What a text names: a registered model, or with one of the others a version of it (``latest``: by the alias of that name)."""

    name: str
    version: str = ""
    stage: str = ""
    alias: str = ""

    @property
    def is_version(self) -> bool:
        """Whether a version is named, not the model itself."""
        return bool(self.version or self.stage or self.alias)


def parse(store: TrackingStore, text: str) -> Named:
    """What a text names. A name with an ``@`` in it is a model's, if there is one of that name.

    Raises:
        InvalidValueError: it cannot be read.
    """
    if text[:7].lower() == "models:":
        return _of_address(text)
    name, slash, choice = text.partition("/")
    if slash:
        return _chosen(name, choice, text)
    name, at, alias = text.rpartition("@")
    if not at or _is_model(store, text):
        return Named(registry.model_name(text))
    if not name or not alias:
        raise InvalidValueError(f"{text!r} names no model.", hint=f"Write NAME, {_VERSIONS}.")
    return Named(registry.model_name(name), alias=alias)


def version(store: TrackingStore, text: str) -> ModelVersion:
    """The version that a text names.

    Raises:
        NotFoundError: there is none.
        UsageError: it names a model, and no version of it.
    """
    named = parse(store, text)
    if not named.is_version:
        found = store.get_registered_model(named.name)
        listed = ", ".join(f"{found.name}/{item.version}" for item in found.latest_versions)
        raise UsageError(f"{text!r} is a model, and a version is asked for.", hint=f"Latest of each stage: {listed or 'none yet'}.")
    return resolved(store, named)


def resolved(store: TrackingStore, named: Named) -> ModelVersion:
    """The version that was named; of several in a stage the highest.

    Raises:
        NotFoundError: there is none.
    """
    if named.version:
        return store.get_model_version(named.name, named.version)
    if named.alias:
        return by_alias(store, named.name, named.alias)
    found = in_stage(store, named.name, named.stage)
    if found is None:
        raise NotFoundError(f"The registered model {named.name!r} has no version in the stage {named.stage}.", hint=_see(named.name))
    return found


def in_stage(store: TrackingStore, name: str, stage: str) -> ModelVersion | None:
    """The highest version in a stage, if there is one."""
    return next(iter(store.latest_model_versions(name, [stage])), None)


def by_alias(store: TrackingStore, name: str, alias: str) -> ModelVersion:
    """The version that an alias points to.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return store.get_model_version_by_alias(name, alias)
    except InvalidValueError as error:  # MLflow's answer for an alias that is not there
        raise NotFoundError(error.message, hint=_see(name)) from None


def shown(found: ModelVersion) -> str:
    """A version as these commands take it."""
    return f"{found.name}/{found.version}"


def _see(name: str) -> str:
    return f"See: mlctl registry show {name}"


def _is_model(store: TrackingStore, text: str) -> bool:
    try:
        store.get_registered_model(text)
    except (NotFoundError, InvalidValueError):
        return False
    return True


def _of_address(text: str) -> Named:
    found = registry.model_address(text)
    if found.model_id:
        raise InvalidValueError(f"{text!r} is a logged model, not one of the registry.", hint=f"Write NAME, {_VERSIONS}.")
    return Named(found.name, found.version, found.stage, found.alias or ("" if found.version or found.stage else "latest"))


def _chosen(name: str, choice: str, text: str) -> Named:
    registry.model_name(name)
    if choice.isascii() and choice.isdigit():
        return Named(name, version=choice)
    if choice.lower() == "latest":
        return Named(name, alias="latest")
    if choice.lower() not in (stage.lower() for stage in registry.STAGES):
        stages = ", ".join(registry.STAGES)
        raise InvalidValueError(f"{text!r}: {choice!r} is neither a number nor a stage.", hint=f"Write {_VERSIONS}; stages: {stages}.")
    return Named(name, stage=registry.stage(choice))
