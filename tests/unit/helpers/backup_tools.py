"""pgBackRest, restic and the commands beside them, in memory: what they have stored, and faults to order."""

from __future__ import annotations

import json
import time

CONFIG = {
    "host": "db1",
    "repositories": [
        {
            "name": "near",
            "type": "local",
            "path": "/tmp",
            "password": "a-long-password",
            "keep_full": 2,
            "keep_diff": 0,
        },
        {
            "name": "far",
            "type": "local",
            "path": "/",
            "password": "another-password",
            "keep_full": 2,
            "keep_diff": 0,
        },
    ],
    "clusters": [
        {
            "name": "main",
            "version": "16",
            "cluster": "main",
            "port": 5432,
            "path": "/nowhere",
            "checks": [],
        }
    ],
    "sources": [
        {"name": "uploads", "type": "files", "paths": ["/srv/uploads"]},
        {"name": "shop", "type": "postgresql", "url": "postgresql://me:s3cret-word@db/shop"},
        {"name": "queue", "type": "redis", "url": "redis://:r3dis-word@cache"},
    ],
    "pgbackrest_version": "2.50",
    "restic_version": "0.16",
    "keep": {"last": 2, "daily": 0, "weekly": 0, "monthly": 0},
    "full_every_days": 7,
    "compress": "lz4",
    "processes": 1,
    "restore_processes": 2,
    "archive_queue_max": "4GiB",
    "archive_behind_seconds": 60,
    "min_free_mb": 0,
    "recovery_timeout": 5,
    "hook_timeout": 5,
    "drill_amcheck": False,
    "drill_read": "newest",
    "notify": {},
}


class Tools:
    def __init__(self):
        self.calls = []
        self.rules = []
        self.stanzas = {}  # (stanza, number): its backups
        self.snapshots = {}  # repository: its snapshots
        self.clock = time.time() - 5000

    def on(self, *words, code=0, out="", err="", do=None, times=None):
        """Have a command that holds these words, as arguments or parts of them, answer so."""
        self.rules.insert(
            0, {"words": words, "code": code, "out": out, "err": err, "do": do, "times": times}
        )

    def run(
        self, argv, env=None, user=None, stdin=None, stdout=None, text=None, limit=None, umask=-1
    ):
        line = " ".join(argv)
        self.calls.append(line)
        self.env = env or {}
        for rule in self.rules:
            if all(word in line for word in rule["words"]) and rule["times"] != 0:
                if rule["times"]:
                    rule["times"] -= 1
                if rule["do"]:
                    answer = rule["do"](argv, text, stdout)
                    return answer or (rule["code"], rule["out"], rule["err"])
                return rule["code"], rule["out"], rule["err"]
        handler = getattr(self, f"do_{argv[0].rpartition('/')[2].replace('-', '_')}", None)
        return handler(argv, env or {}) if handler else (0, "", "")

    def called(self, *words):
        return [line for line in self.calls if all(word in line for word in words)]

    def now(self):
        self.clock += 10
        return int(self.clock)

    @staticmethod
    def option(argv, name):
        return next((a.partition("=")[2] for a in argv if a.startswith(f"--{name}=")), "")

    # pgBackRest.

    def do_pgbackrest(self, argv, env):
        stanza, number = self.option(argv, "stanza"), int(self.option(argv, "repo") or 0)
        verb = argv[-1]
        if verb == "info":
            return 0, json.dumps(self.info(number)), ""
        if verb == "stanza-create":
            for key in (1, 2):
                self.stanzas.setdefault((stanza, key), [])
        if verb == "backup":
            self.add(stanza, number, self.option(argv, "type"))
        if verb == "verify":
            return 0, f"stanza: {stanza}\n  status: ok\n", ""
        return 0, "", ""

    def add(self, stanza, number, kind, error=False, version="16"):
        stop = self.now()
        label = f"20261125-{len(self.stanzas[stanza, number]):06d}{kind[0].upper()}"
        self.stanzas[stanza, number].append(
            {
                "label": label,
                "type": kind,
                "timestamp": {"start": stop - 5, "stop": stop},
                "error": error,
                "database": {"id": 1, "repo-key": number},
                "info": {"size": 1000, "repository": {"delta": 300}},
                "version": version,
            }
        )
        return label

    def info(self, number):
        found = {}
        for (stanza, key), backups in self.stanzas.items():
            if number in (0, key):
                entry = found.setdefault(
                    stanza, {"name": stanza, "backup": [], "repo": [], "db": [], "archive": []}
                )
                entry["backup"] += backups
                entry["repo"].append(
                    {"key": key, "status": {"code": 0 if backups else 2, "message": "ok"}}
                )
                version = backups[-1]["version"] if backups else "16"
                entry["db"].append({"id": 1, "repo-key": key, "version": version})
        return list(found.values())

    # restic.

    def do_restic(self, argv, env):
        place = env["RESTIC_REPOSITORY"]
        verb = next(a for a in argv[1:] if a in VERBS)
        there = self.snapshots.get(place)
        if verb == "init":
            self.snapshots[place] = []
            return 0, "", ""
        if there is None:
            return (
                1,
                "",
                "Fatal: unable to open config file: Stat: The specified key does not exist.",
            )
        if verb == "backup":
            return self.store(there, argv)
        if verb == "snapshots":
            source = next((a.partition("=")[2] for a in argv if a.startswith("source=")), "")
            return (
                0,
                json.dumps([s for s in there if not source or f"source={source}" in s["tags"]]),
                "",
            )
        if verb == "tag":
            snapshot = next(s for s in there if s["id"] == argv[-1])
            snapshot["tags"].remove("partial")
            snapshot["tags"].append(argv[argv.index("--add") + 1])
        if verb == "forget":
            self.snapshots[place] = [s for s in there if s["id"][:8] not in argv]
        return 0, "", ""

    def store(self, there, argv):
        identity = f"{len(self.calls):08x}" + "0" * 56
        tags = [argv[i + 1] for i, a in enumerate(argv) if a == "--tag"]
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(self.now()))
        there.append({"id": identity, "time": moment, "tags": tags})
        said = {"message_type": "summary", "snapshot_id": identity, "total_bytes_processed": 500}
        return 0, '{"message_type":"status"}\n' + json.dumps(said) + "\n", ""


VERBS = ("init", "backup", "snapshots", "tag", "forget", "cat", "check", "restore", "ls", "unlock")
