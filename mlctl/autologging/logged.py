"""The model that a training gave, as a logged model: made before the training, so that metrics are its own, and filled after it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from mlctl.autologging.notices import guard, quiet
from mlctl.autologging.options import ModelOptions
from mlctl.tracking import fluent_models

if TYPE_CHECKING:
    import contextlib

NAME = "model"


class TrainedModel:
    """The logged model of one training."""

    def __init__(self, options: ModelOptions) -> None:
        self.model_id: Optional[str] = None
        self._options = options

    def begin(self) -> None:
        """Make a logged model, which is PENDING, in the active run; none is made if models are not to be logged."""
        if self._options.log_models:
            with self._guard("begin a logged model"):
                self.model_id = fluent_models.initialize_logged_model(NAME).model_id

    def fail(self) -> None:
        """Say that there will be no model."""
        if self.model_id is not None:
            with self._guard("end a logged model"):
                fluent_models.finalize_logged_model(self.model_id, "FAILED")

    def log(self, flavor: str, model: Any, *, signature: Callable[[], Any], example: Any, **arguments: Any) -> None:
        """Log the model with its flavor.

        Args:
            flavor: a module of `mlctl.flavors`.
            model: what was trained.
            signature: gives the model's signature; False if there is none.
            example: a few rows of the training data; None if there are none.
            arguments: further arguments of the flavor's ``log_model``.
        """
        if not self._options.log_models:
            return
        with quiet, self._guard("log a trained model"):
            import_module(f"mlctl.flavors.{flavor}").log_model(
                model,
                name=NAME,
                signature=self._signature(signature),
                input_example=example if self._options.log_input_examples else None,
                registered_model_name=self._options.registered_model_name,
                model_id=self.model_id,
                **arguments,
            )

    def _signature(self, signature: Callable[[], Any]) -> Any:
        """False, which keeps `log_model` from inferring one, where there is none to be logged."""
        found: List[Any] = []
        if self._options.log_model_signatures:
            with self._guard("infer the signature of a trained model"):
                found.append(signature())
        return found[0] if found else False

    def _guard(self, what: str) -> "contextlib.AbstractContextManager[None]":
        return guard(what, silent=self._options.silent)


def inferred(sample: Any, predict: Callable[[Any], Any]) -> Any:
    """The signature of a model that answers ``predict(sample)``; False without a sample."""
    if sample is None:
        return False
    from mlctl.models.signature import infer_signature

    return infer_signature(sample, predict(sample))
