# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/runbooks.yml on the inventories of the project: the site, its links, its commands, and what must not be in it."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser

import pytest
import yaml
from project_commands import PROJECT, run

INVENTORIES = ("demo", "example", "cluster")
SECRET = "never-in-a-page"
DOCUMENTATION = "https://github.com/farol-vps/farol.vps/blob/main/docs/"
VOID = {"meta", "input", "br", "link", "img"}
CONTACTS = [{"name": "Ada <on call>", "role": "first", "reach": "+1 555 0199"}]


class Page(HTMLParser):
    """What a page has, and what is wrong with its tags."""

    def __init__(self, path):
        super().__init__()
        self.text = path.read_text()
        self.ids, self.links, self.faults, self.attributes = [], [], [], set()
        self._open = []
        self.feed(self.text)
        self.faults += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self._open.append(tag)
        given = dict(attrs)
        self.attributes |= {(tag, name) for name in given}
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")


class Site:
    def __init__(self, name, folder):
        self.inventory, self.folder = PROJECT / "inventories" / name, folder / "site"
        vault = yaml.safe_load((self.inventory / "group_vars/all/vault.yml").read_text())
        self.extra = folder / "extra.json"
        self.extra.write_text(
            json.dumps(
                {
                    **dict.fromkeys(vault, SECRET),
                    "runbooks_dir": str(self.folder),
                    "runbooks_contacts": CONTACTS,
                }
            )
        )
        self.first = self.write()
        assert self.first.returncode == 0, self.first.stdout + self.first.stderr
        self.pages = {path.name: Page(path) for path in sorted(self.folder.glob("*.html"))}
        self.commands = json.loads((self.folder / "commands.json").read_text())

    def write(self):
        return run(
            *("ansible-playbook", "-i", self.inventory, "playbooks/runbooks.yml"),
            *("-e", f"@{self.extra}"),
        )


@pytest.fixture(scope="module", params=INVENTORIES)
def site(request, tmp_path_factory):
    return Site(request.param, tmp_path_factory.mktemp(request.param))


def test_a_second_run_changes_nothing(site):
    assert re.search(r"changed=2 .*failed=0", site.first.stdout)
    again = site.write()
    assert "changed=0" in again.stdout and again.returncode == 0, again.stdout


def test_the_tags_are_whole_and_no_id_is_there_twice(site):
    for name, page in site.pages.items():
        assert page.faults == [], name
        assert len(page.ids) == len(set(page.ids)), name


def broken(site, name, link):
    file, _hash, anchor = link.partition("#")
    if link.startswith(DOCUMENTATION):
        target = PROJECT / "docs" / file.removeprefix(DOCUMENTATION)
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        there = {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings}
        return bool(anchor) and anchor not in there
    page = site.pages.get(file or name)
    return page is None or bool(anchor and anchor not in page.ids)


def test_links_lead_somewhere(site):
    for name, page in site.pages.items():
        assert [link for link in page.links if broken(site, name, link)] == [], name


def test_nothing_is_loaded_from_elsewhere(site):
    for name, page in site.pages.items():
        loading = {"src", "srcset", "data", "poster", "background"}
        assert [pair for pair in page.attributes if pair[1] in loading] == [], name
        assert not re.search(r"<link|@import|url\(|fetch\(|XMLHttpRequest", page.text), name
        without = re.sub(r'<a href="[^"]*"', "", page.text)
        prose = re.sub(r"<code>.*?</code>|<li data-text=\"[^\"]*\"", "", without, flags=re.DOTALL)
        assert "http" not in prose.replace("HTTP", ""), name


def test_pages_are_read_without_a_script_and_the_index_leads_to_every_section(site):
    assert [name for name, page in site.pages.items() if "<script" in page.text] == ["index.html"]
    index = site.pages["index.html"]
    sections = {
        f"{name}#{anchor}"
        for name, page in site.pages.items()
        for anchor in re.findall(r'<section id="([^"]+)"', page.text)
    }
    assert sections and sections <= set(index.links)
    assert re.findall(r'<a href="[^"]+">[^<]*: </a>', index.text) == []


BROWSER = """
const typed = {value: "", addEventListener: (kind, heard) => { typed.heard = heard; }};
const listed = TEXTS.map((text) => ({dataset: {text}, hidden: false}));
const nothing = {};
const document = {
  querySelector: () => typed, querySelectorAll: () => listed, getElementById: () => nothing
};
const questions = QUESTIONS;
const location = {search: "?q=" + encodeURIComponent(questions[0])};
SCRIPT
const answers = questions.map((question, at) => {
  if (at > 0) { typed.value = question; typed.heard(); }
  return [listed.flatMap((entry, place) => entry.hidden ? [] : [place]), nothing.hidden];
});
console.log(JSON.stringify(answers));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js runs the page's script")
def test_the_search_finds_sections_that_have_all_words(site, tmp_path):
    index = site.pages["index.html"].text
    listed = re.findall(r'<li data-text="([^"]*)"><a href="([^"]+)"', index)
    (script,) = re.findall(r"<script>(.*?)</script>", index, re.DOTALL)
    questions = ["WAL  archive", "rollback kept", "no-such-word", ""]
    page = tmp_path / "page.js"
    page.write_text(
        BROWSER.replace("SCRIPT", script)
        .replace("TEXTS", json.dumps([unescape(text) for text, _href in listed]))
        .replace("QUESTIONS", json.dumps(questions))
    )
    done = run("node", page)
    assert done.returncode == 0, done.stderr

    found = [([listed[at][1] for at in shown], empty) for shown, empty in json.loads(done.stdout)]
    assert "alerts.html#archivefailed" in found[0][0] and len(found[0][0]) < len(listed) / 4
    assert "rollback.html#api" in found[1][0] and "deploy.html#api" not in found[1][0]
    assert found[2] == ([], False)
    assert len(found[3][0]) == len(listed) and found[3][1] is True


def test_hosts_applications_and_domains_of_the_inventory_are_named(site):
    listing = json.loads(run("ansible-inventory", "-i", site.inventory, "--list").stdout)
    for name, variables in listing["_meta"]["hostvars"].items():
        assert variables["ansible_host"] in site.pages["hosts.html"].text
        for page in ("hosts", "logs", "host-lost", "incident"):
            assert name in site.pages[f"{page}.html"].ids
        for app in variables.get("apps") or []:
            assert app["domain"] in site.pages["hosts.html"].text
            assert app["name"] in site.pages["deploy.html"].ids


def test_contacts_severities_and_alerts_are_there(site):
    incident = site.pages["incident.html"].text
    assert "Ada &lt;on call&gt;" in incident and "+1 555 0199" in incident and "SEV1" in incident
    names = re.findall(r"^### (\w+)$", (PROJECT / "docs/alerts.md").read_text(), re.MULTILINE)
    assert {name.lower() for name in names} <= set(site.pages["alerts.html"].ids)


def test_no_secret_of_the_inventory_is_in_any_file(site):
    for path in site.folder.iterdir():
        assert SECRET not in path.read_text(), path.name
    assert SECRET not in site.first.stdout


def test_every_command_is_on_its_page_and_a_shell_can_read_it(site):
    for command in site.commands:
        page = unescape(site.pages[f"{command['topic']}.html"].text)
        assert f"<code>{command['run']}</code>" in page, command
        assert run("sh", "-n", "-c", command["run"]).returncode == 0, command


def test_every_playbook_of_a_command_takes_it(site):
    """--syntax-check looks at no variable, so what a command gives has to be asked for somewhere."""
    used = {}
    for command in site.commands:
        if command["playbook"]:
            used.setdefault(command["playbook"], {}).update(command["variables"])
    assert {"deploy", "rollback", "releases", "maintenance", "site", "verify"} <= set(used)
    parts = "".join(path.read_text() for path in PROJECT.glob("playbooks/parts/*.yml"))
    paths = {name: PROJECT / f"playbooks/{name}.yml" for name in used}
    for name, variables in used.items():
        text = paths[name].read_text()
        if "parts/" in text:
            text += parts
        for role in re.findall(r"farol\.vps\.(\w+)\s+tasks_from: (\w+)", text):
            text += (PROJECT / f"roles/{role[0]}/tasks/{role[1]}.yml").read_text()
        missing = [key for key in variables if not re.search(rf"[{{ ]{key}\b(?!:)", text)]
        assert missing == [], name
    given = [f"-e{key}={value}" for some in used.values() for key, value in some.items()]
    done = run(
        *("ansible-playbook", "-i", site.inventory, *paths.values(), "--syntax-check", *given)
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_limit_has_hosts(site):
    limits = {command["limit"] for command in site.commands} - {""}
    for limit in limits:
        done = run("ansible", "-i", site.inventory, limit, "--list-hosts")
        assert "hosts (0)" not in done.stdout and done.returncode == 0, limit


def test_a_prediction_on_a_fresh_machine_writes_nothing(tmp_path):
    done = run(
        *("ansible-playbook", "-i", PROJECT / "inventories/demo", "playbooks/runbooks.yml"),
        *("--check", "--diff", "-e", f"runbooks_dir={tmp_path}/site"),
    )
    assert done.returncode == 0 and "changed=1" in done.stdout, done.stdout
    assert not (tmp_path / "site").exists()


def test_a_contact_that_nobody_can_reach_is_refused_and_nothing_is_written(tmp_path):
    done = run(
        *("ansible-playbook", "-i", PROJECT / "inventories/demo", "playbooks/runbooks.yml"),
        *("-e", f"runbooks_dir={tmp_path}/site", "-e", json.dumps({"runbooks_contacts": [{}]})),
    )
    assert done.returncode != 0
    assert "missing required arguments: name, reach" in done.stdout
    assert not (tmp_path / "site").exists()
