# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of the unit tests as a process: serve.py FOLDER_OF_THE_SERVER PORT_FILE. It ends by itself after some minutes.

C(/asked) has what it was asked for so far, as method and path. C(/fault?POST=/releases/&status=503) has the next such request fail.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, sys.argv[1])

import sentry_server  # noqa: E402  pylint: disable=import-error,wrong-import-position

LIFETIME = 300


class Handler(sentry_server.Handler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/asked":
            self.send(200, json.dumps(self.server.asked).encode())
        elif url.path == "/fault":
            query = parse_qs(url.query)
            status = int(query.pop("status")[0])
            for method, paths in query.items():
                self.server.fault(method, paths[0], status)
            self.send(200, b"{}")
        else:
            super().do_GET()

    do_POST = do_PUT = do_DELETE = do_GET


def main() -> None:
    server = sentry_server.SentryServer()
    server.RequestHandlerClass = Handler
    ready = Path(sys.argv[2])
    partial = ready.with_suffix(".part")
    partial.write_text(str(server.server_port), encoding="ascii")
    partial.rename(ready)
    deadline = time.monotonic() + LIFETIME
    while ready.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    server.close()


if __name__ == "__main__":
    # The task that starts it must not wait for it.
    if os.fork() == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        main()
