# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Sentry takes: names of releases, tokens, bodies of requests. Pure, times are passed in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlsplit

MAX_VERSION = 200
MAX_SHA = 64
MAX_NAME = 64  # of an environment and of a deploy
REFUSED_CHARACTERS = "\r\n\f\t/\\"
REFUSED_VERSIONS = (".", "..", "latest")

COMMIT_KEYS = (
    "id",
    "repository",
    "message",
    "author_name",
    "author_email",
    "timestamp",
    "patch_set",
)

DESCRIBED = re.compile(r"(?P<tag>.+)-(?P<count>\d+)-g(?P<sha>[0-9a-f]{4,64})(?P<dirty>-dirty)?")
AFTER_TAG = re.compile(
    r"(?P<tag>.+)[+.](?P<count>\d+)\.g(?P<sha>[0-9a-f]{4,64})(?P<dirty>\.dirty)?"
)
# Neither a Git ref nor a tag of an image can hold this character.
SLASH = "~"


class SentryError(Exception):
    """What went wrong, where, and what to do. C(fatal) where every other release would meet the same."""

    def __init__(self, message: str, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


# Names of releases.


def version_fault(version: str) -> str:
    """Why Sentry would refuse a release of this name; empty where it would not."""
    plain = version.strip()
    if not plain:
        return "is empty"
    if plain.lower() in REFUSED_VERSIONS:
        return f"can't be {plain!r}"
    for character in REFUSED_CHARACTERS:
        if character in version:
            return f"holds {character!r}, which Sentry refuses"
    if len(version) > MAX_VERSION:
        return f"has {len(version)} characters; Sentry takes {MAX_VERSION}"
    return ""


def release_name(version: str, package: str = "", keep_v: bool = False) -> str:
    """The name of a release, by a Git describe, a Git ref, an image's tag, digest or full reference."""
    version = str(version).strip()
    image, version = _parted(version)
    package = package or image
    if not keep_v:
        version = re.sub(r"^v(?=\d)", "", version)
    described = DESCRIBED.fullmatch(version)
    if described:
        # What follows on a tag is newer. After a hyphen it would count as older, a pre-release.
        mark = "." if "+" in described["tag"] else "+"
        dirty = ".dirty" if described["dirty"] else ""
        version = f"{described['tag']}{mark}{described['count']}.g{described['sha']}{dirty}"
    elif version.endswith("-dirty"):
        version = f"{version[: -len('-dirty')]}+dirty"
    version = version.replace("/", SLASH)
    name = f"{package.replace('/', SLASH)}@{version}" if package else version
    if len(name) > MAX_VERSION:
        name = f"{name[: MAX_VERSION - 9]}{SLASH}{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    fault = version_fault(name)
    if fault:
        raise SentryError(f"the name of a release {fault}: {name!r}; name another version")
    return name


def _parted(version: str) -> tuple[str, str]:
    """An image's last part and its tag or digest; no image where C(version) names none."""
    image, at, digest = version.rpartition("@")
    if at and ":" in digest:
        return image.rpartition("/")[2].partition(":")[0], digest
    if version.startswith("sha256:"):
        return "", version
    image, colon, tag = version.rpartition(":")
    if colon and "/" not in tag:
        return image.rpartition("/")[2], tag
    return "", version


def version_of(name: str) -> str:
    """The version that C(release_name) made a name of. A dropped C(v) and a shortened name don't return."""
    version = name.rpartition("@")[2]
    described = AFTER_TAG.fullmatch(version)
    if described:
        dirty = "-dirty" if described["dirty"] else ""
        version = f"{described['tag']}-{described['count']}-g{described['sha']}{dirty}"
    elif version.endswith("+dirty"):
        version = f"{version[: -len('+dirty')]}-dirty"
    return version.replace(SLASH, "/")


# Who is asked.


@dataclass(frozen=True)
class Account:
    """Where to ask, and with what. C(organization) is empty for Bugsink, which has none."""

    url: str
    organization: str
    token: str
    warnings: tuple[str, ...] = ()


def embedded(token: str) -> dict[str, str]:
    """What a token of an organization says of itself: C(url), C(region_url), C(org). Empty for others."""
    parts = token.split("_")
    if len(parts) < 3 or parts[0] != "sntrys":
        return {}
    try:
        payload = json.loads(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    if not isinstance(payload, dict):
        return {}
    return {key: value for key, value in payload.items() if isinstance(value, str) and value}


def account(url: str, organization: str, token: str, backend: str = "sentry") -> Account:
    """The token's own address and organization win over the options, which are warned of where they differ."""
    token = token.strip()
    if not token:
        raise SentryError(
            "token: is empty; make one in Sentry's settings and keep it in a vault", True
        )
    if not re.fullmatch(r"[!-~]+", token):
        raise SentryError(
            "token: holds blanks or other characters that no token has; copy it anew", True
        )
    own, warnings = embedded(token), []
    if own.get("url"):
        regions = {_bare(own["url"]), _bare(own.get("region_url", ""))}
        if url and _bare(url) not in regions:
            warnings.append(f"url: the token is for {own['url']}, which is used in place of {url}")
        if not url or _bare(url) not in regions:
            url = own["url"]
    if own.get("org"):
        if organization and organization != own["org"]:
            warnings.append(
                f"organization: the token is for {own['org']}, which is used in place of {organization}"
            )
        organization = own["org"]
    url = _bare(url or "https://sentry.io")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SentryError(f"url: {url!r} is no address; begin with https://", True)
    if parts.username or parts.query or parts.fragment:
        raise SentryError(
            "url: leave out users, ? and #; it is the address of the server alone", True
        )
    if backend == "sentry" and not organization:
        raise SentryError(
            "organization: missing; set it, or use a token that begins with sntrys_", True
        )
    if organization and not re.fullmatch(r"[\w-]+", organization):
        raise SentryError(
            f"organization: {organization!r} is no slug; it stands in Sentry's address", True
        )
    return Account(url, organization, token, tuple(warnings))


def _bare(url: str) -> str:
    return re.sub(r"/api/0/?$", "", url.strip()).rstrip("/")


def release_path(organization: str, version: str = "", *more: str) -> str:
    """The path of an organization's releases, of one of them, or of what it has."""
    # As its own client writes it: @ as it is, + and all that is not plain encoded.
    parts = [quote(version, safe="@:")] if version else []
    return "/".join(["/api/0/organizations", organization, "releases", *parts, *more, ""])


# What is asked.


def stamp(seconds: float) -> str:
    """Seconds since 1970 as Sentry writes a time."""
    return (
        datetime.fromtimestamp(seconds, timezone.utc)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )


def seconds_of(text: str | None) -> float | None:
    """A time of Sentry as seconds since 1970; None where it is none."""
    found = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?", str(text or "")
    )
    if not found:
        return None
    zone = (found[4] or "Z").replace("Z", "+00:00")
    return datetime.fromisoformat(
        f"{found[1]}T{found[2]}{zone[:3]}:{zone[-2:]}"
    ).timestamp() + float(found[3] or 0)


def ref(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "repository": given["repository"],
        "commit": given["commit"],
        "previousCommit": given.get("previous") or None,
    }


def commit_faults(
    commits: Sequence[Mapping[str, Any]], refs: Sequence[Mapping[str, Any]]
) -> list[str]:
    faults = [
        f"commits[{index}].{key}: unknown; a commit has {', '.join(COMMIT_KEYS)}"
        for index, commit in enumerate(commits)
        for key in commit
        if key not in COMMIT_KEYS
    ]
    for group, key, entries in (("commits", "id", commits), ("refs", "commit", refs)):
        for index, entry in enumerate(entries):
            sha = str(entry.get(key) or "")
            if not sha:
                faults.append(f"{group}[{index}].{key}: missing")
            elif len(sha) > MAX_SHA:
                faults.append(
                    f"{group}[{index}].{key}: has {len(sha)} characters; Sentry takes {MAX_SHA}"
                )
    return faults


def deploy_faults(deploy: Mapping[str, Any]) -> list[str]:
    faults, environment = [], str(deploy.get("environment") or "")
    if not environment:
        faults.append("deploy.environment: missing; a deploy is to somewhere, such as production")
    if re.search(r"[\r\n\f/]", environment):
        faults.append("deploy.environment: leave out slashes and line breaks")
    for key in ("environment", "name"):
        if len(str(deploy.get(key) or "")) > MAX_NAME:
            faults.append(
                f"deploy.{key}: is longer than the {MAX_NAME} characters that Sentry takes"
            )
    return faults


def same_deploy(
    wanted: Mapping[str, Any], found: Mapping[str, Any], since: float | None = None
) -> bool:
    """Whether a deploy that Sentry has is the wanted one. C(since) is when it has to have ended at the earliest."""
    if found.get("environment") != wanted["environment"]:
        return False
    if (found.get("name") or None) != (wanted.get("name") or None):
        return False
    if since is None:
        return True
    ended = seconds_of(found.get("dateFinished"))
    return ended is not None and ended >= since


def told(answer: Any) -> str:
    """What Sentry says in an error, its fields named."""
    if isinstance(answer, Mapping):
        detail = answer.get("detail")
        if isinstance(detail, Mapping):
            return str(detail.get("message") or detail)
        if detail:
            return str(detail)
        return "; ".join(f"{field}: {told(fault)}" for field, fault in answer.items())
    if isinstance(answer, (list, tuple)):
        return ", ".join(told(one) for one in answer if one not in ({}, []))
    return str(answer)
