"""Files that come in parts: MLflow's clients send large ones so, several parts at a time, each of which may be sent again.

An upload is a hidden folder among the artifacts, which no path of a client reaches: its terms in a file, and the parts under their
numbers. Clients send parts without their own credentials, so each upload has a secret that only its maker was told. When all parts are
there they are joined in a draft, which takes the file's place in one step. What nobody completes is removed a day later.

All methods block.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

import msgspec

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.server.artifact_tree import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.server.artifact_tree import Names, Tree
    from mlctl.server.s3_tree import S3Tree

UPLOADS = ".uploads.part"
SECRET_HEADER = "X-Mlctl-Upload"  # noqa: S105 -- a header's name
MOST_PARTS = 10_000

_TERMS = "terms.json"
_ID = re.compile(r"[0-9a-f]{32}")


class Terms(msgspec.Struct):
    """What was agreed on when an upload was made."""

    names: list[str]
    count: int
    secret: str


class Multipart:
    """The uploads below one tree; a whole file may have ``most_bytes``."""

    def __init__(self, tree: Tree | S3Tree, *, most_bytes: int) -> None:
        self._tree = tree
        self._most_bytes = most_bytes

    def create(self, names: Names, count: int) -> tuple[str, str]:
        """Begin an upload of ``count`` parts to a place; returns its id and its secret.

        Raises:
            InvalidValueError: the place is none for a file, or the number of parts is not allowed.
        """
        if not 1 <= count <= MOST_PARTS:
            raise InvalidValueError(f"num_parts is {count}; it must be from 1 to {MOST_PARTS}.")
        self._tree.draft(names).close()  # refused now rather than after gigabytes
        self._tree.remove_stale((UPLOADS,), time.time())
        upload_id, secret = secrets.token_hex(16), secrets.token_hex(24)
        self._tree.write((UPLOADS, upload_id, _TERMS), msgspec.json.encode(Terms(list(names), count, secret)))
        return upload_id, secret

    def place_of(self, upload_id: str, number: str, *, secret: str) -> Names:
        """Where a part is kept.

        Raises:
            NotFoundError: there is no such upload, or this is not its secret.
            InvalidValueError: it has no part of that number.
        """
        terms = self._terms(upload_id)
        if not hmac.compare_digest(terms.secret.encode(), secret.encode()):
            raise NotFoundError("There is no such upload.")
        if not re.fullmatch(r"[1-9][0-9]{0,4}", number) or int(number) > terms.count:
            raise InvalidValueError(f"The upload has parts 1 to {terms.count}.")
        return (UPLOADS, upload_id, number)

    def complete(self, names: Names, upload_id: str, numbers: Sequence[int]) -> None:
        """Join the parts, which must be all of the upload's, and put the file in its place.

        Raises:
            InvalidValueError: a part is missing, or the place is another than was agreed on.
            NotFoundError: there is no such upload.
            RefusedError: the whole file would be too large.
        """
        terms = self._terms(upload_id, names)
        if sorted(numbers) != list(range(1, terms.count + 1)):
            raise InvalidValueError(f"The upload has parts 1 to {terms.count}; each must be named once.")
        draft: Any = self._tree.draft(names)  # that of the tree's own kind, which appends from a tree of that kind
        try:
            size = 0
            for number in range(1, terms.count + 1):
                size += draft.append(self._tree, (UPLOADS, upload_id, str(number)))
                if size > self._most_bytes:
                    raise too_large(self._most_bytes)
            draft.commit()
        except NotFoundError:
            raise InvalidValueError(f"Part {number} has not been uploaded.") from None
        finally:
            draft.close()
        self._tree.delete((UPLOADS, upload_id))

    def abort(self, names: Names, upload_id: str) -> None:
        """Give an upload up.

        Raises:
            NotFoundError: there is no such upload.
        """
        self._terms(upload_id, names)
        self._tree.delete((UPLOADS, upload_id))

    def _terms(self, upload_id: str, names: Names | None = None) -> Terms:
        """The terms of an upload, which must be one to this place, if one is given."""
        if not _ID.fullmatch(upload_id):
            raise NotFoundError("There is no such upload.")
        try:
            terms = msgspec.json.decode(self._tree.content((UPLOADS, upload_id, _TERMS)), type=Terms)
        except (NotFoundError, msgspec.MsgspecError):
            raise NotFoundError("There is no such upload.") from None
        if names is not None and tuple(terms.names) != names:
            raise InvalidValueError("The upload is one to another place.")
        return terms


def too_large(most_bytes: int) -> RefusedError:
    """The answer to a file beyond the limit."""
    return RefusedError(413, "BAD_REQUEST", f"An artifact may have {most_bytes} bytes at most (MLCTL_ARTIFACT_MAX_BYTES on the server).")
