"""Stands for Slack and Telegram: takes what they take, refuses what they refuse, and writes down every request.

Usage: receiver.py PORT LOG
"""

from __future__ import annotations

import json
import re
import sys
import time
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WEBHOOK = re.compile(r"/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{8,}")
BOT = re.compile(r"/bot(\d+:[A-Za-z0-9_-]{10,})/(sendMessage|sendDocument)")
MODES = ("", "HTML", "Markdown", "MarkdownV2")
# Documented by Slack: characters of a message, attachments and blocks of one, characters of a header's and a section's text.
SLACK_TEXT, SLACK_ATTACHMENTS, SLACK_BLOCKS, SLACK_HEADER, SLACK_SECTION = 40000, 100, 50, 150, 3000
# Documented by Telegram: UTF-16 units of a message and of what stands beside a document, bytes of a document.
TELEGRAM_TEXT, TELEGRAM_CAPTION, TELEGRAM_DOCUMENT = 4096, 1024, 50_000_000


def slack_fault(body: dict) -> str:
    """What Slack answers in place of ok."""
    attachments, blocks = body.get("attachments") or [], body.get("blocks") or []
    texts = [
        body.get("text") or "",
        *(a.get("text") or a.get("fallback") or "" for a in attachments),
    ]
    if not any(texts) and not blocks:
        return "no_text"
    if len(attachments) > SLACK_ATTACHMENTS:
        return "too_many_attachments"
    if len(blocks) > SLACK_BLOCKS or any(len(text) > SLACK_TEXT for text in texts):
        return "msg_too_long"
    for block in blocks:
        text = (block.get("text") or {}).get("text", "")
        limit = SLACK_HEADER if block.get("type") == "header" else SLACK_SECTION
        if len(text) > limit:
            return "invalid_blocks"
    return ""


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def document_fault(body: dict) -> str:
    document = body.get("document")
    if not re.fullmatch(r"-?\d+", str(body.get("chat_id", ""))):
        return "Bad Request: chat not found"
    if not isinstance(document, dict) or not document["content"]:
        return "Bad Request: there is no document in the request"
    if len(document["content"].encode()) > TELEGRAM_DOCUMENT:
        return "Request Entity Too Large"
    if units(str(body.get("caption") or "")) > TELEGRAM_CAPTION:
        return "Bad Request: message caption is too long"
    return ""


def telegram_fault(body: dict) -> str:
    text = str(body.get("text") or "")
    if not re.fullmatch(r"-?\d+", str(body.get("chat_id", ""))):
        return "Bad Request: chat not found"
    if not text.strip():
        return "Bad Request: message text is empty"
    if units(text) > TELEGRAM_TEXT:
        return "Bad Request: message is too long"
    if body.get("parse_mode", "") not in MODES:
        return "Bad Request: unsupported parse_mode"
    if body.get("parse_mode") == "HTML" and text.count("<") != text.count(">"):
        return "Bad Request: can't parse entities"
    return ""


def answer(path: str, body: dict) -> tuple[str, int, str]:
    """Who was spoken to, and the answer: status and text."""
    if WEBHOOK.fullmatch(path):
        fault = slack_fault(body)
        return "slack", 400 if fault else 200, fault or "ok"
    if bot := BOT.fullmatch(path):
        document = bot[2] == "sendDocument"
        fault = document_fault(body) if document else telegram_fault(body)
        if fault:
            return (
                "telegram",
                400,
                json.dumps({"ok": False, "error_code": 400, "description": fault}),
            )
        chat = {"id": int(body["chat_id"]), "type": "supergroup", "title": "ops"}
        said = {"message_id": 1, "date": int(time.time()), "chat": chat}
        said |= {"document": {"file_id": "1"}} if document else {"text": body["text"]}
        return "telegram", 200, json.dumps({"ok": True, "result": said})
    if path in ("/webhook", "/alive"):
        return path[1:], 200, "ok"
    return "nobody", 404, "no_service"


def form(kind: str, given: bytes) -> dict:
    """The fields of a form; a file is its name and what is in it."""
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    fields = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + given).iter_parts():
        content = part.get_payload(decode=True).decode()
        name = part.get_param("name", header="content-disposition")
        file = part.get_filename()
        fields[name] = {"filename": file, "content": content} if file else content
    return fields


class Receiver(BaseHTTPRequestHandler):
    log: Path

    def do_POST(self):
        given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type", "")
        try:
            body = form(kind, given) if kind.startswith("multipart/") else json.loads(given)
        except ValueError:
            body = None
        if isinstance(body, dict):
            who, status, said = answer(self.path, body)
        else:
            who, status, said = "nobody", 400, "invalid_payload"
        entry = {"at": time.time(), "to": who, "status": status, "said": said, "body": body}
        with self.log.open("ab", buffering=0) as log:  # at once, whatever others write
            log.write(json.dumps(entry).encode() + b"\n")
        self.send_response(status)
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Receiver.log = Path(sys.argv[2])
    ThreadingHTTPServer(("", int(sys.argv[1])), Receiver).serve_forever()
