# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An application that playbooks/scaffold.yml is tried on: as small as it can be, and ready at /health."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]
FILES = {
    "Dockerfile",
    ".dockerignore",
    "compose.yaml",
    ".env.example",
    ".github/workflows/release.yml",
}

PYTHON = """\
import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()


http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
NODE = """\
require("http").createServer((request, response) => {
  response.statusCode = request.url === "/health" ? 200 : 404;
  response.end();
}).listen(8000);
"""
SOURCES = {
    "python": {
        "requirements.txt": "",
        "app/__init__.py": "",
        "app/__main__.py": PYTHON,
        ".env": "TOKEN=secret\n",
    },
    "node": {
        "package.json": json.dumps(
            {"name": "api", "version": "1.0.0", "scripts": {"test": "node --test"}}
        ),
        "server.js": NODE,
        ".env": "TOKEN=secret\n",
    },
}


def write(folder: Path, language: str) -> Path:
    for name, text in SOURCES[language].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def scaffold(folder: Path, *options: str, **values: Any) -> subprocess.CompletedProcess[str]:
    given = {
        "scaffold_path": str(folder),
        "scaffold_name": "api",
        "scaffold_image": "ghcr.io/acme/api",
        **values,
    }
    return subprocess.run(
        [
            "ansible-playbook",
            "-i",
            "localhost,",
            "-e",
            json.dumps(given),
            "playbooks/scaffold.yml",
            *options,
        ],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }
