#!/usr/bin/env python
# SPDX-License-Identifier: GPL-3.0-or-later
"""site/check.py SITE : every link of a static site leads somewhere in it, and no page loads anything from another host.

Names what does not hold and exits 1. Links to other hosts are not followed.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, as the attribute of each element; the rest waits for a click.
LOADS = {
    "audio": {"src"},
    "embed": {"src"},
    "iframe": {"src"},
    "img": {"src", "srcset"},
    "input": {"src"},
    "link": {"href"},
    "object": {"data"},
    "script": {"src"},
    "source": {"src", "srcset"},
    "track": {"src"},
    "video": {"src", "poster"},
}
FOLLOWED = {"a": {"href"}, "area": {"href"}, "form": {"action"}}
CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")


class Page(HTMLParser):
    """The anchors of a page, what it loads and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.loads: set[str] = set()
        self.links: set[str] = set()
        self.style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.style = tag == "style"
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name == "style":
                self.loads.update(CSS.findall(value))
            elif name in LOADS.get(tag, ()):
                each = value.split(",") if name == "srcset" else [value]
                self.loads.update(it.split()[0] for it in each if it.strip())
            elif name in FOLLOWED.get(tag, ()):
                self.links.add(value)

    def handle_endtag(self, tag: str) -> None:
        self.style = False

    def handle_data(self, data: str) -> None:
        if self.style:
            self.loads.update(CSS.findall(data))


def elsewhere(address: str) -> bool:
    """Whether an address is on another host; data: and mailto: have none."""
    return bool(urlsplit(address).netloc)


def broken(site: Path, file: Path, address: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return False
    # From the root of a host: there a site in a folder, or one opened as files, has nothing.
    if parts.path.startswith("/"):
        return True
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not target.is_file() or not target.is_relative_to(site):
        return True
    anchor = unquote(parts.fragment)
    return bool(anchor) and target in pages and anchor not in pages[target].anchors


def faults(site: Path) -> list[str]:
    """What does not hold, a line each: the file, and the address in it."""
    site = site.resolve()
    pages = {it: Page(it.read_text()) for it in sorted(site.rglob("*.html"))}
    loads = {it: page.loads for it, page in pages.items()}
    loads |= {it: set(CSS.findall(it.read_text())) for it in sorted(site.rglob("*.css"))}
    found = [] if pages else [f"{site}: no pages"]
    for file, addresses in loads.items():
        name = file.relative_to(site)
        for address in sorted(addresses):
            if elsewhere(address):
                found.append(f"{name}: loads {address} from another host")
            elif broken(site, file, address, pages):
                found.append(f"{name}: loads {address}, which is not there")
    for file, page in pages.items():
        for address in sorted(page.links):
            if broken(site, file, address, pages):
                found.append(f"{file.relative_to(site)}: leads to {address}, which is not there")
    return found


def main(arguments: list[str]) -> int:
    (site,) = map(Path, arguments)
    found = faults(site)
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
