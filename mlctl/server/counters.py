"""Counts of answered requests, and how they are shown to Prometheus."""

from __future__ import annotations

HELP = """# HELP mlctl_http_requests_total Requests answered, by route and status.
# TYPE mlctl_http_requests_total counter
"""
HELP_SECONDS = """# HELP mlctl_http_request_seconds Time from a request's arrival to its answer.
# TYPE mlctl_http_request_seconds summary
"""


class Counters:
    """Requests by route and status, and the seconds spent on each route."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, float] = {}

    def count(self, label: str, status: int, seconds: float) -> None:
        """Count one request; labels are names of routes, so that their number is bounded."""
        key = (label, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        self._seconds[label] = self._seconds.get(label, 0.0) + seconds

    def text(self) -> str:
        """The counts in Prometheus' text format."""
        counts = [f'mlctl_http_requests_total{{route="{label}",status="{status}"}} {n}\n' for (label, status), n in self._requests.items()]
        totals: dict[str, int] = {}
        for (label, _), count in self._requests.items():
            totals[label] = totals.get(label, 0) + count
        sums = [
            f'mlctl_http_request_seconds_sum{{route="{label}"}} {seconds:.6f}\n'
            f'mlctl_http_request_seconds_count{{route="{label}"}} {totals[label]}\n'
            for label, seconds in self._seconds.items()
        ]
        return "".join([HELP, *counts, HELP_SECONDS, *sums])
