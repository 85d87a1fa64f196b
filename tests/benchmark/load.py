"""Requests at a fixed rate, whether or not the ones before were answered, and how many were lost."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

RATE = 100
TIMEOUT = 10


@dataclass
class Load:
    """100 requests a second over connections of their own, from `with` to its end.

    A request is lost when its connection is refused or reset, or when anything but 200 comes within 10 s.
    """

    address: str
    name: str
    path: str
    ca: str
    sent: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Load:
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        tls = ssl.create_default_context(cafile=self.ca)
        # One that Python's own strictness refuses is no concern of a load.
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        pending: set[asyncio.Task[None]] = set()
        start = time.monotonic()
        while not self._over.is_set():
            task = asyncio.create_task(self._ask(tls))
            pending.add(task)
            task.add_done_callback(pending.discard)
            self.sent += 1
            await asyncio.sleep(max(0.0, start + self.sent / RATE - time.monotonic()))
        await asyncio.gather(*pending)

    async def _ask(self, tls: ssl.SSLContext) -> None:
        try:
            status = await asyncio.wait_for(self._status(tls), TIMEOUT)
        except (OSError, TimeoutError, ValueError, IndexError) as error:
            self.lost[type(error).__name__] += 1
        else:
            if status != 200:
                self.lost[str(status)] += 1

    async def _status(self, tls: ssl.SSLContext) -> int:
        reader, writer = await asyncio.open_connection(
            self.address, 443, ssl=tls, server_hostname=self.name
        )
        try:
            writer.write(
                f"GET {self.path} HTTP/1.1\r\nHost: {self.name}\r\nConnection: close\r\n\r\n".encode()
            )
            head = await reader.readline()
            await reader.read()
            return int(head.split()[1])
        finally:
            writer.close()
