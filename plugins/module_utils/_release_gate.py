# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions that a release has to answer: its own port before the switch, Nginx after it."""

from __future__ import annotations

import http.client
import socket
import ssl
import time

from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed

POLL = 0.05  # seconds between two questions
LOOK = 10  # questions between two looks at the container, since asking Docker costs more than asking the app
NGINX_PORT = 443
PATIENCE = 5  # seconds that Nginx may take to pass requests to the new release
UPSTREAM = "X-Farol-Upstream"  # Nginx tells the host itself which release has answered
RESTARTS = 3  # after so many, a container is taken to crash each time


def health(app):
    return {"path": "/health", "timeout": 60, "docker": False, **(app.get("health") or {})}


def ask(port, app):
    """Whether the health path answers 200 on a port of the loopback interface, and what was seen."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        headers = {"Host": app.get("domain") or "localhost"}
        connection.request("GET", health(app)["path"], headers=headers)
        status = connection.getresponse().status
        return status == 200, f"status {status}"
    except (OSError, http.client.HTTPException) as error:
        return False, str(error) or type(error).__name__
    finally:
        connection.close()


def look(host, container):
    """What Docker says of a container: its state, its health where the image checks it, its restarts."""
    form = "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}}"
    code, out, _err = host.run(["docker", "inspect", "--format", form, container.id])
    if code or len(out.split()) != 3:
        return "gone", "none", 0
    state, healthy, restarts = out.split()
    return state, healthy, int(restarts)


def gate(host, find, port, app, release):
    """Wait until a release is healthy. C(find) gives its container. Raises C(Failed) with its last words."""
    wanted = health(app)
    deadline = time.monotonic() + wanted["timeout"]
    seen, why, questions = "nothing yet", "", 0
    while time.monotonic() < deadline:
        passed, seen = ask(port, app)
        questions += 1
        if passed and not wanted["docker"]:
            return
        if passed or questions % LOOK == 0:
            why, ready = _judge(host, find())
            if why or (passed and ready):
                break
            if passed:
                seen = "status 200, and Docker does not call it healthy yet"
        time.sleep(POLL)
    if not why and seen == "status 200":
        return
    raise Failed(
        f"release {release} did not pass GET {wanted['path']} within {wanted['timeout']} s: {why or seen}; "
        f"{host.evidence(find())}"
    )


def _judge(host, container):
    """Why waiting on is of no use, or nothing; and whether Docker calls it healthy or has no opinion."""
    if container is None:
        return "the container stopped", False
    state, healthy, restarts = look(host, container)
    if state not in ("created", "running", "restarting"):
        return "the container stopped", False
    if restarts >= RESTARTS:
        return f"the container was started {restarts + 1} times and ended each time", False
    # Docker calls a container unhealthy that is only being started again.
    if healthy == "unhealthy" and state == "running" and not restarts:
        return "Docker calls the container unhealthy", False
    return "", healthy in ("healthy", "none")


def through_nginx(app, port):
    """Ask for the public name on this host until the release at C(port) has answered."""
    deadline = time.monotonic() + PATIENCE
    while True:
        passed, seen = _ask_nginx(app, port)
        if passed:
            return
        if time.monotonic() > deadline:
            raise Failed(
                f"Nginx on this host does not pass https://{app['domain']}{health(app)['path']} to the new release: {seen}; "
                "run the nginx role, or set app_ask_nginx to false where another server stands in front"
            )
        time.sleep(POLL)


def _ask_nginx(app, port):
    try:
        with socket.create_connection(("127.0.0.1", NGINX_PORT), timeout=5) as plain:
            # Whether the certificate is good is a question of another check.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPConnection(app["domain"])
            connection.sock = context.wrap_socket(plain, server_hostname=app["domain"])
            connection.request("GET", health(app)["path"])
            answer = connection.getresponse()
            upstream = (answer.getheader(UPSTREAM) or "").split(",")[-1].strip()
    except (OSError, http.client.HTTPException) as error:
        return False, str(error) or type(error).__name__
    if not upstream:
        return False, f"status {answer.status} without saying which release was asked"
    return (
        upstream == f"127.0.0.1:{port}" and answer.status == 200,
        f"status {answer.status} from {upstream}",
    )


def connections(host, port):
    """How many connections to a port of this host are open, Nginx's own included."""
    code, out, _err = host.run(["ss", "-Htn", "state", "established", f"( dport = :{port} )"])
    return 0 if code else len(out.splitlines())


def drain(host, port, limit):
    """Wait until no connection to a port is open, at most C(limit) seconds."""
    deadline = time.monotonic() + limit
    while connections(host, port) and time.monotonic() < deadline:
        time.sleep(POLL)
