# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask an HTTP API that speaks JSON: again where that is safe, patiently where it is asked for, and never otherwise."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError, URLError

from ansible.module_utils.urls import Request
from ansible_collections.farol.vps.plugins.module_utils._sentry import SentryError, told

# What a proxy or a server that starts answers; 500 may have been worked on, and is not among them.
AGAIN = {502, 503, 504, 507, 524}
LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Answer:
    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    repeated: bool = False  # whether the same request may have been worked on before


class Unreachable(Exception):
    """No answer. C(sent) says whether the server may have got the request, C(again) whether it is worth another try."""

    def __init__(self, reason: str, sent: bool = True, again: bool = True) -> None:
        super().__init__(reason)
        self.sent, self.again = sent, again


class Uncertain(Exception):
    """A request that must not be repeated blindly has had no clear answer."""


class Api:
    """A server. C(pauses) are the seconds between the first tries; C(patience) those that a rate limit may ask for."""

    def __init__(
        self,
        url: str,
        token: str,
        timeout: float = 30,
        retries: int = 5,
        first_pause: float = 1.0,
        patience: float = 120,
        options: Mapping[str, Any] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url, self.token, self.timeout = url, token, timeout
        self.retries, self.first_pause, self.patience = retries, first_pause, patience
        self.sleep, self.asked = sleep, 0
        # A redirected POST would become a GET, and the token would follow to wherever it leads.
        self.request = Request(
            http_agent="farol.vps sentry_release",
            follow_redirects="none",
            force=True,
            **(options or {}),
        )

    def pause(self, tries: int) -> None:
        self.sleep(min(LONGEST_PAUSE, self.first_pause * 2**tries))

    def call(self, method: str, path: str, body: Any = None, repeatable: bool = True) -> Answer:
        """The answer, whatever its status. Without C(repeatable) a request that may have arrived is not sent again."""
        waited, failed, arrived = 0.0, 0, False
        while True:
            try:
                answer = self._once(method, path, body)
                if answer.status == 429:
                    pause = self._limit(answer, path, waited)
                    waited += pause
                    self.sleep(pause)
                    continue
                if answer.status not in AGAIN:
                    return replace(answer, repeated=arrived)
                reason, sent = f"answers {answer.status} {told(answer.data)[:200]}".rstrip(), True
            except Unreachable as error:
                if not error.again:
                    raise SentryError(f"{self.url}: {error}", fatal=True) from None
                reason, sent = str(error), error.sent
            arrived = arrived or sent
            if sent and not repeatable:
                raise Uncertain(reason)
            if failed >= self.retries:
                tries = f"{failed + 1} tries" if failed else "one try"
                raise SentryError(
                    f"{self.url}{path}: {reason}, after {tries}; run again when it answers",
                    fatal=True,
                )
            self.pause(failed)
            failed += 1

    def _limit(self, answer: Answer, path: str, waited: float) -> float:
        """Seconds to wait, as the server asks for."""
        pause = retry_after(answer.headers, time.time())
        pause = self.first_pause if pause is None else max(pause, 0.05)
        if waited + pause > self.patience:
            raise SentryError(
                f"{self.url}{path}: answers 429, too many requests, and asks to wait {pause:.0f} s; "
                "run again after that, or raise rate_limit_wait",
                fatal=True,
            )
        return pause

    def _once(self, method: str, path: str, body: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        self.asked += 1
        try:
            response = self.request.open(
                method, self.url + path, data=data, headers=headers, timeout=self.timeout
            )
            return self._read(response, path)
        except HTTPError as error:
            return self._read(error, path)
        except URLError as error:
            raise _unreachable(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(error) from None

    def _read(self, response: Any, path: str) -> Answer:
        status = response.code
        raw = response.read()
        headers = {key.lower(): value for key, value in dict(response.headers).items()}
        if 300 <= status < 400:
            raise SentryError(
                f"{self.url}{path}: is redirected to {headers.get('location', 'nowhere')}; set url to the server's own address",
                fatal=True,
            )
        if not raw.strip():
            return Answer(status, None, headers)
        try:
            return Answer(status, json.loads(raw), headers)
        except ValueError:
            # A proxy in front of Sentry, or Sentry while it starts, answers errors with a page.
            if status >= 400:
                return Answer(status, "with no JSON", headers)
            kind = headers.get("content-type", "no type").partition(";")[0]
            raise SentryError(
                f"{self.url}{path}: answers {status} with {kind} in place of JSON; is that the address of Sentry?",
                fatal=True,
            ) from None


def _unreachable(error: Any) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate is not trusted ({error.verify_message}); set ca_path to the authority's file"
        return Unreachable(reason, sent=False, again=False)
    if isinstance(error, ssl.SSLError):
        return Unreachable(f"no TLS: {error.reason or error}", sent=False)
    if isinstance(error, (ConnectionRefusedError, socket.gaierror)):
        return Unreachable(f"can't be reached: {error}", sent=False)
    if isinstance(error, (TimeoutError, socket.timeout)):
        return Unreachable("no answer in time")
    return Unreachable(f"the connection broke: {error or type(error).__name__}")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that a server asks to wait, as a number or a date; None where it does not say."""
    for name in ("retry-after", "x-sentry-rate-limit-reset"):
        value = str(headers.get(name) or "").strip()
        if not value:
            continue
        try:
            seconds = float(value)
        except ValueError:
            try:
                return max(0.0, parsedate_to_datetime(value).timestamp() - now)
            except (TypeError, ValueError):
                continue
        return max(0.0, seconds - now if name.startswith("x-") else seconds)
    return None
