"""What auditors' tools say of hosts with the whole site, at two levels; prints a table.

Takes bare hosts of the inventory `audited`. A container shares the machine's kernel, so the settings that the
role would make on a host of its own are made on the machine for as long as Lynis looks, and put back after it;
kernel.unprivileged_bpf_disabled alone can't be before the next boot. Run it on a machine that you can spare.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from playbook import PROJECT, play

sys.path.insert(0, str(PROJECT / "molecule"))
import openscap  # noqa: E402

HOSTS = {"audited-noble": "172.30.99.102", "audited-trixie": "172.30.99.103"}
INVENTORY = "audited"


def main() -> None:
    rows = []
    for level in ("baseline", "strict"):
        play(PROJECT / "playbooks/site.yml", inventory=INVENTORY, hardening_level=level)
        play(PROJECT / "playbooks/audit.yml", inventory=INVENTORY, hardening_level=level)
        for host in HOSTS:
            rows.append((host, level, "Lynis, in a container", score(host)))
        with own_kernel():
            play(PROJECT / "playbooks/audit.yml", inventory=INVENTORY, hardening_level=level)
            for host in HOSTS:
                rows.append((host, level, "Lynis, with the kernel's settings", score(host)))
        for host, address in HOSTS.items():
            rows.append((host, level, "ssh-audit, failures and warnings", ssh_audit(address)))
            # It connects more often than UFW lets an address in, which the next login would feel.
            inside(host, "for list in /proc/net/xt_recent/*; do echo / > $list; done")
    rows += [("audited-noble", "strict", *row) for row in scans()]
    print(
        "\n## What auditors say\n\n"
        "Hosts in containers with the whole site and the example application serving. The kernel's settings are the\n"
        "machine's in a container; the second line of Lynis has those of the role in force, as on a VPS.\n"
    )
    print("| host | level | what | result |\n|---|---|---|---|")
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))


def inside(host: str, command: str) -> str:
    done = subprocess.run(
        ["docker", "exec", host, "sh", "-c", command], capture_output=True, text=True, check=False
    )
    return done.stdout


def score(host: str) -> str:
    return re.findall(
        r"^hardening_index=(\d+)", inside(host, "cat /var/log/lynis-report.dat"), re.M
    )[0]


def settings() -> dict[str, object]:
    path = PROJECT / "roles/hardening/vars/main/rules_kernel.yml"
    rules = [rule for rules in yaml.safe_load(path.read_text()).values() for rule in rules]
    chosen: dict[str, object] = {}
    for rule in rules:
        if rule["level"] != "paranoid":
            chosen.update(rule.get("sysctl", {}))
    return chosen


@contextmanager
def own_kernel() -> Iterator[None]:
    """The role's settings of the kernel on the machine itself."""
    before: dict[Path, str] = {}
    try:
        for key, value in settings().items():
            path = Path("/proc/sys") / key.replace(".", "/")
            if not key.startswith("net.") and path.exists():
                before[path] = path.read_text()
                path.write_text(str(value))
        yield
    finally:
        for path, value in before.items():
            try:
                path.write_text(value)
            except OSError as error:
                print(f"benchmark: {path} stays: {error.strerror}", file=sys.stderr)


def ssh_audit(address: str) -> str:
    command = [Path(sys.executable).with_name("ssh-audit"), "--json", "--skip-rate-test", address]
    seen = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    report = json.loads(seen)
    notes = [
        algorithm.get("notes", {})
        for kind in ("kex", "key", "enc", "mac")
        for algorithm in report[kind]
    ]
    return " / ".join(
        str(sum(bool(note.get(level)) for note in notes)) for level in ("fail", "warn")
    )


def scans() -> list[tuple[str, str]]:
    openscap.prepare(*HOSTS)
    rows = []
    for what, skip in (
        ("OpenSCAP, CIS level 1 server", ""),
        ("the same without its rule that no web server be there", "package_nginx_removed"),
    ):
        score, failed = openscap.scan("audited-noble", skip)
        rows.append((what, f"{score:.1f}; failed: {', '.join(sorted(failed))}"))
    return rows


if __name__ == "__main__":
    main()
