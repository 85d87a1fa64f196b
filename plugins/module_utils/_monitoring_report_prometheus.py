# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to Prometheus' HTTP API."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

TIMEOUT = 60
# Prometheus refuses to answer with more for one series.
MOST_POINTS = 11000
Labels = dict[str, str]
Points = list[tuple[float, float]]


class ReportError(Exception):
    """Why there is no report. The text names the thing and the remedy, and no secret."""


class Prometheus:
    """One server, asked about the past up to C(end), in seconds since 1970."""

    def __init__(self, url: str, end: float) -> None:
        self.url = url.rstrip("/")
        self.end = end

    def now(self, expression: str) -> list[tuple[Labels, float]]:
        """Labels and value of each series at the end. What is no number is left out, as if it were not there."""
        data = self._ask("query", {"query": expression, "time": self.end})
        if data["resultType"] != "vector":
            raise ReportError(f"{self.url}: {expression}: a vector is needed")
        found = [(each["metric"], float(each["value"][1])) for each in data["result"]]
        return [(labels, value) for labels, value in found if math.isfinite(value)]

    def over(self, expression: str, seconds: int, step: int) -> list[tuple[Labels, Points]]:
        """The same over the last C(seconds), at moments that are C(step) seconds apart."""
        if seconds / step + 1 > MOST_POINTS:
            raise ValueError(f"{seconds // step} points are more than Prometheus gives")
        data = self._ask(
            "query_range",
            {"query": expression, "start": self.end - seconds, "end": self.end, "step": step},
        )
        return [(each["metric"], _points(each.get("values") or ())) for each in data["result"]]

    def _ask(self, what: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/api/v1/{what}", urllib.parse.urlencode(parameters).encode()
        )
        try:
            with urllib.request.build_opener().open(request, timeout=TIMEOUT) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                said = _error(error.read()) or f"HTTP status {error.code}"
            raise ReportError(f"{self.url}: {parameters['query']}: {said}") from None
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            raise ReportError(
                f"Prometheus at {self.url} does not answer: {reason}; look at 'systemctl status prometheus'"
            ) from None
        try:
            document = json.loads(body)
            if document["status"] == "success":
                return document["data"]
        except (ValueError, KeyError, TypeError):
            raise ReportError(f"{self.url} does not answer as Prometheus does") from None
        raise ReportError(f"{self.url}: {parameters['query']}: {_error(body)}")


def _points(values: Any) -> Points:
    found = [(float(moment), float(value)) for moment, value in values]
    return [(moment, value) for moment, value in found if math.isfinite(value)]


def _error(body: bytes) -> str:
    """What Prometheus says of an error, nothing where it is not Prometheus that says it."""
    try:
        document = json.loads(body)
        return str(document.get("error") or "")
    except (ValueError, AttributeError):
        return ""
