"""What the benchmark does on the host itself: `docker exec -i HOST python3 - WHAT [VERSION] <on_host.py`.

The image's own times in seconds: `start` until it is healthy, `migrate`. And two other ways to bring a version out,
behind the same Nginx on ports of their own: `rivals` sets them up, `recreate` and `switch` change the version,
`remove` takes them away. They get the application's own environment, so that they find its database.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

IMAGE = "172.30.99.4:5000/example-app"
OWN, RECREATED, BLUE, GREEN = 18009, 18000, 18001, 18002
FOLDER = Path("/srv/rivals")
NGINX = Path("/etc/nginx/conf.d")

# As the role has them, but for the choice between two of them.
UPSTREAM = "upstream %s { zone %s 64k; server 127.0.0.1:%d max_fails=0; keepalive 32; keepalive_timeout 2s; }\n"
SERVER = """
server {
    listen %d ssl;
    server_name api.farol.test;
    ssl_certificate /etc/farol/ca/host.crt;
    ssl_certificate_key /etc/farol/ca/host.key;
    include /etc/nginx/snippets/headers.conf;
    location / { proxy_pass http://%s; }
    location /ws { include /etc/nginx/snippets/proxy-websocket.conf; proxy_pass http://%s; }
}
"""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def environment() -> dict[str, str]:
    own = ("--filter", "label=farol.app=api", "--filter", "label=com.docker.compose.service=web")
    [details, *_] = json.loads(
        run("docker", "inspect", *run("docker", "ps", "--quiet", *own).split())
    )
    pairs = dict(pair.split("=", 1) for pair in details["Config"]["Env"])
    del pairs["APP_VERSION"]  # each image has its own
    return pairs


def healthy(port: int, pause: float) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
                return
        except OSError:
            time.sleep(pause)
    raise SystemExit(f"nothing healthy on port {port}")


def container(version: str, *options: str) -> list[str]:
    pairs = [f"--env={key}={value}" for key, value in environment().items()]
    return [
        "docker",
        "run",
        "--rm",
        "--init",
        "--network=farol-api",
        *pairs,
        *options,
        f"{IMAGE}:{version}",
    ]


def start(version: str) -> float:
    """From `docker run` until it can serve, which no way of releasing it can do without."""
    command = container(version, "--detach", f"--publish=127.0.0.1:{OWN}:8000", "--name=own-start")
    begin = time.monotonic()
    run(*command)
    healthy(OWN, 0.01)
    seconds = time.monotonic() - begin
    run("docker", "rm", "--force", "own-start")
    return seconds


def migrate(version: str) -> float:
    command = container(version)
    begin = time.monotonic()
    run(*command, "alembic", "upgrade", "head")
    return time.monotonic() - begin


def compose(name: str, version: str, *command: str) -> None:
    files = ("--project-name", f"rival-{name}", "--file", f"{FOLDER}/{name}.json")
    run("env", f"VERSION={version}", "docker", "compose", *files, *command)


def rivals(version: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    ports = {"recreated": RECREATED, "blue": BLUE, "green": GREEN}
    for name, port in ports.items():
        web = {
            "image": f"{IMAGE}:${{VERSION}}",
            "init": True,
            "environment": environment(),
            "ports": [f"127.0.0.1:{port}:8000"],
        }
        network = {"default": {"name": "farol-api", "external": True}}
        document = {"services": {"web": web}, "networks": network}
        (FOLDER / f"{name}.json").write_text(json.dumps(document))
    for name in ("recreated", "blue"):
        compose(name, version, "up", "--detach")
        healthy(ports[name], 0.05)
    servers = SERVER % (8443, "recreated", "recreated") + SERVER % (8444, "switched", "switched")
    (NGINX / "rivals.conf").write_text(UPSTREAM % ("recreated", "recreated", RECREATED) + servers)
    choose(BLUE)


def recreate(version: str) -> None:
    compose("recreated", version, "up", "--detach")


def switch(version: str) -> None:
    """Blue and green by a reload; the old one is stopped at once."""
    blue_serves = f":{BLUE} " in (NGINX / "rivals-choice.conf").read_text()
    new, old, port = ("green", "blue", GREEN) if blue_serves else ("blue", "green", BLUE)
    compose(new, version, "up", "--detach")
    healthy(port, 0.05)
    choose(port)
    compose(old, version, "stop")


def choose(port: int) -> None:
    (NGINX / "rivals-choice.conf").write_text(UPSTREAM % ("switched", "switched", port))
    run("nginx", "-t")
    run("nginx", "-s", "reload")


def remove() -> None:
    for name in ("recreated", "blue", "green"):
        compose(name, "any", "down")
    for path in NGINX.glob("rivals*.conf"):
        path.unlink()
    run("nginx", "-s", "reload")


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
