"""What a filter compares with: numbers, spans of time, moments."""

import re
from typing import Optional, Union

_INTEGER = re.compile(r"[-+]?\d+\Z")
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?)?(?: ?([Zz]|[-+]\d\d(?::?\d\d)?))?\Z", re.ASCII
)
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONGEST_MS = 1e17


def is_integer(text: str) -> bool:
    """Whether a number is written without point and exponent."""
    return _INTEGER.match(text) is not None


def number(text: str) -> Union[int, float]:
    """The number that a text is."""
    return int(text) if is_integer(text) and len(text) < 19 else float(text)


def span_ms(text: str) -> int:
    """A span such as ``2d`` in ms; whatever is too long for any clock is cut to three million years."""
    return int(max(-_LONGEST_MS, min(_LONGEST_MS, float(text[:-1]) * _UNIT_MS[text[-1]])))


def moment_ms(text: str) -> Optional[int]:
    """An ISO date or date and time in ms since the epoch; None if it is none. Without a zone it is this machine's local time."""
    match = _MOMENT.match(text)
    if match is None:
        return None
    from datetime import datetime

    *fields, fraction, zone = match.groups()
    try:
        found = datetime(*(int(field or 0) for field in fields), int((fraction or "").ljust(6, "0")), tzinfo=_zone(zone))  # type: ignore[misc,arg-type]
        return int(found.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return None


def _zone(text: Optional[str]) -> "object":
    if text is None:
        return None
    from datetime import timedelta, timezone

    if text in "Zz":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
