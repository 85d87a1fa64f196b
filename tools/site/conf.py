# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx' configuration for tools/docs_site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx

PROJECT = Path(__file__).resolve().parents[2]
GALAXY = yaml.safe_load((PROJECT / "galaxy.yml").read_text())
FILES = f"{GALAXY['repository']}/blob/main"
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"

project = "farol.vps"
copyright = "The farol maintainers"
release = version = GALAXY["version"]
html_title = f"farol.vps {release}"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
exclude_patterns = [".doctrees"]
default_role = "any"
nitpicky = True
# GitHub makes addresses of the headings of every level; pages link to them.
myst_heading_anchors = 6

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_sourcelink = False
html_copysource = False
html_use_index = False

# What antsibull-docs refers to and Ansible's own documentation has. Its list of labels would have to be fetched in every build.
LABELS = {
    "action_plugins": "plugins/action.html",
    "callback_plugins": "plugins/callback.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
CONTENTS = re.compile(r"^\.\. contents::\n(?:   :.*\n)*", re.MULTILINE)
PLUGIN = re.compile(r"ansible_collections\.(?!farol\.)(\w+)\.(\w+)\.(\w+)")
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(?=\))")


def page_of_ansible(label: str) -> str | None:
    plugin = PLUGIN.fullmatch(label)
    return "collections/{}/{}/{}.html".format(*plugin.groups()) if plugin else LABELS.get(label)


def link_to_ansible(
    _app: Sphinx, _env: Any, node: Any, content: nodes.Element
) -> nodes.Node | None:
    page = page_of_ansible(node["reftarget"])
    return (
        nodes.reference("", "", content, refuri=f"{ANSIBLE}/{page}", internal=False)
        if page
        else None
    )


def link_to_repository(app: Sphinx, docname: str, source: list[str]) -> None:
    """A link to a file that is no page of the site leads to the repository."""
    folder = (Path(app.srcdir) / docname).parent

    def target(link: re.Match[str]) -> str:
        path = (folder / link[1]).resolve()
        inside = path.relative_to(app.srcdir) if path.is_relative_to(app.srcdir) else None
        if inside is None or path.exists() or not (PROJECT / inside).exists():
            return link[0]
        return f"{FILES}/{inside}"

    source[0] = LINK.sub(target, source[0])


def leave_contents_to_the_theme(_app: Sphinx, docname: str, source: list[str]) -> None:
    """The theme has a page's contents at its side, and shows those that antsibull-docs asks for as an error."""
    if docname.startswith("reference/"):
        source[0] = CONTENTS.sub("", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", link_to_ansible)
    app.connect("source-read", link_to_repository)
    app.connect("source-read", leave_contents_to_the_theme)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
