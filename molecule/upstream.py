"""An application for Nginx to stand in front of: says what arrived, and misbehaves when asked to. Runs on the host itself.

upstream.py PORT NAME
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = "<!doctype html><html lang=en><title>Upstream</title><p>Hello. " + "Lighthouse. " * 200


class Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def answer(
        self, body: str | bytes, kind: str = "text/html", status: int = 200, **headers: str
    ) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": len(content),
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        Application.asked += 1
        if path.endswith("/echo"):
            told = {name.lower(): value for name, value in self.headers.items()}
            self.answer(
                json.dumps({"name": sys.argv[2], "path": self.path, "headers": told}),
                "application/json",
            )
        elif path == "/policy":
            self.answer(PAGE, Content_Security_Policy="script-src 'nonce-made-by-the-application'")
        elif path == "/count/cached" or path == "/count":
            self.answer(
                str(Application.asked), "text/plain", X_Powered_By="upstream", Server="upstream/1"
            )
        elif path == "/fail":
            self.answer("failed", "text/plain", 500)
        elif path == "/silent":
            self.close_connection = True
        elif path == "/events":
            self.events()
        elif path.startswith("/slow"):
            time.sleep(float(self.path.partition("=")[2] or 1))
            self.answer("done", "text/plain")
        elif path.startswith("/image"):
            self.answer(b"\x89PNG" + b"\0" * 4000, "image/png")
        else:
            self.answer(PAGE)

    do_HEAD = do_GET

    def events(self) -> None:
        """One event now, one after five seconds."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(2):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
            time.sleep(5)
        self.close_connection = True

    def do_POST(self) -> None:
        """How much came, and how long after its head the first byte and the last one did."""
        start, came, first = time.monotonic(), 0, 0.0
        wanted = int(self.headers["Content-Length"])
        while came < wanted:
            came += len(self.rfile.read1(min(1 << 20, wanted - came)))
            first = first or time.monotonic() - start
        told = {"bytes": came, "first": first, "last": time.monotonic() - start}
        self.answer(json.dumps(told), "application/json")

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 1024
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Application).serve_forever()
