# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alertmanager's configuration: who is told of what, from version 0.23 on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean

SECRETS = "/etc/prometheus/farol/secrets"
TEMPLATES = "/etc/prometheus/farol/tmpl/*.tmpl"
SEVERITIES = ("critical", "warning", "info")
NOBODY, DEAD_MAN = "nobody", "dead-man"
# Since when Alertmanager knows it.
TELEGRAM, SMTP_FILE, TOKEN_FILE, URL_FILE = (0, 24), (0, 25), (0, 26), (0, 26)
SLACK_API = "https://slack.com/api/chat.postMessage"
TELEGRAM_API = "https://api.telegram.org"
DURATION = re.compile(r"(\d+)(s|m|h|d)")
WEBHOOK = re.compile(r"[a-z0-9][a-z0-9_-]*")
Settings = Mapping[str, Any]

# What an alert says, nobody has to hear again from those that follow from it.
INHIBIT = [
    {
        "source_matchers": ['alertname="HostDown"'],
        "target_matchers": ['alertname!~"HostDown|Watchdog"'],
        "equal": ["host"],
    },
    {
        "source_matchers": ['severity="critical"'],
        "target_matchers": ['severity="warning"'],
        "equal": ["alertname", "host", "app", "name", "mountpoint", "url", "slo"],
    },
    {
        "source_matchers": ['alertname="NginxDown"'],
        "target_matchers": ['alertname=~"EndpointDown|ErrorRate|Latency"'],
        "equal": ["host"],
    },
    {
        "source_matchers": ['alertname="ContainerDown"'],
        "target_matchers": ['alertname=~"ContainerUnhealthy|ContainerRestarting"'],
        "equal": ["host", "name"],
    },
    {
        "source_matchers": ['alertname="ContainerDown"'],
        "target_matchers": ['alertname="ServiceMissing"'],
        "equal": ["host", "app", "service"],
    },
    {
        "source_matchers": ['alertname="SloBurnFast"'],
        "target_matchers": ['alertname="SloBurnSlow"'],
        "equal": ["app", "slo"],
    },
    {
        "source_matchers": ['alertname="PostgresqlDown"'],
        "target_matchers": ['alertname="PgbouncerWaiting"'],
        "equal": ["host"],
    },
    {
        "source_matchers": ['alertname="DiskFull"'],
        "target_matchers": ['alertname="DiskFilling"'],
        "equal": ["host", "mountpoint"],
    },
]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(version))[:2])


def alertmanager_config(settings: Settings, version: str) -> dict[str, Any]:
    """The configuration file. Secrets are paths where the version reads them from files, else they stand in it."""
    known = numbers(version)
    made = _channels(settings, known)
    route = routes(settings)
    receivers = [_receiver(each, route[each], made) for each in SEVERITIES]
    receivers.append({"name": NOBODY})
    watchdog: dict[str, Any] = {"matchers": ['alertname="Watchdog"'], "receiver": NOBODY}
    if settings.get("dead_man_url"):
        receivers.append({"name": DEAD_MAN, "webhook_configs": [_dead_man(settings, known)]})
        interval = settings.get("dead_man_interval") or "1m"
        # Told again at each interval. A repetition as long as that would leave out every other one.
        watchdog |= {
            "receiver": DEAD_MAN,
            "group_wait": "0s",
            "group_interval": interval,
            "repeat_interval": f"{max(1, seconds(interval) // 2)}s",
        }
    return {
        "global": {"resolve_timeout": "5m"},
        "templates": [settings.get("templates") or TEMPLATES],
        "route": {
            "receiver": "warning",
            "group_by": ["alertname", "host", "app"],
            "group_wait": settings.get("group_wait") or "10s",
            "group_interval": settings.get("group_interval") or "1m",
            "repeat_interval": settings.get("repeat_interval") or "4h",
            "routes": [
                watchdog,
                *({"matchers": [f'severity="{each}"'], "receiver": each} for each in SEVERITIES),
            ],
        },
        "inhibit_rules": [dict(rule) for rule in INHIBIT],
        "receivers": receivers,
    }


def routes(settings: Settings) -> dict[str, list[str]]:
    """The channels of each severity. By default all hear what is critical or a warning, nobody the rest."""
    everybody = channels(settings)
    given = settings.get("route") or {}
    return {
        severity: list(
            given[severity]
            if given.get(severity) is not None
            else ([] if severity == "info" else everybody)
        )
        for severity in SEVERITIES
    }


def channels(settings: Settings) -> list[str]:
    """Names of the channels that are set."""
    found = []
    if settings.get("slack_webhook_url") or settings.get("slack_token"):
        found.append("slack")
    if settings.get("telegram_token"):
        found.append("telegram")
    if (settings.get("email") or {}).get("to"):
        found.append("email")
    return found + [webhook["name"] for webhook in settings.get("webhooks") or []]


def _channels(settings: Settings, known: tuple[int, ...]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Of each channel the list of a receiver that it belongs to, and its entry in it."""
    present = channels(settings)
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    if "slack" in present:
        found["slack"] = ("slack_configs", _slack(settings))
    if "telegram" in present:
        found["telegram"] = ("telegram_configs", _telegram(settings, known))
    if "email" in present:
        found["email"] = ("email_configs", _email(settings, known))
    for webhook in settings.get("webhooks") or []:
        name = webhook["name"]
        found[name] = (
            "webhook_configs",
            {
                "send_resolved": True,
                **_url(settings, known, f"webhook_{name}", webhook["url"]),
            },
        )
    return found


def _receiver(
    name: str, wanted: Sequence[str], made: Mapping[str, tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    receiver: dict[str, Any] = {"name": name}
    for channel in wanted:
        kind, config = made[channel]
        receiver.setdefault(kind, []).append(dict(config))
    return receiver


def _path(settings: Settings, name: str) -> str:
    return f"{settings.get('secrets') or SECRETS}/{name}"


def _url(settings: Settings, known: tuple[int, ...], name: str, url: str) -> dict[str, str]:
    return {"url_file": _path(settings, name)} if known >= URL_FILE else {"url": url}


def _dead_man(settings: Settings, known: tuple[int, ...]) -> dict[str, Any]:
    url = _url(settings, known, "dead_man_url", settings["dead_man_url"])
    return {"send_resolved": False, "max_alerts": 1, **url}


def _slack(settings: Settings) -> dict[str, Any]:
    if settings.get("slack_token"):
        reach: dict[str, Any] = {
            "api_url": settings.get("slack_url") or SLACK_API,
            "http_config": {"authorization": {"credentials_file": _path(settings, "slack_token")}},
        }
    else:
        reach = {"api_url_file": _path(settings, "slack_url")}
    channel = settings.get("slack_channel")
    return {
        "send_resolved": True,
        **reach,
        **({"channel": channel} if channel else {}),
        "color": '{{ template "farol.color" . }}',
        "title": '{{ template "farol.title" . }}',
        "title_link": '{{ template "farol.link" . }}',
        "fallback": '{{ template "farol.title" . }}',
        "text": '{{ template "farol.slack.text" . }}',
        "footer": "",
    }


def _telegram(settings: Settings, known: tuple[int, ...]) -> dict[str, Any]:
    token = (
        {"bot_token_file": _path(settings, "telegram_token")}
        if known >= TOKEN_FILE
        else {"bot_token": settings["telegram_token"]}
    )
    return {
        "send_resolved": True,
        "api_url": settings.get("telegram_url") or TELEGRAM_API,
        **token,
        "chat_id": int(settings["telegram_chat_id"]),
        # Plain text: nothing in a summary can break the markup, and the message with it.
        "parse_mode": "",
        "message": '{{ template "farol.telegram.message" . }}',
    }


def _email(settings: Settings, known: tuple[int, ...]) -> dict[str, Any]:
    email = settings["email"]
    to = email["to"] if isinstance(email["to"], str) else ", ".join(email["to"])
    login: dict[str, Any] = {}
    if email.get("username"):
        login["auth_username"] = email["username"]
        if known >= SMTP_FILE:
            login["auth_password_file"] = _path(settings, "smtp_password")
        else:
            login["auth_password"] = email["password"]
    return {
        "send_resolved": True,
        "to": to,
        "from": email["from"],
        "smarthost": email["smarthost"],
        **login,
        "require_tls": email.get("tls") is not False,
        "headers": {"Subject": '{{ template "farol.title" . }}'},
        "html": "",
        "text": '{{ template "farol.email.text" . }}',
    }


def alertmanager_secrets(settings: Settings, version: str) -> dict[str, str]:
    """Content of each secret file that this version reads, by its name."""
    known = numbers(version)
    found: dict[str, str] = {}
    if settings.get("slack_token"):
        found["slack_token"] = settings["slack_token"]
    elif settings.get("slack_webhook_url"):
        found["slack_url"] = settings["slack_webhook_url"]
    if settings.get("telegram_token") and known >= TOKEN_FILE:
        found["telegram_token"] = settings["telegram_token"]
    email = settings.get("email") or {}
    if email.get("username") and known >= SMTP_FILE:
        found["smtp_password"] = email["password"]
    if known >= URL_FILE:
        for webhook in settings.get("webhooks") or []:
            found[f"webhook_{webhook['name']}"] = webhook["url"]
        if settings.get("dead_man_url"):
            found["dead_man_url"] = settings["dead_man_url"]
    return found


def alertmanager_faults(settings: Settings, version: str) -> list[str]:
    """What this version could not do, and what names nothing. No secret is in it."""
    known, faults = numbers(version), []
    if settings.get("telegram_token"):
        if known < TELEGRAM:
            faults.append(
                f"telegram_token: Alertmanager {version} of this distribution can't write to Telegram; "
                "use slack, email or a webhook, or a host with a newer distribution"
            )
        if not re.fullmatch(r"-?\d+", str(settings.get("telegram_chat_id") or "")):
            faults.append(
                "telegram_chat_id: needs the chat's number, such as -1001234567890; a name does not work"
            )
    email = settings.get("email") or {}
    if email.get("to"):
        faults += [f"email.{key}: missing" for key in ("from", "smarthost") if not email.get(key)]
        if email.get("username") and not email.get("password"):
            faults.append("email.password: missing; or take out username")
    faults += _webhook_faults(settings)
    present = channels(settings)
    for severity, wanted in (settings.get("route") or {}).items():
        if severity not in SEVERITIES:
            faults.append(f"route.{severity}: unknown{did_you_mean(severity, SEVERITIES)}")
        for channel in wanted or []:
            if channel not in present:
                faults.append(
                    f"route.{severity}: {channel} is not set up{did_you_mean(channel, present)}"
                )
    for key in ("dead_man_interval", "group_wait", "group_interval", "repeat_interval"):
        if settings.get(key) and not DURATION.fullmatch(str(settings[key])):
            faults.append(f"{key}: {settings[key]!r} is no time; write it like 30s, 5m or 4h")
    return faults


def _webhook_faults(settings: Settings) -> list[str]:
    faults, names = [], [webhook["name"] for webhook in settings.get("webhooks") or []]
    for name in names:
        if not WEBHOOK.fullmatch(name):
            faults.append(f"webhooks: {name!r} is no name; use a-z, 0-9, _ and -")
        if name in ("slack", "telegram", "email"):
            faults.append(f"webhooks: {name} is the name of another channel; rename it")
    faults += [
        f"webhooks: two are named {name}; rename one"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    return faults


def seconds(text: str) -> int:
    """A duration such as 90s, 5m or 4h."""
    found = DURATION.fullmatch(str(text))
    if not found:
        return 60
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
