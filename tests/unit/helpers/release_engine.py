"""What `docker` and Nginx do for a release, in memory, with a real web server for each colour."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Engine:
    """Takes the place of C(Host.run). A name in C(broken) makes that command fail with its text."""

    def __init__(self):
        self.containers: dict[tuple[str, str], str] = {}
        self.images: dict[str, str] = {}
        self.networks: set[str] = set()
        self.servers: dict[int, HTTPServer] = {}
        self.broken: dict[str, str] = {}
        self.status = 200
        self.migrations = 0
        self.stopped: set[tuple[str, str]] = set()
        self.looping: set[str] = set()
        self.busy = 0
        self.ran: list[list[str]] = []

    def run(self, argv, env=None, limit=0):
        self.ran.append(argv)
        if argv[0] == "ss":
            return self.ss(argv)
        verb, *rest = argv[1:]
        action = verb if verb != "compose" else self.compose_verb(rest)
        if action in self.broken:
            return 1, "", self.broken[action]
        done = getattr(self, f"do_{action}")(rest, env or {})
        return done if isinstance(done, tuple) else (0, done or "", "")

    def ss(self, argv):
        if "-Hltnp" in argv:
            return 0, "", ""
        self.busy -= 1
        return 0, "ESTAB\n" if self.busy >= 0 else "", ""

    @staticmethod
    def compose_verb(rest):
        return "compose_" + next(word for word in rest if word in ("up", "run"))

    def do_info(self, rest, env):
        return "/"

    def do_network(self, rest, env):
        if rest[0] == "create":
            self.networks.add(rest[1])
        return "id" if self.networks else ""

    def do_image(self, rest, env):
        if rest[0] == "rm":
            for name in rest[1:]:
                self.images.pop(name, None)
            return ""
        found = self.images.get(rest[-1])
        return (0, found, "") if found else (1, "", "No such image")

    def do_pull(self, rest, env):
        self.images[rest[-1]] = f"sha256:{rest[-1]}"

    def do_build(self, rest, env):
        self.images[rest[rest.index("--tag") + 1]] = "sha256:built"

    def do_tag(self, rest, env):
        self.images[rest[1]] = self.images[rest[0]]

    def do_ps(self, rest, env):
        return "".join(
            f"{project}\t{service}\t{release}\t{self.state(project, service)}\t{project}/{service}\n"
            for (project, service), release in self.containers.items()
        )

    def state(self, project, service):
        if (project, service) in self.stopped:
            return "exited"
        return "restarting" if service in self.looping else "running"

    def do_stop(self, rest, env):
        self.stopped |= {tuple(name.split("/")) for name in rest}

    def do_rm(self, rest, env):
        for name in (word for word in rest if not word.startswith("--")):
            self.containers.pop(tuple(name.split("/")), None)
            self.stopped.discard(tuple(name.split("/")))

    def do_inspect(self, rest, env):
        project, service = rest[-1].split("/")
        restarts = 9 if service in self.looping else 0
        if "exit code" in rest[1]:
            return f"running, exit code 0, {restarts} restarts"
        return f"{self.state(project, service)} none {restarts}"

    def do_logs(self, rest, env):
        return "starting with s3cret-token\nready\n"

    def do_compose_up(self, rest, env):
        project = rest[rest.index("--project-name") + 1]
        public = json.loads(Path(rest[rest.index("--file") + 1]).read_text())
        named = [name for name in public["services"] if name in rest[rest.index("up") :]]
        for service in named or public["services"]:
            declared = public["services"][service]
            if declared["image"].startswith("farol/") and declared["image"] not in self.images:
                return 1, "", f"No such image: {declared['image']}"
            self.containers[(project, service)] = declared["labels"]["farol.release"]
            self.stopped.discard((project, service))
        if env.get("FAROL_PORT"):
            self.serve(int(env["FAROL_PORT"]))

    def do_compose_run(self, rest, env):
        self.migrations += 1

    def serve(self, port):
        engine = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(engine.status if self.path == "/ready" else 404)
                self.end_headers()

            def log_message(self, *args):
                pass

        if port not in self.servers:
            server = HTTPServer(("127.0.0.1", port), Answer)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            self.servers[port] = server

    def close(self):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    # What the tests ask.

    @property
    def projects(self):
        return sorted({project for project, _service in self.containers})

    def served(self, live):
        """The release that a visitor gets, or None."""
        key = (f"api-{live}", "web")
        return self.containers.get(key) if self.state(*key) == "running" else None
