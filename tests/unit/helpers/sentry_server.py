# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A server that answers as Sentry's release API does, refuses what it refuses, and keeps every request.

`fault(method, end_of_path, ...)` has the next requests there answered by a status, C("html"), C("cut") (before it is
worked on), C("lost") (worked on, then cut), C("half") (worked on, half of the answer), or a number of seconds as a string,
by which the answer is late.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "sntryu_0123456789abcdef0123456789abcdef"
BAD_CHARACTERS = "\r\n\f\t/\\"
NOT_FOUND = {"detail": "The requested resource does not exist"}
FIELDS = {"version", "projects", "ref", "url", "owner", "dateReleased", "dateStarted", "status"}
COMMITS = {"commits", "refs", "headCommits"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000000Z"


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(status)
        self.status, self.body = status, body


def shown(text):
    """The name of a version in a path, where its case and its percent signs may differ."""
    return unquote(text)


class SentryServer(ThreadingHTTPServer):
    """One organization with its projects and repositories. C(requests) has method, path, body and headers of each."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, organization="acme", projects=("web", "api"), repositories=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.organization, self.projects = organization, list(projects)
        self.repositories = list(repositories)
        self.tokens = {TOKEN}
        self.releases, self.requests, self.chunks, self.bundles = {}, [], set(), []
        self.faults, self.errors, self.ids = {}, [], itertools.count(1)
        self.processing = False
        self.guard = threading.RLock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def close(self):
        self.shutdown()
        self.server_close()

    def fault(self, method, path, *behaviours, headers=None):
        self.faults.setdefault((method, path), []).extend((one, headers) for one in behaviours)

    def next_fault(self, method, path):
        for (wanted, end), queue in self.faults.items():
            if queue and wanted == method and path.endswith(end):
                return queue.pop(0)
        return None, None

    @property
    def asked(self):
        """Method and path of each request, without what an organization's paths have in common."""
        common = f"/api/0/organizations/{self.organization}"
        return [f"{each['method']} {each['path'].replace(common, '')}" for each in self.requests]

    def handle_error(self, request, client_address):
        """Connections are cut on purpose; else C(errors) tells what happened."""
        self.errors.append(traceback.format_exc())

    # What is kept.

    def answer(self, method, path, query, body):
        with self.guard:
            parts = [shown(part) for part in path.strip("/").split("/")]
            return self.route(method, parts, query, body)

    def route(self, method, parts, query, body):
        if parts[:2] != ["api", "0"]:
            raise Refused(404, NOT_FOUND)
        if len(parts) == 2:
            return 200, {"version": "0", "auth": {"scopes": ["org:ci"]}, "user": None}
        kind, organization, *rest = parts[2:]
        if organization != self.organization:
            raise Refused(404, NOT_FOUND)
        if kind == "projects":
            return self.project(method, rest)
        if rest == ["repos"]:
            return 200, [
                {
                    "id": "1",
                    "name": name,
                    "status": "active",
                    "url": None,
                    "provider": {"id": "git", "name": "git"},
                    "dateCreated": now(),
                }
                for name in self.repositories
            ]
        if rest == ["releases"]:
            return self.create(body) if method == "POST" else (200, self.listed(None))
        if rest[:1] == ["releases"]:
            return self.release(method, rest[1], rest[2:], body)
        if rest[:1] in (["chunk-upload"], ["artifactbundle"]):
            return self.upload(method, rest, body)
        raise Refused(404, NOT_FOUND)

    def project(self, method, rest):
        if rest[0] not in self.projects:
            raise Refused(404, NOT_FOUND)
        return 200, self.listed(rest[0])

    def listed(self, project):
        return [
            self.public(release)
            for release in reversed(self.releases.values())
            if project is None or project in release["projects"]
        ]

    def public(self, release):
        deploys, commits = release["deploys"], release["commits"]
        return {
            "id": release["id"],
            "version": release["version"],
            "shortVersion": release["version"],
            "status": release["status"],
            "ref": None,
            "url": release["url"],
            "dateReleased": release["released"],
            "dateCreated": release["created"],
            "data": {},
            "newGroups": 0,
            "owner": None,
            "commitCount": len(commits),
            "lastCommit": {"id": commits[0]["id"]} if commits else None,
            "deployCount": len(deploys),
            "lastDeploy": deploys[-1] if deploys else None,
            "authors": [],
            "projects": [
                {
                    "id": 1 + self.projects.index(slug),
                    "slug": slug,
                    "name": slug,
                    "newGroups": 0,
                    "platform": "python",
                    "platforms": ["python"],
                }
                for slug in release["projects"]
            ],
            "firstEvent": None,
            "lastEvent": None,
        }

    def create(self, body):
        faults = {}
        if not isinstance(body.get("version"), str) or not valid_version(body["version"]):
            faults["version"] = ["Release with name {} is not valid".format(body.get("version"))]
        if not isinstance(body.get("projects"), list):
            faults["projects"] = ["This field is required."]
        for key in ("dateReleased", "dateStarted"):
            if body.get(key) is not None and not TIME.fullmatch(str(body[key])):
                faults[key] = ["Datetime has wrong format."]
        if body.get("status", "open") not in ("open", "archived"):
            faults["status"] = ["Invalid status"]
        if unknown := set(body) - FIELDS - COMMITS:
            raise AssertionError(f"Sentry would ignore {unknown}")
        if faults:
            raise Refused(400, faults)
        if set(body["projects"]) - set(self.projects):
            raise Refused(400, {"projects": ["Invalid project ids or slugs"]})
        release = self.releases.get(body["version"])
        new = release is None
        if new:
            release = self.releases[body["version"]] = {
                "id": next(self.ids),
                "version": body["version"],
                "status": body.get("status", "open"),
                "url": body.get("url"),
                "released": body.get("dateReleased"),
                "created": now(),
                "projects": [],
                "commits": [],
                "deploys": [],
            }
        release["status"] = body.get("status", release["status"])
        more = [slug for slug in body["projects"] if slug not in release["projects"]]
        release["projects"] += more
        self.set_commits(release, body)
        return 201 if new or more else 208, self.public(release)

    def set_commits(self, release, body):
        refs, commits = body.get("refs"), body.get("commits")
        if (refs or commits) and self.processing:
            raise Refused(409, {"detail": "Release commits are currently being processed"})
        for commit in commits or []:
            if not commit.get("id") or len(commit["id"]) > 64:
                raise Refused(
                    400,
                    {"commits": [{"id": ["Ensure this field has no more than 64 characters."]}]},
                )
            if not TIME.fullmatch(commit.get("timestamp", "2026-11-25T00:00:00Z")):
                raise Refused(400, {"commits": [{"timestamp": ["Datetime has wrong format."]}]})
            for change in commit.get("patch_set") or []:
                if set(change) != {"path", "type"} or change["type"] not in "AMD":
                    raise Refused(
                        400,
                        {"commits": [{"patch_set": ["Commit patch_set type is not supported."]}]},
                    )
        for ref in refs or []:
            if ref["repository"] not in self.repositories:
                raise Refused(
                    400, {"refs": ["Invalid repository names: {}".format(ref["repository"])]}
                )
        if commits:
            release["commits"] = commits
        elif refs:
            release["commits"] = [{"id": ref["commit"]} for ref in refs]

    def release(self, method, version, rest, body):
        release = self.releases.get(version)
        if rest == ["previous-with-commits"]:
            return 200, self.previous(version)
        if release is None:
            raise Refused(404, NOT_FOUND)
        if rest == ["deploys"]:
            return self.deploy(method, release, body)
        if rest:
            raise Refused(404, NOT_FOUND)
        if method == "DELETE":
            del self.releases[version]
            return 204, None
        if method == "PUT":
            self.set_commits(release, body)
            release["released"] = body.get("dateReleased", release["released"])
            release["url"] = body.get("url", release["url"])
            release["status"] = body.get("status", release["status"])
        return 200, self.public(release)

    def previous(self, version):
        wanted = self.releases.get(version)
        if wanted is None:
            raise Refused(404, NOT_FOUND)
        older = [
            each for each in self.releases.values() if each["id"] < wanted["id"] and each["commits"]
        ]
        return self.public(older[-1]) if older else {}

    def deploy(self, method, release, body):
        if method == "GET":
            last = {deploy["environment"]: deploy for deploy in release["deploys"]}
            return 200, sorted(last.values(), key=lambda deploy: -int(deploy["id"]))
        environment = body.get("environment")
        if not environment or len(environment) > 64 or set(environment) & set("\n\r\f/"):
            raise Refused(400, {"environment": ["Invalid value for environment"]})
        if len(body.get("name") or "") > 64:
            raise Refused(400, {"name": ["Ensure this field has no more than 64 characters."]})
        keys = ("environment", "name", "url", "dateStarted", "dateFinished")
        deploy = {"id": str(next(self.ids)), **{key: body.get(key) for key in keys}}
        release["deploys"].append(deploy)
        return 201, deploy

    # Files of the front end.

    def upload(self, method, rest, body):
        if rest == ["chunk-upload"] and method == "GET":
            return 200, {
                "url": f"{self.url}/api/0/organizations/{self.organization}/chunk-upload/",
                "chunkSize": 8388608,
                "chunksPerRequest": 64,
                "maxFileSize": 2147483648,
                "maxRequestSize": 33554432,
                "concurrency": 1,
                "hashAlgorithm": "sha1",
                "compression": ["gzip"],
                "accept": [
                    "debug_files",
                    "release_files",
                    "sources",
                    "artifact_bundles",
                    "artifact_bundles_v2",
                ],
            }
        if rest == ["chunk-upload"]:
            self.chunks |= set(re.findall(rb'filename="([0-9a-f]{40})"', body))
            return 200, {}
        known = {chunk.decode() for chunk in self.chunks}
        missing = [chunk for chunk in body["chunks"] if chunk not in known]
        if missing:
            return 200, {"state": "not_found", "missingChunks": missing}
        self.bundles.append(body)
        return 200, {"state": "ok", "missingChunks": []}


def valid_version(version):
    plain = version.strip()
    return (
        len(version) <= 200
        and not set(version) & set(BAD_CHARACTERS)
        and plain not in ("", ".", "..")
        and plain.lower() != "latest"
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def do_GET(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        is_json = "json" in self.headers.get("Content-Type", "")
        body = json.loads(raw) if raw and is_json else raw
        self.server.requests.append(
            {"method": self.command, "path": self.path, "body": body, "headers": dict(self.headers)}
        )
        behaviour, headers = self.server.next_fault(self.command, url.path)
        if behaviour == "cut":
            return self.hang_up()
        if isinstance(behaviour, int):
            detail = {"detail": "Internal Error"}
            return self.send(behaviour, json.dumps(detail).encode(), headers)
        if behaviour == "html":
            page = b"<!DOCTYPE html><html><title>Sign in</title></html>"
            return self.send(200, page, {"Content-Type": "text/html"})
        status, answer = self.work(url, body, raw, is_json)
        if behaviour and behaviour not in ("lost", "half"):
            time.sleep(float(behaviour))
        if behaviour == "lost":
            return self.hang_up()
        payload = b"" if answer is None else json.dumps(answer).encode()
        return self.send(status, payload, {}, half=behaviour == "half")

    do_POST = do_PUT = do_DELETE = do_GET

    def work(self, url, body, raw, is_json):
        scheme, _blank, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.server.tokens:
            return 401, {"detail": "Invalid token"}
        if (
            self.command in ("POST", "PUT")
            and raw
            and not is_json
            and not url.path.endswith("chunk-upload/")
        ):
            return 415, {"detail": "Unsupported media type in request."}
        try:
            return self.server.answer(self.command, url.path, dict(parse_qsl(url.query)), body)
        except Refused as refused:
            return refused.status, refused.body

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def send(self, status, payload, headers=None, half=False):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload[: len(payload) // 2] if half else payload)
        if half:
            self.hang_up()


def digest(data):
    return hashlib.sha1(data).hexdigest()
