"""What Prometheus and Alertmanager of a host know, and what has reached the people."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

HERE = Path(__file__).parent / "monitoring"
NEIGHBOUR = "farol-neighbour"
PROGRAM = "/root/monitoring-receiver.py"
FETCH = "import sys, urllib.request as r; [print(r.urlopen(url, timeout=20).read().decode()) for url in sys.argv[1:]]"


def until(ask: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first answer that is true."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(1)


def _fetching(*urls: str) -> str:
    return f"python3 -c {shlex.quote(FETCH)} {shlex.join(urls)}"


@dataclass(frozen=True)
class Watcher:
    """Prometheus and Alertmanager of a host, which only the host itself can ask."""

    server: object

    def fetch(self, *urls: str) -> list[str]:
        """The answers, a line each."""
        return self.server.check_output(_fetching(*urls)).splitlines()

    def ready(self) -> bool:
        """Whether Prometheus answers questions; it listens before it has read what it knows."""
        return self.server.run(_fetching("http://127.0.0.1:9090/-/ready")).rc == 0

    def queries(self, *expressions: str) -> list[list[dict]]:
        answers = self.fetch(
            *(
                f"http://127.0.0.1:9090/api/v1/query?{urlencode({'query': expression})}"
                for expression in expressions
            )
        )
        return [json.loads(answer)["data"]["result"] for answer in answers]

    def query(self, expression: str) -> list[dict]:
        return self.queries(expression)[0]

    def value(self, expression: str) -> float | None:
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None

    def alerts(self) -> set[str]:
        """What Alertmanager knows and nobody has silenced."""
        (known,) = self.fetch("http://127.0.0.1:9093/api/v2/alerts?silenced=false")
        return {alert["labels"]["alertname"] for alert in json.loads(known)}


@dataclass(frozen=True)
class Receiver:
    """What has reached Slack and Telegram, or what stands for them: one for each host that watches, at a port of its own."""

    port: int

    @property
    def log(self) -> str:
        return f"/root/monitoring-messages-{self.port}.jsonl"

    def start(self) -> None:
        self.stop()
        subprocess.run(["docker", "cp", HERE / "receiver.py", f"{NEIGHBOUR}:{PROGRAM}"], check=True)
        command = f"echo $$ >{self.log}.pid; exec python3 {PROGRAM} {self.port} {self.log}"
        subprocess.run(["docker", "exec", "-d", NEIGHBOUR, "sh", "-c", command], check=True)
        up = f"nc -z 127.0.0.1 {self.port} && echo up"
        until(lambda: self._inside(up), 20, "the receiver's start")

    def stop(self) -> None:
        self._inside(f"[ ! -e {self.log}.pid ] || kill $(cat {self.log}.pid); rm -f {self.log}.pid")

    def messages(self, *words: str, since: float = 0) -> list[dict]:
        """Requests that hold all words, the first one first."""
        lines = self._inside(f"cat {self.log} 2>/dev/null").splitlines()
        found = [entry for entry in map(json.loads, lines) if entry["at"] >= since]
        return [
            entry
            for entry in found
            if all(word in json.dumps(entry, ensure_ascii=False) for word in words)
        ]

    @staticmethod
    def _inside(command: str) -> str:
        argv = ["docker", "exec", NEIGHBOUR, "sh", "-c", command]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
