"""The question to the storage, against a server with a certificate of its own; and who is told of a backup."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _backup_notify, _backup_s3
from ansible_collections.farol.vps.plugins.module_utils._backup_faults import explain

REPOSITORY = {
    "name": "near",
    "bucket": "examplebucket",
    "region": "us-east-1",
    "access_key": "AKIAIOSFODNN7EXAMPLE",
    "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "uri_style": "host",
    "ca_file": "",
}


def test_the_signature_is_the_one_of_awss_own_example():
    """From the documentation of signature version 4: list objects, with an empty payload."""
    query = {"max-keys": "2", "prefix": "J"}
    headers = _backup_s3.signed(
        REPOSITORY, "examplebucket.s3.amazonaws.com", "/", query, "20130524T000000Z"
    )
    assert headers["authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )
    assert REPOSITORY["secret_key"] not in str(headers)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body)))
        self.send_response(self.server.answer[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.answer = [], (200, b"")
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    yield made, thread
    if thread.is_alive():
        made.shutdown()
    made.server_close()


@pytest.fixture
def storage(server, tmp_path):
    made, thread = server
    names = ["-keyout", f"{tmp_path}/key", "-out", f"{tmp_path}/pem", "-subj", "/CN=localhost"]
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            *names,
        ]
        + ["-addext", "subjectAltName=DNS:localhost", "-days", "2"],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{tmp_path}/pem", f"{tmp_path}/key")
    made.socket = context.wrap_socket(made.socket, server_side=True)
    thread.start()
    repository = {
        **REPOSITORY,
        "endpoint": f"localhost:{made.server_port}",
        "uri_style": "path",
        "ca_file": f"{tmp_path}/pem",
    }
    return made, repository


def test_a_storage_that_lets_us_in(storage):
    server, repository = storage
    assert _backup_s3.complaint(repository) == ""
    assert server.asked == ["/examplebucket?list-type=2&max-keys=1"]


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ((403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"), "refuses the credentials"),
        ((403, b""), "refuses the credentials"),
        ((404, b"<Error><Code>NoSuchBucket</Code></Error>"), "the bucket does not exist"),
        ((404, b""), "the bucket does not exist"),
        ((503, b""), ""),
    ],
)
def test_what_it_has_against_us(storage, answer, meaning):
    server, repository = storage
    server.answer = answer
    said = _backup_s3.complaint(repository)
    assert said.endswith("for bucket examplebucket") and str(answer[0]) in said
    assert meaning in explain(said)


def test_a_certificate_that_is_not_trusted(storage):
    _server, repository = storage
    said = _backup_s3.complaint({**repository, "ca_file": ""})
    assert "certificate is not trusted" in explain(said)


def test_an_authority_that_is_not_there(storage):
    _server, repository = storage
    assert "/none: No such file" in _backup_s3.complaint({**repository, "ca_file": "/none"})


def test_nobody_there():
    said = _backup_s3.complaint({**REPOSITORY, "endpoint": "localhost:1"})
    assert said.startswith("examplebucket.localhost:1: ") and "does not answer" in explain(said)


CHAT = {
    "slack_token": "T0/B0/x",
    "telegram_token": "1:token",
    "telegram_chat_id": 42,
    "on": ["failure"],
}


def test_slack_and_telegram_are_told(server):
    made, thread = server
    thread.start()
    address = f"http://127.0.0.1:{made.server_port}"
    chat = {**CHAT, "slack_url": f"{address}/services/", "telegram_url": address}
    assert _backup_notify.tell(chat, "failure", "it failed") == []
    assert made.asked == [
        ("/services/T0/B0/x", {"text": "it failed"}),
        ("/bot1:token/sendMessage", {"chat_id": "42", "text": "it failed"}),
    ]
    assert _backup_notify.tell(chat, "success", "it is well") == [] and len(made.asked) == 2


def test_who_can_not_be_told_is_named_without_the_token(server):
    made, thread = server
    made.answer = (404, b"")
    thread.start()
    address = f"http://127.0.0.1:{made.server_port}"
    chat = {**CHAT, "slack_url": address, "telegram_url": "http://127.0.0.1:1"}
    slack, telegram = _backup_notify.tell(chat, "failure", "it failed")
    assert slack == "Slack was not told: it answers 404; check backup_slack_token"
    assert telegram.startswith("Telegram was not told: ") and "1:token" not in telegram


def test_nobody_is_to_be_told():
    assert _backup_notify.tell({}, "failure", "x") == []
    assert _backup_notify.messages({"slack_token": ""}, "x") == []
