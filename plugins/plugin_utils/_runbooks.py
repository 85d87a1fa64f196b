# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands of the runbooks, as data: a page prints them, and a test runs them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Host = Mapping[str, Any]
Command = dict[str, Any]

CONTROLLER, HOST = "controller", "host"
JOURNAL = "journalctl --no-pager --lines 50"
RELEASES = '{{.Names}}\\t{{.Status}}\\t{{.Label "farol.release"}}'


class Writer:
    """Makes commands in the words of one inventory.

    C(inventory) is the path that follows -i, C(options) is what every ansible-playbook gets besides,
    C(prefix) stands before a playbook's name: a folder with its slash, or a collection's name with its dot.
    """

    def __init__(
        self, hosts: Sequence[Host], inventory: str, options: str = "", prefix: str = "playbooks/"
    ) -> None:
        self.hosts, self.inventory, self.options, self.prefix = hosts, inventory, options, prefix

    def playbook(
        self,
        topic: str,
        about: str,
        title: str,
        name: str,
        on: Sequence[str] = (),
        changes: bool = True,
        flags: str = "",
        **variables: str,
    ) -> Command:
        """A playbook on the hosts `on`, or on all of them."""
        limit = self.limit(on)
        words = [
            "ansible-playbook",
            f"-i {shlex.quote(self.inventory)}",
            self.options,
            self.prefix + name + (".yml" if self.prefix.endswith("/") else ""),
            f"--limit {shlex.quote(limit)}" if limit else "",
            flags,
            *(f"-e {shlex.quote(f'{key}={value}')}" for key, value in variables.items()),
        ]
        return {
            "topic": topic,
            "about": about,
            "title": title,
            "where": CONTROLLER,
            "host": "",
            "changes": changes,
            "playbook": name,
            "limit": limit,
            "variables": variables,
            "run": " ".join(word for word in words if word),
        }

    def here(self, topic: str, about: str, title: str, run: str, changes: bool = False) -> Command:
        """Anything else on the controller."""
        return self._plain(topic, about, title, run, CONTROLLER, "", changes)

    def there(
        self, topic: str, about: str, title: str, host: str, run: str, changes: bool = False
    ) -> Command:
        """On one host, as root."""
        return self._plain(topic, about, title, run, HOST, host, changes)

    @staticmethod
    def _plain(
        topic: str, about: str, title: str, run: str, where: str, host: str, changes: bool
    ) -> Command:
        return {
            "topic": topic,
            "about": about,
            "title": title,
            "where": where,
            "host": host,
            "changes": changes,
            "playbook": "",
            "limit": "",
            "variables": {},
            "run": run,
        }

    def limit(self, names: Sequence[str]) -> str:
        """What leaves these hosts of the inventory: nothing for all, else a group of exactly these, or their names."""
        if not names or set(names) == {host["name"] for host in self.hosts}:
            return ""
        members: dict[str, set[str]] = {}
        for host in self.hosts:
            for group in host["groups"]:
                members.setdefault(group, set()).add(host["name"])
        if len(names) > 1:
            for group in sorted(members, key=lambda group: (len(group), group)):
                if members[group] == set(names):
                    return group
        return ",".join(names)


def applications(hosts: Sequence[Host]) -> dict[str, list[str]]:
    """The hosts of each application, by its name."""
    return {app["name"]: app["hosts"] for host in hosts for app in host["apps"]}


def commands(
    hosts: Sequence[Host],
    inventory: str,
    options: str = "",
    prefix: str = "playbooks/",
    vaults: Sequence[str] = (),
) -> list[Command]:
    """All commands, in the order of the pages.

    topic, about   the page, and what on it: an application, a host, or a host and a source
    title          what it is for
    where, host    C(controller), or C(host) and which
    changes        whether anything is changed by it, files of reports apart
    playbook, limit, variables   of an ansible-playbook
    run            the line to copy; words in capitals are for the reader to replace
    """
    write = Writer(hosts, inventory, options, prefix)
    found: list[Command] = []
    for app, on in applications(hosts).items():
        found += [*_deploy(write, app, on), *_rollback(write, app, on)]
    for host in hosts:
        found += [*_restore(write, host), *_logs(write, host), *_certificates(write, host)]
        found += _lost(write, host)
    return [*found, *_secrets(write, vaults), *_incident(write)]


def _deploy(write: Writer, app: str, on: list[str]) -> Iterator[Command]:
    topic = "deploy"
    yield write.playbook(
        topic, app, "See what serves and what was released", "releases", on, False, app=app
    )
    yield write.playbook(topic, app, "Release a version", "deploy", on, app=app, version="VERSION")
    yield write.playbook(
        topic,
        app,
        "Show it to a tenth of the visitors first",
        "deploy",
        on,
        app=app,
        version="VERSION",
        canary="10",
    )
    yield write.playbook(topic, app, "Release what the inventory says", "deploy", on, app=app)
    for host in on:
        yield write.there(
            topic,
            app,
            "See its containers",
            host,
            f"docker ps --all --filter label=farol.app={app} --format {shlex.quote(RELEASES)}",
        )
        yield write.there(
            topic,
            app,
            "See the last release",
            host,
            f"tail --lines 1 /var/lib/farol/apps/{app}/releases.jsonl",
        )


def _rollback(write: Writer, app: str, on: list[str]) -> Iterator[Command]:
    topic = "rollback"
    yield write.playbook(topic, app, "See what is kept", "releases", on, False, app=app)
    yield write.playbook(topic, app, "Return to the release before", "rollback", on, app=app)
    yield write.playbook(
        topic, app, "Return to a certain kept one", "rollback", on, app=app, to="VERSION"
    )
    yield write.playbook(
        topic, app, "Close it to its visitors", "maintenance", on, app=app, maintenance="true"
    )
    yield write.playbook(
        topic, app, "Open it again", "maintenance", on, app=app, maintenance="false"
    )


def _restore(write: Writer, host: Host) -> Iterator[Command]:
    topic, name = "restore", host["name"]
    if not host["sources"]:
        return
    yield write.playbook(
        topic, name, "See what is in the storage", "backup", [name], False, only="info"
    )
    yield write.there(
        topic, name, "See it without a controller", name, "/usr/local/sbin/farol-backup info"
    )
    for source in host["sources"]:
        about, key = f"{name} {source['name']}", source["name"]
        restore = {"source": key, "confirm": key}
        yield write.playbook(topic, about, "Restore the newest", "restore", [name], **restore)
        if source["type"] == "cluster":
            yield write.playbook(
                topic, about, "Restore a moment", "restore", [name], **restore, at="MOMENT"
            )
        yield write.playbook(
            topic, about, "Restore one by its name", "restore", [name], **restore, backup="BACKUP"
        )
        yield write.playbook(
            topic, about, "Back up, once all is well", "backup", [name], source=key
        )
        yield write.playbook(
            topic, about, "Prove the new backup", "restore_drill", [name], source=key
        )
        yield write.there(
            topic, about, "Why the last backup failed", name, f"{JOURNAL} --unit farol-backup@{key}"
        )


def _logs(write: Writer, host: Host) -> Iterator[Command]:
    topic, name = "logs", host["name"]
    if host["apps"] or host["balances"]:
        access = "/var/log/nginx/access.log"
        yield write.there(topic, name, "The last requests", name, f"tail --lines 20 {access}")
        yield write.there(
            topic,
            name,
            "Requests that failed",
            name,
            f"""grep '"status":5' {access} | tail --lines 20""",
        )
        yield write.there(
            topic, name, "Errors of Nginx", name, "tail --lines 20 /var/log/nginx/error.log"
        )
    for app in host["apps"]:
        yield write.there(
            topic,
            name,
            f"Containers of {app['name']}",
            name,
            f"docker ps --quiet --filter label=farol.app={app['name']} "
            "| xargs --no-run-if-empty --max-args 1 docker logs --tail 20",
        )
    if "postgresql" in host["groups"]:
        yield write.there(
            topic, name, "PostgreSQL", name, "tail --lines 50 /var/log/postgresql/*.log"
        )
    yield write.there(
        topic, name, "Errors of the last hour", name, f"{JOURNAL} --priority err --since -1h"
    )
    yield write.there(topic, name, "Logins", name, f"{JOURNAL} --unit ssh")
    if "monitoring" in host["groups"]:
        for other in write.hosts:
            if other["name"] != name:
                yield write.there(
                    topic,
                    name,
                    f"The journal of {other['name']}, kept here",
                    name,
                    f"{JOURNAL} --directory /var/log/journal/remote _HOSTNAME={other['name']}",
                )


def _certificates(write: Writer, host: Host) -> Iterator[Command]:
    topic, name = "certificates", host["name"]
    served = list(dict.fromkeys(domain for app in host["apps"] for domain in app["domains"]))
    if not served and not host["balances"]:
        return
    for domain in served:
        if not domain.startswith("*."):
            yield write.there(
                topic,
                name,
                f"Whom and how long the certificate of {domain} is for",
                name,
                f"openssl s_client -connect 127.0.0.1:443 -servername {domain} </dev/null 2>/dev/null "
                "| openssl x509 -noout -subject -issuer -dates",
            )
    yield write.there(
        topic,
        name,
        "When each certificate ends, in seconds since 1970",
        name,
        "cat /var/lib/prometheus/node-exporter/farol_certificates.prom",
    )
    yield write.there(
        topic, name, "What the hourly look said", name, f"{JOURNAL} --unit farol-certificates"
    )
    yield write.there(topic, name, "Whether Nginx accepts its configuration", name, "nginx -t")
    if host["tls"] == "acme":
        yield write.there(topic, name, "What certbot has", name, "certbot certificates")
        yield write.there(
            topic, name, "What the last renewal said", name, f"{JOURNAL} --unit certbot"
        )
    yield write.playbook(
        topic, name, "Get what is missing, and reload Nginx", "site", [name], flags="--tags nginx"
    )


def _lost(write: Writer, host: Host) -> Iterator[Command]:
    topic, name = "host-lost", host["name"]
    for replica in write.hosts:
        if replica["primary"] == name:
            yield write.playbook(
                topic,
                name,
                "Rather than restore it: make its replica the primary",
                "promote",
                promote=replica["name"],
                lost=name,
            )
    for balancer in write.hosts:
        for site in balancer["balances"]:
            yield from _drain(write, host, site)
    if host["provider"]:
        yield write.playbook(topic, name, "Make a new VPS of its name", "provision", [name])
    yield write.here(
        topic, name, "Forget the old host key", f"ssh-keygen -R {host['address']}", changes=True
    )
    yield write.playbook(
        topic, name, "See what would be done", "site", [name], False, flags="--check --diff"
    )
    yield write.playbook(topic, name, "Set it up", "site", [name])
    for source in host["sources"]:
        yield write.playbook(
            topic,
            name,
            f"Bring back {source['name']}",
            "restore",
            [name],
            source=source["name"],
            confirm=source["name"],
        )
    yield write.playbook(topic, name, "See that all is well", "verify", [name], False)


def _drain(write: Writer, host: Host, site: Mapping[str, Any]) -> Iterator[Command]:
    """A balancer knows its servers by names of its own, which often are those of the inventory."""
    if host["name"] in site["servers"]:
        for title, out in (("Take it out of the balancer", "true"), ("Put it back", "false")):
            yield write.playbook(
                "host-lost",
                host["name"],
                f"{title}, for {site['name']}",
                "drain",
                site=site["name"],
                host=host["name"],
                out=out,
            )


def _secrets(write: Writer, vaults: Sequence[str]) -> Iterator[Command]:
    topic = "secrets"
    yield write.here(topic, "", "Make a new value", "openssl rand -hex 24")
    for vault in vaults:
        path = shlex.quote(vault)
        yield write.here(topic, "", "Put it in", f"ansible-vault edit {path}", changes=True)
    for vault in vaults:
        path = shlex.quote(vault)
        yield write.here(
            topic,
            "",
            "Change the vault's own password",
            f"ansible-vault rekey {path}",
            changes=True,
        )
    for app, on in applications(write.hosts).items():
        yield write.playbook(topic, app, "Release it with the new secrets", "deploy", on, app=app)
    for host in write.hosts:
        yield write.playbook(
            topic, host["name"], "Give the host's services the new value", "site", [host["name"]]
        )


def _incident(write: Writer) -> Iterator[Command]:
    topic = "incident"
    yield write.playbook(topic, "", "See what is wrong, everywhere", "verify", changes=False)
    for app, on in applications(write.hosts).items():
        yield write.playbook(
            topic, "", f"See what of {app} was released last", "releases", on, False, app=app
        )
    for host in write.hosts:
        name = host["name"]
        looks = {
            "Units that failed": "systemctl --failed --no-pager",
            "Room on the disks": "df --human-readable --exclude-type tmpfs",
            "Load, and since when it runs": "uptime",
            "Memory": "free --human",
            "What takes most": "ps -eo pid,pcpu,rss,comm --sort=-pcpu | head --lines 15",
            "Who listens": "ss --listening --tcp --udp --numeric --processes",
        }
        if host["apps"]:
            looks["Containers"] = "docker ps --all"
        for title, run in looks.items():
            yield write.there(topic, name, title, name, run)
