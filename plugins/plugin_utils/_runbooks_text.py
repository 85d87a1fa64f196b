# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages of the runbooks as text: sections of docs/alerts.md as HTML, and what can be searched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from typing import Any

GROUP = re.compile(r"^## (.+)$", re.MULTILINE)
SECTION = re.compile(r"^### (\w+)$(.*?)(?=^###? |\Z)", re.MULTILINE | re.DOTALL)
PART = re.compile(r"\*\*(Means|Look|Mend)\*\*(.*?)(?=^\*\*(?:Means|Look|Mend)\*\*|\Z)", re.M | re.S)
INLINE = re.compile(r"`([^`]+)`|\[([^]]+)\]\(([^)]+)\)|\*\*([^*]+)\*\*")
WORD = re.compile(r"\b[A-Z][a-z]+[A-Za-z0-9]*\b")

# Pages of the documentation that the site has itself.
OWN = {"runbooks/restore.md": "restore.html"}


def alerts(markdown: str, documentation: str) -> list[dict[str, str]]:
    """The sections of docs/alerts.md, in its order.

    name, group            as the headings have them
    means, look, mend      HTML; an alert that is named there is a link to its own section
    C(documentation) is the address that links to other pages of the documentation begin with.
    """
    starts = [(match.start(), match[1]) for match in GROUP.finditer(markdown)]
    names = {match[1] for match in SECTION.finditer(markdown)}
    found = []
    for match in SECTION.finditer(markdown):
        group = [title for start, title in starts if start < match.start()]
        parts = {
            part[1].lower(): _paragraphs(part[2], names - {match[1]}, documentation)
            for part in PART.finditer(match[2])
        }
        missing = {"means", "look", "mend"} - set(parts)
        if missing:
            raise ValueError(f"{match[1]}: {', '.join(sorted(missing))} is missing in its section")
        found.append({"name": match[1], "group": group[-1] if group else "", **parts})
    return found


def _paragraphs(text: str, names: set[str], documentation: str) -> str:
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text.strip())]
    return "".join(f"<p>{_inline(block, names, documentation)}</p>" for block in blocks if block)


def _inline(text: str, names: set[str], documentation: str) -> str:
    made, position = [], 0
    for match in INLINE.finditer(text):
        made.append(_linked(text[position : match.start()], names))
        code, label, target, strong = match.groups()
        if code:
            made.append(f"<code>{escape(code)}</code>")
        elif label:
            href = OWN.get(target) or _address(target, documentation)
            made.append(f'<a href="{escape(href)}">{escape(label)}</a>')
        else:
            made.append(f"<strong>{escape(strong)}</strong>")
        position = match.end()
    return "".join(made) + _linked(text[position:], names)


def _address(target: str, documentation: str) -> str:
    return target if target.startswith(("https://", "#")) else f"{documentation}/{target}"


def _linked(text: str, names: set[str]) -> str:
    def link(match: re.Match[str]) -> str:
        word = match[0]
        return f'<a href="#{word.lower()}">{word}</a>' if word in names else word

    return WORD.sub(link, escape(text, quote=False))


class _Sections(HTMLParser):
    """Collects the text of each section: its h2 is its title."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.found: list[dict[str, Any]] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.found.append({"id": dict(attrs).get("id") or "", "title": "", "text": []})
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"style", "script", "nav"} & set(self._inside):
            return
        if "h1" in self._inside:
            self.title += data
        elif "h2" in self._inside:
            self.found[-1]["title"] += data
        elif "section" in self._inside:
            self.found[-1]["text"].append(data)


def index(pages: Mapping[str, str]) -> list[dict[str, str]]:
    """What can be searched of pages of HTML, by their file names: page, href, title and text of each section."""
    found = []
    for name, page in pages.items():
        parser = _Sections()
        parser.feed(page)
        title = " ".join(parser.title.split())
        for section in parser.found:
            found.append(
                {
                    "page": title,
                    "href": f"{name}#{section['id']}",
                    "title": " ".join(section["title"].split()),
                    "text": " ".join(" ".join(section["text"]).split()),
                }
            )
    return found
