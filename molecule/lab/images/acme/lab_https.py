"""Answers in JSON over HTTPS, with the lab's certificate."""

from __future__ import annotations

import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Json(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, document: object = None, **headers: str) -> None:
        content = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        headers = {"Content_Type": "application/json", **headers}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def serve(port: int, handler: type[Json]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server.key")
    server = ThreadingHTTPServer(("", port), handler)
    # The handshake is left to the connection's own thread: a client that is slow at it would hold up all others.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()
