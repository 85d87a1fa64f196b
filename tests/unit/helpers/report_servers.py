# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Servers that answer as Prometheus' API, Slack and Telegram do, with the limits that these document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

SLACK_TOKEN, TELEGRAM_TOKEN = "xoxb-demo-only", "123:demo-only"


class Server:
    """Keeps what it was asked in C(asked); C(faults) are answers, (status, headers, body), given before all others."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.faults: list[tuple[int, dict[str, str], Any]] = []
        self.url = ""

    def answer(self, path: str, kind: str, body: bytes, token: str) -> tuple[int, Any]:
        raise NotImplementedError


class Prometheus(Server):
    """C(vectors) and C(matrices) hold the series of questions, all others have none."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors: dict[str, list[tuple[dict[str, str], str]]] = {}
        self.matrices: dict[str, list[tuple[dict[str, str], list[tuple[float, str]]]]] = {}

    def answer(self, path: str, kind: str, body: bytes, token: str) -> tuple[int, Any]:
        given = {key: value[0] for key, value in parse_qs(body.decode()).items()}
        question = given["query"]
        self.asked.append((path, given))
        if path == "/api/v1/query":
            result = [
                {"metric": labels, "value": [float(given["time"]), value]}
                for labels, value in self.vectors.get(question, [])
            ]
            return 200, _success("vector", result)
        assert path == "/api/v1/query_range"
        start, end, step = (float(given[key]) for key in ("start", "end", "step"))
        if (end - start) / step > 11000:
            error = "exceeded maximum resolution of 11,000 points per timeseries."
            return 400, {"status": "error", "errorType": "bad_data", "error": error}
        result = [
            {"metric": labels, "values": [list(pair) for pair in values if start <= pair[0] <= end]}
            for labels, values in self.matrices.get(question, [])
        ]
        return 200, _success("matrix", result)


def _success(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


class Chat(Server):
    """Slack and Telegram. C(told) are texts by channel, C(files) pairs of a name and its content."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, list[str]] = {"slack": [], "webhook": [], "telegram": []}
        self.files: dict[str, list[tuple[str, str]]] = {"slack": [], "telegram": []}
        self.refusal = ""
        self._pending: dict[str, Any] = {}

    def answer(self, path: str, kind: str, body: bytes, token: str) -> tuple[int, Any]:
        self.asked.append((path, body))
        if path.startswith(f"/bot{TELEGRAM_TOKEN}/"):
            return self._telegram(path.rpartition("/")[2], kind, body)
        if path == "/upload":
            self._pending["content"] = body.decode()
            return 200, f"OK - {len(body)}"
        if path == "/services/T0/B0/demo":
            self.told["webhook"].append(json.loads(body)["text"])
            return 200, "ok"
        return 200, self._slack(path, kind, body, token)

    def _slack(self, path: str, kind: str, body: bytes, token: str) -> dict[str, Any]:
        """Slack refuses with the status 200."""
        if token != f"Bearer {SLACK_TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        if self.refusal:
            return {"ok": False, "error": self.refusal}
        method = path.removeprefix("/api/")
        if method == "chat.postMessage":
            given = json.loads(body)
            if len(given["text"]) > 40000:
                return {"ok": False, "error": "msg_too_long"}
            self.told["slack"].append(given["text"])
            return {"ok": True, "channel": "C0DEMO", "ts": f"170.{len(self.told['slack'])}"}
        if method == "files.getUploadURLExternal":
            assert kind == "application/x-www-form-urlencoded"
            given = parse_qs(body.decode())
            self._pending = {
                "name": given["filename"][0],
                "length": int(given["length"][0]),
            }
            return {"ok": True, "upload_url": f"{self.url}/upload", "file_id": "F0DEMO"}
        assert method == "files.completeUploadExternal"
        given = json.loads(body)
        if given["channel_id"] != "C0DEMO":
            return {"ok": False, "error": "channel_not_found"}
        known = [f"170.{number + 1}" for number in range(len(self.told["slack"]))]
        if given["thread_ts"] not in known or [f["id"] for f in given["files"]] != ["F0DEMO"]:
            return {"ok": False, "error": "invalid_arguments"}
        if len(self._pending["content"].encode()) != self._pending["length"]:
            return {"ok": False, "error": "file_update_failed"}
        self.files["slack"].append((self._pending["name"], self._pending["content"]))
        return {"ok": True, "files": given["files"]}

    def _telegram(self, method: str, kind: str, body: bytes) -> tuple[int, Any]:
        if self.refusal:
            return _bad_request(self.refusal)
        if method == "sendMessage":
            text = json.loads(body)["text"]
            if not text or _utf16(text) > 4096:
                return _bad_request("message is too long")
            self.told["telegram"].append(text)
            return 200, {"ok": True, "result": {"message_id": 1}}
        assert method == "sendDocument"
        parser = BytesParser(policy=HTTP)
        form = parser.parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        fields = {
            part.get_param("name", header="content-disposition"): part for part in form.iter_parts()
        }
        caption = fields["caption"].get_payload(decode=True).decode()
        if _utf16(caption) > 1024:
            return _bad_request("message caption is too long")
        document = fields["document"]
        content = document.get_payload(decode=True).decode()
        self.told["telegram"].append(caption)
        self.files["telegram"].append((document.get_filename(), content))
        return 200, {"ok": True, "result": {"message_id": 2}}


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _bad_request(reason: str) -> tuple[int, Any]:
    return 400, {"ok": False, "error_code": 400, "description": f"Bad Request: {reason}"}


@contextmanager
def serve(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if server.faults:
                server.asked.append((self.path, body))
                status, headers, said = server.faults.pop(0)
            else:
                kind, token = self.headers["Content-Type"], self.headers.get("Authorization", "")
                headers, (status, said) = {}, server.answer(self.path, kind, body, token)
            text = said if isinstance(said, str) else json.dumps(said)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
