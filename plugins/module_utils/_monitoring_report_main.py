# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that timers and people run on the monitoring host for a report of the last day or week."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_facts import gather
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_page import (
    measure,
    page,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_prometheus import (
    Prometheus,
    ReportError,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_send import (
    Refused,
    Sender,
    Slack,
    Telegram,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_text import summary

CONFIG = "/etc/farol/report.json"
SECONDS = {"daily": 86400, "weekly": 7 * 86400}
CHANNELS: dict[str, Callable[..., Any]] = {"slack": Slack, "telegram": Telegram}


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="report",
        description="What happened here, for people: to Slack, to Telegram, to a file.",
    )
    parser.add_argument("what", choices=tuple(SECONDS))
    parser.add_argument("--config", default=CONFIG, help=argparse.SUPPRESS)
    parser.add_argument("--print", action="store_true", help="print it, and tell nobody")
    return parser.parse_args(given)


def configuration(path: str) -> dict[str, Any]:
    """prometheus (URL), folder, keep (files of each kind), and slack and telegram where they are told."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; run the role monitoring") from None
    except ValueError:
        raise ReportError(f"{path} is no JSON; run the role monitoring again") from None


def make(config: Mapping[str, Any], what: str, now: float) -> tuple[str, str, str]:
    """The text, the name of the file and what is in it."""
    # Whole minutes: deploys and alerts are looked for at each of them.
    prometheus = Prometheus(config["prometheus"], now // 60 * 60)
    facts = gather(prometheus, SECONDS[what])
    text = summary(facts)
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    if what == "daily":
        return text, f"daily-{date}.txt", f"{text}\n"
    return text, f"weekly-{date}.html", page(facts, measure(prometheus, SECONDS[what]))


def keep(config: Mapping[str, Any], what: str, name: str, content: str) -> Path:
    """Write the file and remove the oldest of its kind."""
    folder = Path(config["folder"])
    file, new = folder / name, folder / f".{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_text(content, encoding="utf-8")
        os.replace(new, file)
        for old in sorted(folder.glob(f"{what}-*"))[: -config["keep"]]:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(f"{error.filename}: {error.strerror}") from None
    return file


def tell(
    config: Mapping[str, Any], text: str, file: Path, whole: bool, sender: Sender
) -> list[str]:
    """Who was not told, and why. C(whole): send the file as well."""
    missed = []
    for key, channel in CHANNELS.items():
        if not config.get(key):
            continue
        try:
            to = channel(config[key], sender)
            if whole:
                to.page(text, file)
            else:
                to.text(text)
        except (Refused, ReportError) as error:
            missed.append(f"{channel.__name__} was not told: {error}")
    return missed


def main(given: Sequence[str], sender: Sender | None = None, now: float | None = None) -> int:
    asked = arguments(given)
    try:
        config = configuration(asked.config)
        text, name, content = make(config, asked.what, time.time() if now is None else now)
        if asked.print:
            sys.stdout.write(content)
            return 0
        file = keep(config, asked.what, name, content)
    except ReportError as error:
        sys.stderr.write(f"report: {error}\n")
        return 1
    missed = tell(config, text, file, asked.what == "weekly", sender or Sender())
    for line in missed:
        sys.stderr.write(f"report: {line}; the report is {file}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
