# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A server that answers as Bugsink 2.6 does; the tests that use it run against the real one, too, where it is installed."""

from __future__ import annotations

from sentry_server import Refused, SentryServer, now


class FakeBugsink(SentryServer):
    """Pages of two entries, so that they are turned."""

    def __init__(self):
        super().__init__()
        (self.token,) = self.tokens
        self.project, self.names = 1, {1: "web"}
        self.kept = []

    def route(self, method, parts, query, body):
        if parts[:3] != ["api", "canonical", "0"]:
            raise Refused(404, {"detail": "Unimplemented API endpoint"})
        if parts[3:] == ["projects"]:
            return 200, self.page(
                [{"id": key, "name": name, "slug": name} for key, name in self.names.items()], query
            )
        if method == "GET":
            if int(query["project"]) not in self.names:
                raise Refused(404, {"detail": "No Project matches the given query."})
            return 200, self.page(
                [e for e in reversed(self.kept) if e["project"] == int(query["project"])], query
            )
        if body["project"] not in self.names:
            raise Refused(
                400, {"project": [f'Invalid pk "{body["project"]}" - object does not exist.']}
            )
        entry = {"project": body["project"], "version": body["version"]}
        if any({k: e[k] for k in entry} == entry for e in self.kept):
            raise Refused(
                400, {"version": ["Release with this version already exists for the project."]}
            )
        self.kept.append({**entry, "id": str(next(self.ids)), "date_released": now()})
        return 201, self.kept[-1]

    def page(self, entries, query):
        start = int(query.get("cursor", 0))
        more = f"cursor={start + 2}&project={query.get('project', 0)}"
        following = f"http://as-it-sees-itself/api/canonical/0/releases/?{more}"
        return {
            "next": following if len(entries) > start + 2 else None,
            "previous": None,
            "results": entries[start : start + 2],
        }
