# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server to look at: serve.py PORT_FILE. It is C(late) for its first two answers, and ends by itself after some minutes."""

from __future__ import annotations

import itertools
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

LIFETIME = 300
late = itertools.chain([503, 503], itertools.repeat(200))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = next(late) if self.path == "/late" else 404 if self.path == "/nowhere" else 200
        self.send_response(status)
        self.send_header("Strict-Transport-Security", "max-age=31536000")
        self.end_headers()
        self.wfile.write(b'{"status": "ok", "queue": 3}')


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    ready = Path(sys.argv[1])
    partial = ready.with_suffix(".part")
    partial.write_text(str(server.server_port), encoding="ascii")
    partial.rename(ready)
    deadline = time.monotonic() + LIFETIME
    while ready.exists() and time.monotonic() < deadline:
        time.sleep(0.1)


if __name__ == "__main__":
    # The task that starts it must not wait for it.
    if os.fork() == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        main()
