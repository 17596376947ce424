"""Images as files of a run, from numpy arrays, PIL images and `Image`, by MLflow's rules and file names.

Pillow does the work where it is installed. Without it, arrays still become PNG files, and only what needs Pillow is refused or, like
the small copy that MLflow's web pages show, left out.
"""

import contextlib
import os
import re
import struct
import time
import warnings
import zlib
from typing import Any, Iterator, List, Optional, Tuple

from mlctl.errors import ArgumentError
from mlctl.files import copying
from mlctl.files.writing import is_a, put_written
from mlctl.tracking.entities import RunTag
from mlctl.tracking.store import ArtifactStore, TrackingStore

LOGGED_IMAGES_TAG = "mlflow.loggedImages"
SMALL_SIZE = 256  # pixels of the longer side

_KEY = re.compile(r"[a-zA-Z0-9_\-./ ]+")
_KINDS = {"b": "bool", "i": "signed integer", "u": "unsigned integer", "f": "floating"}
_PNG_COLOURS = {1: 0, 3: 2, 4: 6}  # channels → colour type of the PNG header
_NEED = "`pip install pillow`."


class Image:
    """An image for `log_image` and `log_table`: a numpy array, a PIL image, nested lists of pixels, or the path of an image file.

    Arrays have the shape (height, width) or (height, width, 1, 3 or 4 channels), and bools, integers from 0 to 255 or floats from
    0 to 1. Floats beyond are stretched to that range, with a warning. ``size`` is (width, height).

    Raises:
        ArgumentError: it is none of these, or Pillow is needed and not installed.
    """

    def __init__(self, image: Any) -> None:
        self.image = _opened(image) if isinstance(image, (str, os.PathLike)) else _converted(image)
        self.size: Tuple[int, int] = self.image.size

    def to_list(self) -> List[Any]:
        """The pixels, row by row: numbers, or tuples of channels."""
        flat = getattr(self.image, "get_flattened_data", None) or self.image.getdata
        return list(flat())

    def to_array(self) -> Any:
        """The pixels as a numpy array."""
        import numpy as np

        return np.array(self.image)

    def to_pil(self) -> Any:
        """The PIL image."""
        if isinstance(self.image, _Raster):
            raise ArgumentError("A PIL image needs Pillow.", hint=_NEED)
        return self.image

    def save(self, path: str) -> None:
        """Write the image in the format that the file's ending names."""
        with _saving(path):
            self.image.save(path)

    def resize(self, size: Tuple[int, int]) -> "Image":
        """A copy of ``size`` (width, height)."""
        return Image(self.to_pil().resize(size))


class _Raster:
    """Pixels without Pillow: an array of bytes that can be written as PNG."""

    def __init__(self, pixels: Any) -> None:
        self.pixels = pixels
        self.size = (pixels.shape[1], pixels.shape[0])

    def getdata(self) -> List[Any]:
        flat = self.pixels.reshape(-1, *self.pixels.shape[2:]).tolist()
        return [tuple(item) if isinstance(item, list) else item for item in flat]

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.pixels

    def save(self, path: str) -> None:
        if not path.lower().endswith(".png"):
            raise ArgumentError("Without Pillow, images can be written as .png only.", hint=_NEED)
        channels = self.pixels.shape[2] if self.pixels.ndim == 3 else 1
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(png(self.pixels.tobytes(), *self.size, channels=channels))


def png(pixels: bytes, width: int, height: int, *, channels: int) -> bytes:
    """A PNG file (RFC 2083) of rows of pixels with 1, 3 or 4 channels of a byte each."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    stride = width * channels
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, height * stride, stride))
    header = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLOURS[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def put_image(
    store: TrackingStore,
    run_id: str,
    image: Any,
    artifact_file: Optional[str] = None,
    key: Optional[str] = None,
    step: Optional[int] = None,
    timestamp: Optional[int] = None,
) -> None:
    """Keep an image as ``artifact_file``, or as the one of a series: ``key`` at ``step`` (0) and ``timestamp`` (ms, now).

    One of a series is written to ``images/``, as PNG and (with Pillow) as a small WebP, and tagged for MLflow's web pages.

    Raises:
        ArgumentError: neither or both are given, the key has other characters than letters, digits and ``_-./ ``, or it is no image.
    """
    if artifact_file is not None and (key is not None or step is not None or timestamp is not None):
        raise ArgumentError("`artifact_file` was given together with `key`, `step` or `timestamp`.", hint="Give one or the other.")
    if artifact_file is None and key is None:
        raise ArgumentError(
            "An image needs either `artifact_file` or `key`.", hint="log_image(image, 'a.png') or log_image(image, key='a')."
        )
    if key is not None and not _KEY.fullmatch(key):
        raise ArgumentError(f"The image key {key!r} has other characters than letters, digits, and _ - . / and space.")
    if isinstance(image, (list, str, os.PathLike)):
        raise ArgumentError(f"Expected an image, not a value of type {type(image).__name__}.", hint="mlctl.Image(…) makes one of it.")
    picture = image if isinstance(image, Image) else Image(image)
    files = store.artifacts(store.get_run(run_id).info)
    if artifact_file is not None:
        put_written(files, picture.save, artifact_file)
        return
    put_pair(files, picture, series_name(str(key), step or 0, timestamp or int(time.time() * 1000)), small="+compressed.webp")
    store.log_batch(run_id, tags=[RunTag(LOGGED_IMAGES_TAG, "True")])


def series_name(key: str, step: int, timestamp: int) -> str:
    """The path of an image of a series, without its ending."""
    import uuid

    return f"images/{key.replace('/', '~')}+step+{step}+timestamp+{timestamp}+{uuid.uuid4()}"


def put_pair(files: ArtifactStore, picture: Image, name: str, *, small: str) -> bool:
    """Write an image to ``name`` + .png and a small copy to ``name`` + ``small``; returns whether there is one."""
    put_written(files, picture.save, f"{name}.png")
    if isinstance(picture.image, _Raster) or not _has_webp():
        return False
    put_written(files, picture.resize(_fitting(*picture.size)).save, f"{name}{small}")
    return True


def _fitting(width: int, height: int) -> Tuple[int, int]:
    """The size whose longer side has `SMALL_SIZE` pixels, in the same proportions."""
    if width > height:
        return SMALL_SIZE, max(1, int(height * (SMALL_SIZE / width)))
    return max(1, int(width * (SMALL_SIZE / height))), SMALL_SIZE


def _has_webp() -> bool:
    from PIL import features

    return bool(features.check("webp"))


# ── what can be an image ─────────────────────────────────────────────────────────────────────────────────────────────


def _opened(path: Any) -> Any:
    pillow = _pillow()
    if pillow is None:
        raise ArgumentError("Opening an image file needs Pillow.", hint=f"{_NEED[:-1]}, or log the file itself with log_artifact().")
    try:
        return pillow.open(path)
    except OSError as error:
        raise ArgumentError(f"The image {os.fspath(path)!r} cannot be opened: {error}.") from error


def _converted(image: Any) -> Any:
    if is_a("PIL.Image", "Image", image):
        return image
    if is_a("numpy", "ndarray", image):
        return _from_array(image)
    if isinstance(image, list):
        return _from_array(_array(image))
    if hasattr(image, "to_pil"):  # MLflow's own
        return image.to_pil()
    raise ArgumentError(f"Expected a numpy array, a PIL image or an mlctl.Image, not a value of type {type(image).__name__}.")


def _array(pixels: List[Any]) -> Any:
    try:
        import numpy as np
    except ImportError:
        raise ArgumentError("Making an image from lists needs numpy.", hint="`pip install numpy`.") from None
    try:
        return np.array(pixels)
    except ValueError as error:  # rows of several lengths
        raise ArgumentError(f"The lists are not the pixels of an image: {error}.") from None


def _from_array(array: Any) -> Any:
    pixels, pillow = _pixels(array), _pillow()
    return _Raster(pixels) if pillow is None else pillow.fromarray(pixels)


def _pixels(array: Any) -> Any:
    """An array as bytes from 0 to 255, of the shape (height, width) or (height, width, 3 or 4)."""
    if array.dtype.kind not in _KINDS:
        raise ArgumentError(f"An image cannot have pixels of the type {array.dtype}.", hint=f"One of: {', '.join(_KINDS.values())}.")
    if array.ndim not in (2, 3) or not array.size:
        raise ArgumentError(f"An image cannot have the shape {array.shape}.", hint="It has 2 or 3 dimensions, none of them empty.")
    if array.ndim == 3 and array.shape[2] not in _PNG_COLOURS:
        raise ArgumentError(f"An image cannot have {array.shape[2]} channels.", hint="1 (grey), 3 (RGB) or 4 (RGBA).")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind in "iu":
        return _checked(array).astype("uint8")
    return (_stretched(array) * 255).astype("uint8")


def _checked(array: Any) -> Any:
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise ArgumentError(f"Integer pixels go from 0 to 255, not from {low} to {high}.", hint="Scale them, or give floats from 0 to 1.")
    return array


def _stretched(array: Any) -> Any:
    low, high = array.min(), array.max()
    if array.dtype.kind == "b" or (low >= 0 and high <= 1):
        return array
    warnings.warn(f"Float pixels go from 0 to 1, not from {low} to {high}: they are stretched to that range.", stacklevel=2)
    return (array - low) / (high - low) if high > low else array * 0


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError:
        return None
    return PIL.Image


@contextlib.contextmanager
def _saving(path: str) -> Iterator[None]:
    """Turn Pillow's refusals into ours."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise copying.meaning(error, what="The image", folder=os.path.dirname(path)) from error  # noqa: PTH120
        raise ArgumentError(f"The image cannot be written as {os.path.basename(path)!r}: {error}.") from error  # noqa: PTH119
    except ArgumentError:
        raise
    except (ValueError, KeyError) as error:  # an ending that Pillow does not know
        raise ArgumentError(f"The image cannot be written as {os.path.basename(path)!r}: {error}.") from error  # noqa: PTH119
