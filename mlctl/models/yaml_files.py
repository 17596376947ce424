"""YAML files of models: read without tags (which would make objects), and written as MLflow writes them."""

import os
from pathlib import Path
from typing import Any, Dict, List, Union

from mlctl.errors import InvalidValueError, NotFoundError

MOST_BYTES = 16 << 20
"""A file beyond this is not read: what a model says of itself takes some kilobytes, and input examples are in files of their own."""

MOST_VALUES = 1_000_000


def read(path: Union[str, Path]) -> Dict[str, Any]:
    """The mapping that a file holds.

    Raises:
        InvalidValueError: it is too large, no YAML, has a tag, or holds something else.
        NotFoundError: it is not there.
    """
    import yaml

    try:
        if os.path.getsize(path) > MOST_BYTES:  # noqa: PTH202
            raise InvalidValueError(f"{path} has more than {MOST_BYTES >> 20} MB; that is no description of a model.")
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {path}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValueError(f"{path} cannot be read as YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(found, dict):
        raise InvalidValueError(f"{path} holds no mapping.")
    if not _is_small(found):
        raise InvalidValueError(
            f"{path} holds more than {MOST_VALUES} values when its aliases are followed; that is no description of a model."
        )
    return found


def _is_small(content: Dict[str, Any]) -> bool:
    """Whether a mapping, in which aliases can stand for themselves or double what they stand for, has a size that can be worked with."""
    waiting: List[Any] = [content]
    count = 0
    while waiting and count <= MOST_VALUES:
        value = waiting.pop()
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
        count += len(inner)
        waiting.extend(inner)
    return count <= MOST_VALUES


def text(content: Dict[str, Any], *, sort: bool = True) -> str:
    """A mapping as YAML."""
    import yaml

    return str(yaml.safe_dump(content, default_flow_style=False, allow_unicode=True, sort_keys=sort))


def write(path: Union[str, Path], content: Dict[str, Any], *, sort: bool = True) -> None:
    """Write a mapping."""
    Path(path).write_text(text(content, sort=sort), encoding="utf-8")
