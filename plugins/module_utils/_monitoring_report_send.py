# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a report to Slack and Telegram. No text of an error has an address in it, since some of them hold a secret."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_prometheus import (
    ReportError,
)

TIMEOUT = 30
# Seconds before each further attempt, and the longest that somebody may ask us to wait.
PAUSES = (5, 20, 60)
LONGEST = 300
# Slack recommends 4000 and cuts at 40000; Telegram refuses more than 4096, and more than 1024 beside a file.
SLACK_MOST, TELEGRAM_MOST, CAPTION_MOST = 3900, 4096, 1024
MOST_PARTS = 5
MORE = "… the rest is in the report on the monitoring host."
# What the answers of Slack mean for who reads them.
REMEDIES = {
    "not_in_channel": "invite the bot to the channel",
    "channel_not_found": "check monitoring_slack_channel, and invite the bot where the channel is private",
    "invalid_auth": "check monitoring_slack_token",
    "not_authed": "check monitoring_slack_token",
    "token_revoked": "make a new monitoring_slack_token",
    "account_inactive": "make a new monitoring_slack_token",
    "missing_scope": "give the bot the scopes chat:write and files:write, and install it again",
}


class Refused(Exception):
    """Why a channel was not told."""


class Sender:
    """Asks again where that may help. Tests give a C(sleep) of their own."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.sleep = sleep

    def post(self, url: str, body: bytes, kind: str, token: str | None = None) -> bytes:
        """The body of the answer."""
        headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
        for pause in (*PAUSES, None):
            try:
                request = urllib.request.Request(url, body, headers)
                with urllib.request.build_opener().open(request, timeout=TIMEOUT) as answer:
                    return answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    said = error.read()
                if pause is None or (error.code != 429 and error.code < 500):
                    raise Refused(_said(said) or f"it answers {error.code}") from None
                pause = _asked_to_wait(error, said) or pause
            except OSError as error:
                if pause is None:
                    raise Refused(f"it can't be reached: {_reason(error)}") from None
            except ValueError:
                raise Refused("its address is no address") from None
            self.sleep(pause)
        raise AssertionError

    def json(self, url: str, document: Mapping[str, Any], token: str | None = None) -> Any:
        body = json.dumps(document).encode()
        return _document(self.post(url, body, "application/json; charset=utf-8", token))


def _reason(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error)


def _said(body: bytes) -> str:
    """What an answer says of itself, in the words of Telegram or of Slack's webhooks."""
    text = body.decode(errors="replace").strip()
    try:
        return str(json.loads(text).get("description") or "")
    except (ValueError, AttributeError):
        return text if 0 < len(text) <= 100 and "<" not in text else ""


def _asked_to_wait(error: urllib.error.HTTPError, body: bytes) -> float:
    try:
        asked = float(error.headers.get("Retry-After") or 0)
        asked = asked or float(json.loads(body)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 0
    return min(asked, LONGEST)


def _document(body: bytes) -> Any:
    try:
        document = json.loads(body)
    except ValueError:
        raise Refused("its answer is no JSON") from None
    if not isinstance(document, dict):
        raise Refused("its answer is no object")
    return document


def length(text: str) -> int:
    """As Telegram counts: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def split(text: str, most: int) -> list[str]:
    """Parts of at most this length, cut between sections, else between lines, else anywhere. There are MOST_PARTS at most."""
    parts: list[str] = []
    rest = text.strip("\n")
    while rest:
        if length(rest) <= most:
            parts.append(rest)
            break
        head = _head(rest, most)
        cut = next((at for mark in ("\n\n", "\n") if (at := head.rfind(mark)) > 0), len(head))
        parts.append(head[:cut].rstrip("\n"))
        rest = rest[cut:].lstrip("\n")
    if len(parts) > MOST_PARTS:
        last = _head(parts[MOST_PARTS - 1], most - length(MORE) - 1)
        parts = [*parts[: MOST_PARTS - 1], f"{last}\n{MORE}"]
    return parts


def _head(text: str, most: int) -> str:
    head = text[:most]
    while length(head) > most:
        head = head[: len(head) - max(1, (length(head) - most) // 2)]
    return head


def secret(path: str) -> str:
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; run the role monitoring again") from None
    if not found:
        raise ReportError(f"{path} is empty; run the role monitoring again")
    return found


class Slack:
    """Options: C(token_file), C(url) of chat.postMessage and C(channel), or C(webhook_file)."""

    name = "Slack"

    def __init__(self, options: Mapping[str, Any], sender: Sender) -> None:
        self.options, self.sender = options, sender
        self.token = secret(options["token_file"]) if options.get("token_file") else None
        self.webhook = None if self.token else secret(options["webhook_file"])

    def text(self, text: str) -> None:
        self._messages(text)

    def page(self, text: str, file: Path) -> None:
        """The message, and the page in its thread. An incoming webhook can take no files."""
        if not self.token:
            note = f"The page is {file} on the monitoring host; with monitoring_slack_token it would be here."
            self._messages(f"{text}\n\n{note}")
            return
        message = self._messages(text)
        body = file.read_bytes()
        form = {"filename": file.name, "length": len(body)}
        place = self._call("files.getUploadURLExternal", form, form=True)
        self.sender.post(place["upload_url"], body, "application/octet-stream")
        self._call(
            "files.completeUploadExternal",
            {
                "files": [{"id": place["file_id"], "title": file.name}],
                # The number of the channel: a name, as people write it, is not taken here.
                "channel_id": message["channel"],
                "thread_ts": message["ts"],
            },
        )

    def _messages(self, text: str) -> dict[str, Any]:
        first: dict[str, Any] = {}
        for part in split(_slack_text(text), SLACK_MOST):
            if self.webhook:
                body = json.dumps({"text": part}).encode()
                self.sender.post(self.webhook, body, "application/json; charset=utf-8")
                continue
            message = {"channel": self.options["channel"], "text": part, "unfurl_links": False}
            answer = self._call("chat.postMessage", message)
            first = first or answer
        return first

    def _call(self, method: str, document: Mapping[str, Any], form: bool = False) -> dict[str, Any]:
        url = f"{self.options['url'].rpartition('/')[0]}/{method}"
        if form:
            body = urllib.parse.urlencode(document).encode()
            kind = "application/x-www-form-urlencoded"
            answer = _document(self.sender.post(url, body, kind, self.token))
        else:
            answer = self.sender.json(url, document, self.token)
        if not answer.get("ok"):
            error = str(answer.get("error") or "no reason")
            remedy = f"; {REMEDIES[error]}" if error in REMEDIES else ""
            raise Refused(f"{method}: {error}{remedy}")
        return answer


def _slack_text(text: str) -> str:
    """Nothing in a name may become a link or a call to everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Telegram:
    """Options: C(token_file), C(url) and C(chat_id)."""

    name = "Telegram"

    def __init__(self, options: Mapping[str, Any], sender: Sender) -> None:
        self.options, self.sender = options, sender
        self.url = f"{options['url'].rstrip('/')}/bot{secret(options['token_file'])}"

    def text(self, text: str) -> None:
        for part in split(text, TELEGRAM_MOST):
            document = {"chat_id": self.options["chat_id"], "text": part}
            self._check(self.sender.json(f"{self.url}/sendMessage", document))

    def page(self, text: str, file: Path) -> None:
        """The page with its first line, and the rest of the text where there is more than fits beside it."""
        fits = length(text) <= CAPTION_MOST
        caption = text if fits else _head(text.partition("\n")[0], CAPTION_MOST)
        if not fits:
            self.text(text)
        kind, body = multipart({"chat_id": str(self.options["chat_id"]), "caption": caption}, file)
        self._check(_document(self.sender.post(f"{self.url}/sendDocument", body, kind)))

    def _check(self, answer: Mapping[str, Any]) -> None:
        if not answer.get("ok"):
            raise Refused(str(answer.get("description") or "no reason"))


def multipart(fields: Mapping[str, str], file: Path) -> tuple[str, bytes]:
    """Content type and body of a form with a document."""
    border = uuid4().hex
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'Content-Disposition: form-data; name="document"; filename="{file.name}"\r\nContent-Type: text/html'
    parts += [f"--{border}\r\n{head}\r\n\r\n".encode(), file.read_bytes(), b"\r\n"]
    parts.append(f"--{border}--\r\n".encode())
    return f"multipart/form-data; boundary={border}", b"".join(parts)
