# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell Slack and Telegram how a backup or a drill ended. Who can't be told is no reason for either to fail."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

TIMEOUT = 20


def messages(chat: Mapping[str, Any], text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Whom to tell: a name, an address and what is sent there."""
    found = []
    if chat.get("slack_token"):
        found.append(
            ("Slack", f"{chat['slack_url'].rstrip('/')}/{chat['slack_token']}", {"text": text})
        )
    if chat.get("telegram_token"):
        address = f"{chat['telegram_url'].rstrip('/')}/bot{chat['telegram_token']}/sendMessage"
        found.append(
            ("Telegram", address, {"chat_id": str(chat["telegram_chat_id"]), "text": text[:4000]})
        )
    return found


def tell(chat: Mapping[str, Any], event: str, text: str) -> list[str]:
    """Who was not told, and why. The addresses hold the tokens, so they are in no text."""
    missed = []
    if event not in chat.get("on", ()):
        return []
    for name, address, body in messages(chat, text):
        request = urllib.request.Request(
            address, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.build_opener().open(request, timeout=TIMEOUT):
                pass
        except urllib.error.HTTPError as error:
            missed.append(
                f"{name} was not told: it answers {error.code}; check backup_{name.lower()}_token"
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            missed.append(f"{name} was not told: {reason}")
    return missed
