# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as people read them."""

from __future__ import annotations

import math
import time

UNKNOWN = "unknown"


def count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{round(value):,}"


def many(number: float, one: str, several: str | None = None) -> str:
    """A number with its noun."""
    number = round(number)
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def share(value: float | None, digits: int = 0) -> str:
    """Per cent. What is not all of it never reads as 100 %, what is not nothing never as 0 %."""
    if value is None:
        return UNKNOWN
    shown = f"{value:.{digits}f}"
    least = 10**-digits
    if 0 < value < 100 and float(shown) in (0.0, 100.0):
        return f"< {least:g} %" if value < 50 else f"> {100 - least:g} %"
    return f"{shown.rstrip('0').rstrip('.') if digits else shown} %"


def duration(seconds: float | None) -> str:
    """In its largest unit."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, length in (("days", 86400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{math.floor(seconds / length)} {unit}"
    return f"{seconds:.3g} s"


def size(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
        value /= 1000
    raise AssertionError


def day(moment: float) -> str:
    # Not in the language that the host happens to have.
    at = time.gmtime(moment)
    return f"{at.tm_mday} {MONTHS[at.tm_mon - 1]} {at.tm_year}"


def clock(moment: float) -> str:
    return time.strftime("%H:%M", time.gmtime(moment))


MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
