# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set single lines in files that belong to a package."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line to have in a file, in place of those that match the regular expression.

    A new one goes before the first line that matches `before`, or to the end of the file.
    """

    path: str
    regexp: str
    line: str
    before: str = ""


def amend(text: str, wanted: Line) -> str:
    """The text with the line exactly once, at the place of the last one it replaces."""
    lines = text.splitlines()
    found = [at for at, line in enumerate(lines) if re.search(wanted.regexp, line)]
    if found:
        lines[found[-1]] = wanted.line
        lines = [line for at, line in enumerate(lines) if at not in found[:-1]]
    else:
        places = [at for at, line in enumerate(lines) if re.search(wanted.before or r"(?!)", line)]
        lines.insert(places[0] if places else len(lines), wanted.line)
    return "".join(f"{line}\n" for line in lines)
