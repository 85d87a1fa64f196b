"""Log in to PostgreSQL over TLS with a password that libpq may refuse to send, such as an empty one: PORT USER DATABASE [PASSWORD]."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import sys

SSL_REQUEST, VERSION_3, LOGGED_IN = 80877103, 196608, b"\0\0\0\0"


class Connection:
    def __init__(self, port: int) -> None:
        plain = socket.create_connection(("127.0.0.1", port), 5)
        plain.sendall(struct.pack("!ii", 8, SSL_REQUEST))
        assert plain.recv(1) == b"S"
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.stream = context.wrap_socket(plain).makefile("rwb")

    def send(self, kind: bytes, body: bytes) -> None:
        self.stream.write(kind + struct.pack("!i", len(body) + 4) + body)
        self.stream.flush()

    def receive(self) -> bytes:
        """What follows the kind of the answer. Ends when it is an error."""
        kind, length = struct.unpack("!ci", self.stream.read(5))
        body = self.stream.read(length - 4)
        if kind == b"E":
            sys.exit(body.replace(b"\0", b" ").decode())
        return body


def main(port: str, user: str, database: str, password: str = "") -> None:
    server = Connection(int(port))
    names = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database, ""))
    server.send(b"", struct.pack("!i", VERSION_3) + names)
    server.receive()

    nonce = base64.b64encode(os.urandom(18)).decode()
    first = f"n=,r={nonce}"
    opening = f"n,,{first}".encode()
    server.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(opening)) + opening)
    challenge = server.receive()[4:].decode()
    said = dict(part.split("=", 1) for part in challenge.split(","))

    salt, rounds = base64.b64decode(said["s"]), int(said["i"])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    last = f"c=biws,r={said['r']}"
    message = f"{first},{challenge},{last}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    server.send(b"p", f"{last},p={base64.b64encode(proof).decode()}".encode())
    server.receive()
    assert server.receive() == LOGGED_IN
    print(f"logged in as {user}")


main(*sys.argv[1:])
