"""Certificates, a server that shows them and a Certbot without an authority: real openssl, sockets and processes."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fake_certbot


def make(folder: Path, *names: str, days: float = 90, **more):
    """A certificate for the names and its key, in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    chain, key = folder / "fullchain.pem", folder / "privkey.pem"
    fake_certbot.issue(chain, key, names, days, **more)
    return chain, key


def openssl(*words: str, data: bytes = b"") -> str:
    return subprocess.run(
        ["openssl", *words], input=data, check=True, capture_output=True
    ).stdout.decode()


def serial(path: Path) -> str:
    return openssl("x509", "-in", str(path), "-noout", "-serial").strip().partition("=")[2]


def install_certbot(folder: Path) -> Path:
    """Put C(certbot) into the folder, which then also tells its calls and takes what it is to say."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "certbot"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {fake_certbot.__file__} {folder} "$@"\n')
    command.chmod(0o755)
    return command


class Nginx(threading.Thread):
    """Shows each name the certificate that its folder held when it was loaded, and no other name any."""

    def __init__(self, folder: Path):
        super().__init__(daemon=True)
        self.reloads = folder / "reloads"
        self.sites: dict[str, Path] = {}
        self.loaded: dict[str, ssl.SSLContext] = {}
        # Looks that go by before a reload takes effect.
        self.delay = 0
        self.seen = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connect = f"127.0.0.1:{self.listener.getsockname()[1]}"

    @property
    def reload_command(self) -> list[str]:
        return ["sh", "-c", f"echo reload >> {self.reloads}"]

    @property
    def count(self) -> int:
        return len(self.reloads.read_text().splitlines()) if self.reloads.exists() else 0

    def load(self) -> None:
        self.loaded = {}
        for name, folder in self.sites.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
            self.loaded[name] = context

    def run(self) -> None:
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            if self.count > self.seen:
                if self.delay:
                    self.delay -= 1
                else:
                    self.seen = self.count
                    self.load()
            greeter = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            greeter.sni_callback = self.choose
            with client, suppress(OSError), greeter.wrap_socket(client, server_side=True):
                pass

    def choose(self, connection, name, _context):
        if name not in self.loaded:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self.loaded[name]
        return None

    def close(self) -> None:
        # A blocked accept does not notice that its socket is closed.
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Handler(SimpleHTTPRequestHandler):
    answer = None

    def do_GET(self):
        self.server.asked.append((self.headers["Host"], self.path))
        if self.server.answer:
            status, headers, body = self.server.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        else:
            super().do_GET()

    def log_message(self, *_words):
        pass


class Web(ThreadingHTTPServer):
    """Serves a folder, or with C(answer) the same to everybody."""

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.asked: list[tuple[str, str]] = []
        self.answer: tuple[int, dict[str, str], bytes] | None = None
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
