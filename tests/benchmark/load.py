"""Requests on a fixed schedule, whether or not the ones before were answered, and what became of each.

From Python, from `with` to its end:

    with Load(Target("172.30.99.100", "api.farol.test", ca), websockets=10) as load: ...
    load.report()

As a command, for a number of seconds or until SIGTERM, with the same report as JSON on stdout:

    load.py 172.30.99.100 api.farol.test --ca ca.pem --seconds 20 --websockets 10 --versions

There are no retries: what a client would have to send again is lost. Losses are told apart. `hard` is what every
client sees: another status than the one expected, a timeout, a connection that was refused or broke. `reset` is a
kept-alive connection that ended after a request was written to it and before the first byte of the answer; many
clients send such a GET again by themselves, and no POST. A connection that ended while idle is no loss here, and
counted as `idle_closed`: a client further away would have lost the request that was on its way to it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import itertools
import json
import os
import resource
import signal
import ssl
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "get",
    "close",
    "post",
)  # GET and POST over kept-alive connections; GET over one of its own
POST_BODY = b'{"event":"load"}'
RESET = "reset"


@dataclass(frozen=True)
class Target:
    """Where to ask and under which name; plain HTTP without a CA."""

    address: str
    name: str
    ca: str | None = None
    port: int | None = None

    def tls(self) -> ssl.SSLContext | None:
        if self.ca is None:
            return None
        context = ssl.create_default_context(cafile=self.ca)
        # One that Python's own strictness refuses is no concern of a load.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


class Lost(Exception):
    """Its text says how."""


class Connection:
    """To one server, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.reused = False

    @classmethod
    async def open(cls, target: Target, tls: ssl.SSLContext | None) -> Connection:
        port = target.port or (443 if tls else 80)
        name = target.name if tls else None
        return cls(
            *await asyncio.open_connection(target.address, port, ssl=tls, server_hostname=name)
        )

    @property
    def usable(self) -> bool:
        ended = self.reader.at_eof() or self.reader.exception() or self.writer.is_closing()
        return not ended

    def close(self) -> None:
        # Without waiting for the other side, which may be gone.
        self.writer.transport.abort()

    async def ask(self, request: bytes) -> tuple[int, bytes, bool]:
        """Status, body, and whether the connection takes another request."""
        try:
            self.writer.write(request)
            first = await self.reader.readexactly(1)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Lost(RESET) if self.reused else error from None
        self.reused = True
        status, headers = await self.head(first)
        body = await self.body(headers)
        return status, body, headers.get("connection", "").lower() != "close"

    async def head(self, first: bytes = b"") -> tuple[int, dict[str, str]]:
        head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        version_and_status, *lines = head.rstrip().split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        return int(version_and_status.split()[1]), {
            name.lower(): value.strip() for name, value in pairs
        }

    async def body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self.chunks()
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        headers["connection"] = "close"  # it lasts as long as the connection
        return await self.reader.read()

    async def chunks(self) -> bytes:
        body = b""
        while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        while await self.reader.readuntil(b"\r\n") != b"\r\n":
            pass  # a trailer
        return body


@dataclass
class Tally:
    """What became of the requests of one kind."""

    sent: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def hard(self) -> int:
        return self.lost.total() - self.lost[RESET]

    def report(self) -> dict[str, Any]:
        sorted_ms = [round(1000 * seconds, 1) for seconds in sorted(self.latencies)]
        percentiles = {"p50": 0.5, "p95": 0.95, "max": 1.0}
        last = len(sorted_ms) - 1
        return {
            "sent": self.sent,
            "ok": len(self.latencies),
            "hard": self.hard,
            "reset": self.lost[RESET],
            "reasons": dict(self.lost),
            "ms": {k: sorted_ms[round(p * last)] for k, p in percentiles.items() if sorted_ms},
        }


class Load:
    """A third of the rate for each of the kinds, by turns, until its end; WebSockets held open meanwhile.

    With `websocket_seconds` these leave by themselves earlier, as clients do, and the requests go on. What `version` finds in an
    answer's body is noted with the time, so that one sees when another release answered.
    """

    def __init__(
        self,
        target: Target,
        *,
        rate: float = 330,
        kinds: tuple[str, ...] = KINDS,
        path: str = "/",
        post: str = "/webhooks/load",
        expect: int = 200,
        expect_post: int = 202,
        timeout: float = 5,
        connections: int = 20,
        websockets: int = 0,
        websocket_path: str = "/ws",
        websocket_seconds: float = float("inf"),
        version: Callable[[bytes], str | None] | None = None,
    ) -> None:
        self.target, self.rate, self.kinds, self.timeout = target, rate, kinds, timeout
        # Kept alive from the start; more of them where answers take so long that these do not suffice.
        self.connections = connections if {"get", "post"} & set(kinds) else 0
        self.expected = {"get": expect, "close": expect, "post": expect_post}
        self.version = version
        self.tallies = {kind: Tally() for kind in kinds}
        self.errors: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.versions: dict[str, dict[str, Any]] = {}
        self.changes: list[tuple[float, str]] = []
        self.websocket_seconds = websocket_seconds
        self.sockets = [WebSocket(self, websocket_path) for _ in range(websockets)]
        self.idle_closed = 0
        self.late = self.seconds = 0.0
        self._requests = {
            "get": self._request("GET", path),
            "close": self._request("GET", path, "Connection: close\r\n"),
            "post": self._request(
                "POST",
                post,
                f"Content-Type: application/json\r\nContent-Length: {len(POST_BODY)}\r\n",
                POST_BODY,
            ),
        }
        self._idle: deque[Connection] = deque()
        self._tls = target.tls()
        self._started, self._over = threading.Event(), threading.Event()

    def __enter__(self) -> Load:
        _allow_open_files()
        executor = ThreadPoolExecutor(1)
        self._running = executor.submit(lambda: asyncio.run(self._run()))
        executor.shutdown(wait=False)
        while not self._started.wait(0.05):
            if self._running.done():
                self._running.result()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._running.result()

    def now(self) -> float:
        """Seconds since the first request, as in the report."""
        return time.monotonic() - self._start

    @property
    def sent(self) -> int:
        return sum(tally.sent for tally in self.tallies.values())

    @property
    def lost(self) -> Counter[str]:
        return sum((tally.lost for tally in self.tallies.values()), Counter())

    @property
    def hard(self) -> int:
        return sum(tally.hard for tally in self.tallies.values())

    @property
    def reset(self) -> int:
        return self.lost[RESET]

    @property
    def cut(self) -> list[dict[str, Any]]:
        return [socket.cut for socket in self.sockets if socket.cut]

    def report(self) -> dict[str, Any]:
        latencies = [second for tally in self.tallies.values() for second in tally.latencies]
        return {
            "seconds": round(self.seconds, 2),
            "rate": self.rate,
            **Tally(self.sent, self.lost, latencies).report(),
            "idle_closed": self.idle_closed,
            "kinds": {kind: tally.report() for kind, tally in self.tallies.items()},
            "errors": {second: dict(reasons) for second, reasons in sorted(self.errors.items())},
            "versions": self.versions,
            "changes": self.changes,
            "websockets": {
                "opened": sum(socket.opened for socket in self.sockets),
                "echoes": sum(socket.echoes for socket in self.sockets),
                "cut": self.cut,
            },
            "late_ms": round(1000 * self.late, 1),
        }

    def _request(self, method: str, path: str, headers: str = "", body: bytes = b"") -> bytes:
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {self.target.name}\r\n{headers}\r\n".encode() + body
        )

    async def _run(self) -> None:
        self._start = time.monotonic()
        held = [asyncio.create_task(socket.hold()) for socket in self.sockets]
        await asyncio.gather(*(socket.settled.wait() for socket in self.sockets))
        opening = [Connection.open(self.target, self._tls) for _ in range(self.connections)]
        opened = await asyncio.gather(*opening, return_exceptions=True)
        self._idle.extend(each for each in opened if isinstance(each, Connection))
        pending: set[asyncio.Task[None]] = set()
        self._start = time.monotonic()
        self._started.set()
        for number in itertools.count():
            due = number / self.rate
            if (early := due - self.now()) > 0:
                await asyncio.sleep(early)
            if self._over.is_set():
                break
            self.late = max(self.late, self.now() - due)
            task = asyncio.create_task(self._ask(self.kinds[number % len(self.kinds)], due))
            pending.add(task)
            task.add_done_callback(pending.discard)
        self.seconds = self.now()
        await asyncio.gather(*pending)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        for connection in self._idle:
            connection.close()

    async def _ask(self, kind: str, due: float) -> None:
        tally = self.tallies[kind]
        tally.sent += 1
        try:
            async with asyncio.timeout(self.timeout):
                body = await self._answer(kind)
        except (Lost, OSError, EOFError, ValueError, IndexError) as error:
            reason = _reason(error)
            tally.lost[reason] += 1
            self.errors[int(due)][reason] += 1
            return
        # From when it was due, so that a load that lags behind does not make the server look better.
        tally.latencies.append(self.now() - due)
        if self.version and (version := self.version(body)):
            self._note(version, round(self.now(), 3))

    def _note(self, version: str, at: float) -> None:
        seen = self.versions.setdefault(version, {"first": at, "last": at, "answers": 0})
        seen["last"] = at
        seen["answers"] += 1
        if not self.changes or self.changes[-1][1] != version:
            self.changes.append((at, version))

    async def _answer(self, kind: str) -> bytes:
        connection = await self._connection(new=kind == "close")
        kept = False
        try:
            status, body, kept = await connection.ask(self._requests[kind])
            kept = kept and kind != "close"
        finally:
            if kept:
                self._idle.append(connection)
            else:
                connection.close()
        if status != self.expected[kind]:
            raise Lost(str(status))
        return body

    async def _connection(self, new: bool) -> Connection:
        """The one that has been idle for longest: each of them is asked again and again."""
        while self._idle and not new:
            connection = self._idle.popleft()
            if connection.usable:
                return connection
            connection.close()
            self.idle_closed += 1
        return await Connection.open(self.target, self._tls)


class WebSocket:
    """A client of an echo (RFC 6455) that says something each second, until it is cut or cancelled."""

    TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

    def __init__(self, load: Load, path: str) -> None:
        self.load, self.path = load, path
        self.settled: asyncio.Event = asyncio.Event()
        self.opened = False
        self.echoes = 0
        self.cut: dict[str, Any] | None = None

    async def hold(self) -> None:
        try:
            async with asyncio.timeout(self.load.timeout):
                connection = await self.shake_hands()
        except (Lost, OSError, EOFError, ValueError, IndexError) as error:
            self.cut = {"at": 0.0, "why": f"not opened: {_reason(error)}"}
            return
        finally:
            self.settled.set()
        self.opened = True
        listening = asyncio.create_task(self.listen(connection))
        try:
            if why := await self.talk(connection, listening):
                self.cut = {"at": round(self.load.now(), 3), "why": why}
        finally:
            listening.cancel()
            connection.close()

    async def shake_hands(self) -> Connection:
        connection = await Connection.open(self.load.target, self.load._tls)
        key = base64.b64encode(os.urandom(16))
        headers = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\n"
        )
        connection.writer.write(self.load._request("GET", self.path, headers))
        status, answer = await connection.head()
        guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key + guid).digest()).decode()
        if status != 101 or answer.get("sec-websocket-accept") != accept:
            connection.close()
            raise Lost(str(status))
        return connection

    async def talk(self, connection: Connection, listening: asyncio.Task[str]) -> str | None:
        """Until the other side ends it, which has a reason, or it has been open for long enough."""
        number = 0
        while self.load.now() < self.load.websocket_seconds:
            if self.echoes < number - self.load.timeout:
                return "no echo"
            connection.writer.write(self.frame(self.TEXT, f"{number}".encode()))
            await asyncio.wait({listening}, timeout=1)
            if listening.done():
                return listening.result()
            number += 1
        connection.writer.write(self.frame(self.CLOSE, (1000).to_bytes(2)))
        return None

    async def listen(self, connection: Connection) -> str:
        """Until the end; says how it came."""
        reader = connection.reader
        try:
            while True:
                first, length = await reader.readexactly(2)
                if length >= 126:
                    length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
                payload = await reader.readexactly(length)
                kind = first & 0x0F
                if kind == self.TEXT:
                    self.echoes += 1
                elif kind == self.PING:
                    connection.writer.write(self.frame(self.PONG, payload))
                elif kind == self.CLOSE:
                    return f"close {int.from_bytes(payload[:2])}"
        except (OSError, EOFError) as error:
            return _reason(error)

    @staticmethod
    def frame(kind: int, payload: bytes) -> bytes:
        """A short one, masked as a client has to."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        return bytes((0x80 | kind, 0x80 | len(payload))) + mask + masked


def json_version(body: bytes) -> str | None:
    """The `version` of an answer like the example application's `{"name": …, "version": …}`."""
    try:
        return json.loads(body).get("version")
    except (ValueError, AttributeError):
        return None


def _reason(error: Exception) -> str:
    known = {
        TimeoutError: "timeout",
        ConnectionRefusedError: "refused",
        asyncio.IncompleteReadError: "cut short",
    }
    return str(error) if isinstance(error, Lost) else known.get(type(error), type(error).__name__)


def _allow_open_files() -> None:
    """A server that stalls holds as many connections as come within the timeout."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description="Load for a while; the report as JSON on stdout.")
    parser.add_argument("address")
    parser.add_argument("name", help="sent as SNI and Host")
    parser.add_argument("--ca", help="plain HTTP without it")
    parser.add_argument("--port", type=int)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=330, help="requests per second, all kinds")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--path", default="/")
    parser.add_argument("--post", default="/webhooks/load", help="path that answers a POST")
    parser.add_argument("--expect-post", type=int, default=202)
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--websockets", type=int, default=0)
    parser.add_argument("--websocket-path", default="/ws")
    parser.add_argument("--websocket-seconds", type=float, default=float("inf"))
    parser.add_argument("--versions", action="store_true", help="look for version in the answers")
    options = vars(parser.parse_args())
    target = Target(*(options.pop(key) for key in ("address", "name", "ca", "port")))
    seconds = options.pop("seconds")
    version = json_version if options.pop("versions") else None

    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    options["kinds"] = tuple(options["kinds"])
    with Load(target, version=version, **options) as load:
        over.wait(seconds)
    print(json.dumps(load.report()))


if __name__ == "__main__":
    main()
