# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Line charts as SVG within a page: no script, nothing from elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_prometheus import (
    Points,
)

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 10, 24
# The page gives each a colour.
MOST_LINES = 8
TICKS = 4
Line = tuple[str, Points]


def chart(
    title: str,
    lines: Sequence[Line],
    start: float,
    end: float,
    step: float,
    words: Callable[[float], str],
    marks: Sequence[tuple[float, str]] = (),
    most: float | None = None,
) -> str:
    """A figure with its legend. C(words) writes a value, C(marks) are moments with a text, C(most) is the largest value there is.

    Where nothing was measured there is no line.
    """
    shown = [(name, points) for name, points in lines if points]
    # The busiest are those that people look for. By name, one has the same colour in most charts.
    shown = sorted(sorted(shown, key=lambda line: -max(v for _m, v in line[1]))[:MOST_LINES])
    hidden = len([1 for _name, points in lines if points]) - len(shown)
    if not shown:
        return f'<figure><figcaption>{escape(title)}</figcaption><p class="none">no figures</p></figure>'
    top = ceiling(max(value for _name, points in shown for _m, value in points), most)

    def x(moment: float) -> float:
        return LEFT + (moment - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - min(max(value, 0), top) / top * (HEIGHT - TOP - BOTTOM)

    inside = [*_values(top, y, words), *_days(start, end, x)]
    for moment, text in marks:
        at = f"{x(moment):.1f}"
        inside.append(
            f'<line class="mark" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">'
            f"<title>{escape(text)}</title></line>"
        )
    for number, (name, points) in enumerate(shown):
        drawn = path(points, step, x, y)
        inside.append(f'<path class="c{number}" d="{drawn}"><title>{escape(name)}</title></path>')
    legend = "".join(
        f'<li class="c{number}">{escape(name)} <small>{escape(words(points[-1][1]))}</small></li>'
        for number, (name, points) in enumerate(shown)
    )
    more = f"<li>and {hidden} more</li>" if hidden else ""
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(inside)}</svg>'
        f"<ul>{legend}{more}</ul></figure>"
    )


def ceiling(value: float, most: float | None = None) -> float:
    """A round number that is not below the value."""
    if value <= 0:
        return 1.0
    # Rounding leaves 1 of 10 a bit above or below it.
    power = 10 ** math.floor(math.log10(value) + 1e-9)
    round_up = next(power * n for n in (1, 2, 4, 5, 8, 10, 20) if power * n >= value * (1 - 1e-9))
    return round_up if most is None else min(round_up, most)


def path(
    points: Points, step: float, x: Callable[[float], float], y: Callable[[float], float]
) -> str:
    """The line, interrupted where a point is missing. A point alone is a dot, as ends are round."""
    drawn: list[str] = []
    before: float | None = None
    for moment, value in points:
        joined = before is not None and moment - before <= step * 1.5
        where = f"{x(moment):.1f} {y(value):.1f}"
        drawn.append(f"L{where}" if joined else f"M{where}h.1")
        before = moment
    return "".join(drawn)


def _values(top: float, y: Callable[[float], float], words: Callable[[float], str]) -> list[str]:
    found = []
    for number in range(TICKS + 1):
        value = top * number / TICKS
        at = y(value)
        found.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        text = escape(words(value))
        found.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    return found


def _days(start: float, end: float, x: Callable[[float], float]) -> list[str]:
    """A tick at the beginning of each day."""
    found: list[str] = []
    midnight = math.ceil(start / 86400) * 86400.0
    while midnight < end:
        at = x(midnight)
        found.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
        )
        # What would stick out at the right is not written.
        if at < WIDTH - 48:
            found.append(f'<text x="{at + 3:.1f}" y="{HEIGHT - 8}">{weekday(midnight)}</text>')
        midnight += 86400
    return found


def weekday(moment: float) -> str:
    at = time.gmtime(moment)
    return f"{('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')[at.tm_wday]} {at.tm_mday}"


def named(series: Sequence[tuple[dict[str, str], Points]], *labels: str) -> list[Line]:
    """Lines with the values of these labels as their names, in the order of the names."""
    lines: list[Any] = [
        (" ".join(own[label] for label in labels if own.get(label)), points)
        for own, points in series
    ]
    return sorted(lines)
