# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Content-Security-Policy from a dictionary.

Directives and source expressions are those of CSP Level 3 (https://www.w3.org/TR/CSP3/), Trusted Types, and
upgrade-insecure-requests of its own specification.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.plugin_utils._options import did_you_mean

FETCH = [
    "child-src",
    "connect-src",
    "default-src",
    "fenced-frame-src",
    "font-src",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "worker-src",
]
SOURCES = [*FETCH, "base-uri", "form-action", "frame-ancestors"]
WORDS = ["report-to", "report-uri", "require-trusted-types-for", "sandbox", "trusted-types"]
FLAGS = ["upgrade-insecure-requests", "block-all-mixed-content"]
# sandbox alone may stand without a value among those that take some.
EMPTY = [*FLAGS, "sandbox"]
DIRECTIVES = [*SOURCES, *WORDS, *FLAGS]

KEYWORDS = [
    "self",
    "none",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "wasm-unsafe-eval",
    "strict-dynamic",
    "report-sample",
    "inline-speculation-rules",
]
QUOTED = re.compile(r"'[^']*'")
HASH = re.compile(r"sha(256|384|512)-[A-Za-z0-9+/_-]+={0,2}")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
HOST = re.compile(
    r"([a-z][a-z0-9+.-]*://)?(\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:(\d+|\*))?(/[^\s;,']*)?",
    re.IGNORECASE,
)


def policy(directives: Mapping[str, Any]) -> str:
    """The header's value, in the order given. Raise ValueError with all faults."""
    faults = list(csp_faults(directives))
    if faults:
        raise ValueError("; ".join(faults))
    parts = []
    for name, given in directives.items():
        values = [_written(name, value) for value in _listed(given)]
        if values or name in EMPTY and given is not False:
            parts.append(" ".join([name, *values]))
    return "; ".join(parts)


def csp_faults(directives: Any) -> Iterator[str]:
    """What a browser would ignore or misunderstand, each with its remedy."""
    if not isinstance(directives, Mapping):
        yield "write a dictionary of directives, such as {default-src: [self]}"
        return
    for name, given in directives.items():
        if name not in DIRECTIVES:
            yield f"{name} is no directive of CSP Level 3{did_you_mean(str(name), DIRECTIVES)}"
        elif name in FLAGS:
            if given not in (True, False, None, [], ""):
                yield f"{name} takes no value; write {name}: true"
        else:
            yield from _value_faults(name, given)


def _value_faults(name: str, given: Any) -> Iterator[str]:
    values = _listed(given)
    if not values and name not in EMPTY:
        yield f"{name} has no value; write [none] to allow nothing"
    for value in values:
        if not isinstance(value, str) or not value or re.search(r"[\s;,]", value):
            yield f"{name}: {value!r} is no single value; write a list, and leave out blanks, ; and ,"
        elif name in SOURCES:
            yield from _source_faults(name, value.strip("'"))
    bare = [str(value).strip("'") for value in values]
    if name in SOURCES and "none" in bare and len(bare) > 1:
        yield f"{name}: none stands alone; take it or the others out"


def _source_faults(name: str, source: str) -> Iterator[str]:
    if source.startswith("nonce-"):
        yield f"{name}: a nonce that is always the same protects from nothing; let the application send the policy"
    elif source not in KEYWORDS and not any(
        form.fullmatch(source) for form in (HASH, SCHEME, HOST)
    ):
        yield f"{name}: {source!r} is no source{did_you_mean(source, KEYWORDS)}"
    elif name == "frame-ancestors" and (source.startswith("unsafe-") or HASH.fullmatch(source)):
        yield f"{name}: {source} has no meaning there; use self, none, a scheme or a host"


def _listed(given: Any) -> list[Any]:
    if given in (None, True, False, ""):
        return []
    return list(given) if isinstance(given, (list, tuple)) else str(given).split()


def _written(name: str, value: str) -> str:
    if name == "require-trusted-types-for" or name in SOURCES:
        bare = value.strip("'")
        if bare in KEYWORDS or HASH.fullmatch(bare) or name not in SOURCES:
            return f"'{bare}'"
    return value
