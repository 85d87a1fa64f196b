"""Slack's incoming webhooks and Telegram's bot API behind a proxy, as strict as they document themselves to be.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (errors: invalid_payload, no_text, invalid_token)
https://core.telegram.org/bots/api#sendmessage (chat_id and 1 to 4096 characters of text)
"""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote

SLACK, TELEGRAM = "hooks.slack.com", "api.telegram.org"
WEBHOOK = "T00000000/B00000000/lab0only0token"
BOT, CHAT = "1000000:lab-only-bot", "-100200300"


def answer_slack(path: str, kind: str, body: bytes) -> tuple[int, str]:
    if path != f"/services/{WEBHOOK}":
        return 403, "invalid_token"
    text = body.decode()
    if kind.startswith("application/x-www-form-urlencoded"):
        text = parse_qs(text).get("payload", [""])[0]
    try:
        payload = json.loads(text)
    except ValueError:
        return 400, "invalid_payload"
    return (200, "ok") if payload.get("text") else (400, "no_text")


def answer_telegram(path: str, kind: str, body: bytes) -> tuple[int, str]:
    def refused(code: int, why: str) -> tuple[int, str]:
        return code, json.dumps({"ok": False, "error_code": code, "description": why})

    # The name of a method is not case-sensitive.
    if unquote(path.partition("?")[0]).lower() != f"/bot{BOT}/sendMessage".lower():
        return refused(401, "Unauthorized")
    if kind.startswith("application/json"):
        given = json.loads(body)
    else:
        query = body.decode() or path.partition("?")[2]
        given = {key: values[0] for key, values in parse_qs(query).items()}
    if str(given.get("chat_id")) != CHAT:
        return refused(400, "Bad Request: chat not found")
    if not 1 <= len(given.get("text", "")) <= 4096:
        return refused(400, "Bad Request: message text is empty")
    return 200, json.dumps({"ok": True, "result": {"text": given["text"]}})


class Chat:
    """A proxy for HTTPS that answers for both; C(said) has what was taken and what was refused."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.said: list[tuple[str, int, str]] = []
        self._certificate()
        chat = self

        class Proxy(BaseHTTPRequestHandler):
            def do_CONNECT(self):
                name = self.path.partition(":")[0]
                self.send_response(200)
                self.end_headers()
                self.connection = chat.tls.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb")
                self.raw_requestline = self.rfile.readline()
                self.parse_request()
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                answer = {SLACK: answer_slack, TELEGRAM: answer_telegram}[name]
                status, text = answer(self.path, self.headers.get("content-type", ""), body)
                chat.said.append((name, status, body.decode()))
                reply = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}"
                self.wfile.write(reply.encode())
                self.wfile.flush()
                self.close_connection = True

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _certificate(self) -> None:
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=lab "
            f"-addext subjectAltName=DNS:{SLACK},DNS:{TELEGRAM} -keyout chat.key -out chat.crt"
        )
        subprocess.run(command.split(), cwd=self.folder, capture_output=True, check=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.folder / "chat.crt", self.folder / "chat.key")

    @property
    def environment(self) -> dict[str, str]:
        """What has the controller's modules ask here, and trust the answers."""
        proxy = f"http://127.0.0.1:{self.server.server_port}"
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "SSL_CERT_FILE": str(self.folder / "chat.crt"),
        }

    def taken(self, name: str) -> list[str]:
        return [body for to, status, body in self.said if to == name and status == 200]
