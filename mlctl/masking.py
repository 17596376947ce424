"""Secrets kept out of what is recorded: their values become ``***``, in texts and in streams that come in pieces.

Short values stay: five characters stand in any log, and replacing them would tell what they are.
"""

import re
from typing import Iterable, Iterator, List, Tuple

MASK = "***"
_SHORTEST = 6


def forms(values: Iterable[str]) -> Tuple[str, ...]:
    """The texts to be replaced for some secret values: each line of one that has several; also as it stands in addresses and commands."""
    found = {line.strip() for value in values for line in value.splitlines()}
    found |= {form for line in found for form in (_quoted(line), line.replace("'", "'\"'\"'"))}
    return tuple(sorted((text for text in found if len(text) >= _SHORTEST), key=lambda text: (-len(text), text)))


def _quoted(text: str) -> str:
    """A text as it stands within an address (`urllib.parse.quote`, whose module takes longer to import than all of this)."""
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in b"_.-~" else f"%{byte:02X}" for byte in raw)


class Masker:
    """Replaces secrets in the pieces of one stream. What may be the beginning of one is held back until the next piece, or the end."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: List[bytes] = [text.encode("utf-8", "surrogateescape") for text in secrets]
        self._longest = max(map(len, self._secrets), default=0)
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets)))  # the longest first, as `forms` has them
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The next piece; returns what can be passed on."""
        data = self._held + data
        keep_from = self._unsure_from(data)
        for match in self._matches(data):
            if match.start() >= keep_from:
                break
            keep_from = max(keep_from, match.end())
        self._held = data[keep_from:]
        return self._masked(data[:keep_from])

    def finish(self) -> bytes:
        """The end of the stream; returns what was held back."""
        rest, self._held = self._held, b""
        return self._masked(rest)

    def _unsure_from(self, data: bytes) -> int:
        """Where the longest end of the data begins that a secret may begin with, too."""
        start = max(0, len(data) - self._longest + 1)
        return min((place for secret in self._secrets for place in _begun(secret, data, start)), default=len(data))

    def _matches(self, data: bytes) -> "Iterator[re.Match[bytes]]":
        return self._pattern.finditer(data) if self._has_any(data) else iter(())

    def _has_any(self, data: bytes) -> bool:
        return any(secret in data for secret in self._secrets)  # far quicker than the pattern

    def _masked(self, data: bytes) -> bytes:
        return self._pattern.sub(MASK.encode(), data) if data and self._has_any(data) else data


def _begun(secret: bytes, data: bytes, start: int) -> Iterator[int]:
    """Places from ``start`` on from which the data, to its end, is the beginning of a secret and not all of it."""
    place = data.find(secret[:1], max(start, len(data) - len(secret) + 1))
    while place >= 0:
        if secret.startswith(data[place:]):
            yield place
            return  # the first is the longest
        place = data.find(secret[:1], place + 1)


def masked(text: str, secrets: Tuple[str, ...]) -> str:
    """A text without secrets."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def masked_bytes(data: bytes, secrets: Tuple[str, ...]) -> bytes:
    """Bytes without secrets."""
    if not secrets:
        return data
    masker = Masker(secrets)
    return masker.feed(data) + masker.finish()
