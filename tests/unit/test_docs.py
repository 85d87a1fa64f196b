# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages for people agree with the files they speak of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.farol.vps.plugins.plugin_utils._apps import ACCESSORY, SERVICE

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(PROJECT.glob("docs/**/*.md"))]

BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(rf"{BLOCK.pattern}|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^]]*\]\(([^)]+)\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    """The headings, as GitHub makes them addresses."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, link: str) -> bool:
    path, _hash, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


@each_page
def test_links_lead_somewhere(page):
    links = LINK.findall(BLOCK.sub("", page.read_text()))
    relative = [link for link in links if not link.startswith("https://")]
    assert [link for link in relative if broken(page, link)] == []


@each_page
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(CODE.findall(page.read_text()))
    assert set(re.findall(r"\bmake ([a-z-]+)", code)) <= targets


def test_the_way_to_an_own_application_is_short_and_edits_one_entry(tmp_path):
    """tools/test-demo runs these commands as the README has them; here the edit alone."""
    printed = subprocess.run(
        [PROJECT / "tools/test-demo", "commands"], check=True, capture_output=True, text=True
    )
    commands = printed.stdout.splitlines()
    assert len(commands) <= 10
    (edit,) = (it for it in commands if it.startswith("sed "))
    file = tmp_path / edit.split()[-1]
    file.parent.mkdir(parents=True)
    shutil.copy(PROJECT / edit.split()[-1], file)
    before = yaml.safe_load(file.read_text())["apps"]
    subprocess.run(edit, shell=True, cwd=tmp_path, check=True)
    after = yaml.safe_load(file.read_text())["apps"]
    (pushed,) = (it.split()[-1] for it in commands if it.startswith("docker push "))
    image, _colon, version = pushed.removeprefix("127.0.0.1:5055/").partition(":")
    wanted = {
        **before[0],
        "image": f"172.30.99.4:5000/{image}",
        "version": version,
        "env": {**before[0]["env"], "APP_NAME": image},
    }
    assert after == [wanted]


def described() -> dict[str, str]:
    """The section of each key, by the keys in its heading."""
    text = (PROJECT / "docs/apps.md").read_text()
    sections = re.findall(r"^## ([^\n]*`)$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return {key: body for heading, body in sections for key in re.findall(r"`(\w+)`", heading)}


def keys_of_apps() -> list[tuple[str, list[str]]]:
    spec = yaml.safe_load((PROJECT / "roles/app/meta/argument_specs.yml").read_text())
    options = spec["argument_specs"]["main"]["options"]["apps"]["options"]
    free = {"services": SERVICE, "accessories": ACCESSORY}
    return [(key, [*option.get("options", free.get(key, []))]) for key, option in options.items()]


@pytest.mark.parametrize(("key", "inner"), keys_of_apps(), ids=str)
def test_every_key_of_apps_is_described(key, inner):
    section = described().get(key, "")
    assert section, f"docs/apps.md has no section on {key}"
    assert [name for name in inner if f"`{name}`" not in section] == []


def test_no_section_describes_a_key_that_is_gone():
    assert set(described()) <= {key for key, _inner in keys_of_apps()}
