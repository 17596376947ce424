"""Reading and changing what is said of a model that exists already."""

import os
import tempfile

from mlctl.errors import InvalidValueError
from mlctl.files import addresses
from mlctl.models.model import FILE, Model, ModelInfo
from mlctl.models.signature import ModelSignature


def get_model_info(model_uri: str) -> ModelInfo:
    """What the MLmodel file of the model at an address says.

    Raises:
        NotFoundError: there is no model.
    """
    return Model.load(model_uri).get_model_info()


def set_signature(model_uri: str, signature: ModelSignature) -> None:
    """Give the model at an address another signature. A version of a registered model cannot be changed.

    Raises:
        InvalidValueError: that is no signature, or the address names a version.
        NotFoundError: there is no model.
    """
    if not isinstance(signature, ModelSignature):
        raise InvalidValueError(f"The signature is a {type(signature).__name__}.", hint="mlctl.models.infer_signature() makes one.")
    if str(model_uri).startswith("models:/") and not str(model_uri).startswith("models:/m-"):
        raise InvalidValueError(
            f"{model_uri} is a version of a registered model, which is not changed.", hint="Set the signature where it was logged: runs:/…"
        )
    files, path = addresses.resolved(str(model_uri))
    model = Model.load(model_uri)
    model.signature = signature
    with tempfile.TemporaryDirectory(prefix="mlctl-") as folder:
        model.save(os.path.join(folder, FILE))  # noqa: PTH118
        files.put_file(os.path.join(folder, FILE), path or None)  # noqa: PTH118
