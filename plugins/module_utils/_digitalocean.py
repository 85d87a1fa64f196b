# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DigitalOcean's API through PyPI's `pydo`: answers, pages, repetitions, and errors in words."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

try:
    from azure.core.exceptions import AzureError
    from pydo import Client

    PYDO_ERROR = ""
except ImportError:
    PYDO_ERROR = traceback.format_exc()

    class AzureError(Exception):  # type: ignore[no-redef]
        """Stands in where nothing can be asked anyway."""


API = "https://api.digitalocean.com"
PAGE = 200
LONGEST_WAIT = 60
REMEDIES = {
    401: "set token to one that is valid; it may have expired",
    403: "give the token the scopes that this needs, to read and to write",
    404: "it was removed meanwhile, or the endpoint is not the API; run this again",
    429: "the hourly limit of requests is used up; wait, then run this again",
}
TEMPORARY = (429, 500, 502, 503, 504)
OPTIONS = {
    "token": {"type": "str", "required": True, "no_log": True},
    "endpoint": {"type": "str", "default": API},
    "ca_file": {"type": "path"},
}


class DigitalOceanError(Exception):
    """The text names the thing, what DigitalOcean said, and the remedy."""


def connect(options: Mapping[str, Any]) -> Api:
    """`options` are those of C(OPTIONS), as a module has them."""
    if not options["endpoint"].startswith("https://"):
        raise DigitalOceanError(
            f"endpoint: {options['endpoint']} would send the token unencrypted; begin it with https://"
        )
    # Its own repetitions would send a creation twice, so they are done here.
    client = Client(
        token=options["token"],
        endpoint=options["endpoint"],
        connection_verify=options["ca_file"] or True,
        retry_total=0,
        connection_timeout=10,
        read_timeout=60,
    )
    return Api(client)


class Api:
    def __init__(
        self, client: Any, sleep: Callable[[float], None] = time.sleep, tries: int = 5
    ) -> None:
        self.client, self.sleep, self.tries = client, sleep, tries

    def read(
        self, what: str, operation: str, *args: Any, want: str = "", **options: Any
    ) -> dict[str, Any]:
        """What changes nothing, or the same however often it is asked.

        `operation` is C(group.method) of the client, `want` a key that the answer has to have.
        """
        return _with(want, what, self._ask(what, operation, args, options, TEMPORARY))

    def create(
        self, what: str, operation: str, *args: Any, want: str = "", **options: Any
    ) -> dict[str, Any]:
        """Repeated only where DigitalOcean has certainly done nothing yet."""
        return _with(want, what, self._ask(what, operation, args, options, (429,)))

    def pages(self, what: str, operation: str, key: str, *args: Any, **options: Any) -> list[Any]:
        found: list[Any] = []
        page = 1
        while True:
            asked = {**options, "per_page": PAGE, "page": page}
            answer = self.read(what, operation, *args, want=key, **asked)
            # An empty list may come as null.
            found += answer.get(key) or []
            links = (answer.get("links") or {}).get("pages") or {}
            if not links.get("next"):
                return found
            page += 1

    def _ask(
        self,
        what: str,
        operation: str,
        args: Sequence[Any],
        options: Mapping[str, Any],
        again: Sequence[int],
    ) -> dict[str, Any]:
        group, method = operation.split(".")
        call = getattr(getattr(self.client, group), method)
        for attempt in range(1, self.tries + 1):
            try:
                answer = call(*args, **options) or {}
            except AzureError as error:
                status = getattr(error, "status_code", None)
                lost = status is None and 500 in again
                if attempt < self.tries and (status in again or lost):
                    self.sleep(_wait(error, attempt))
                    continue
                if status is not None and status < 400:
                    raise _strange(what) from error
                raise _failure(what, error, status, 500 not in again) from error
            except ValueError as error:
                raise _strange(what) from error
            if not isinstance(answer, dict):
                raise _strange(what)
            # pydo hands some refusals back as if they were answers.
            if isinstance(answer.get("message"), str) and isinstance(answer.get("id"), str):
                if method.startswith(("delete", "destroy")) and answer["id"] == "not_found":
                    return {}
                raise DigitalOceanError(_words(what, _status(answer["id"]), answer))
            return answer
        raise AssertionError("unreachable")


def _with(want: str, what: str, answer: dict[str, Any]) -> dict[str, Any]:
    if want and want not in answer:
        raise _strange(what)
    return answer


def _strange(what: str) -> DigitalOceanError:
    return DigitalOceanError(
        f"{what}: the answer is none of DigitalOcean's API; correct endpoint, which leads elsewhere"
    )


def refers_to(message: str, fields: Mapping[str, str]) -> str:
    """The option that DigitalOcean's words are about. `fields` gives the option of each field of the API."""
    spoken = message.lower().replace("_", " ")
    named = [option for field, option in fields.items() if field.replace("_", " ") in spoken]
    return named[0] if named else ""


def _status(identifier: str) -> int:
    return {"not_found": 404, "unauthorized": 401, "forbidden": 403}.get(identifier, 400)


def _wait(error: Exception, attempt: int) -> float:
    """Seconds until it is asked again: what the answer says, else 1, 2, 4 and so on."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    said = str(headers.get("retry-after") or "")
    return min(float(said) if said.isdigit() else 2 ** (attempt - 1), LONGEST_WAIT)


def _failure(what: str, error: Exception, status: int | None, creation: bool) -> DigitalOceanError:
    if status is None:
        remedy = "check the network and endpoint, then run this again"
        return DigitalOceanError(f"{what}: DigitalOcean does not answer ({error}); {remedy}")
    try:
        body = error.response.json()  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        body = {}
    words = _words(what, status, body if isinstance(body, Mapping) else {})
    if status >= 500 and creation:
        words += "; it may have been created all the same, which the next run finds by its name"
    return DigitalOceanError(words)


def _words(what: str, status: int, body: Mapping[str, Any]) -> str:
    said = body.get("message") or "nothing more"
    request = f", request {body['request_id']}" if body.get("request_id") else ""
    head = f"{what}: DigitalOcean refuses it with {status}: {said}{request}"
    if status >= 500:
        head = f"{what}: DigitalOcean fails with {status}: {said}{request}"
    remedy = REMEDIES.get(status)
    if status >= 500:
        remedy = "run this again later"
    return f"{head}; {remedy or 'correct what it names'}"
