# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rendering with Ansible's own template engine."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.farol.vps.plugins.plugin_utils._tree_render import Renderer


@pytest.fixture
def render(tmp_path):
    def render(text: str | bytes, **variables) -> bytes:
        (tmp_path / "x.j2").write_bytes(text if isinstance(text, bytes) else text.encode())
        loader = DataLoader()
        own = {"item": "own"}
        renderer = Renderer(Templar(loader, variables), loader, variables)
        return renderer(str(tmp_path / "x.j2"), "/etc/x", own)

    return render


def test_whitespace_as_the_template_action_has_it(render):
    text = "{% if true %}\na {{ item }}\n{% endif %}\n\\n{{ n }}\n"
    assert render(text, n=3) == b"a own\n\\n3\n"


def test_variables_about_the_template(render, tmp_path):
    text = "{{ ansible_managed }} {{ template_path }} {{ template_destpath }}"
    assert render(text) == f"Ansible managed {tmp_path}/x.j2 /etc/x".encode()
    assert render("{{ ansible_managed }}!", ansible_managed="by hand") == b"by hand!"


def test_results_that_are_not_text(render):
    assert render("{{ 1 }}") == b"1"
    assert render("{{ none }}") == b""
    assert render("") == b""


def test_values_are_not_rendered_again(render):
    assert render("{{ x }}\n", x="{{ 1 + 1 }}") == b"{{ 1 + 1 }}\n"
    assert render("{{ x }}\n", x=trust_as_template("{{ 1 + 1 }}")) == b"2\n"


def test_includes_beside_the_template_and_in_templates(render, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/below.j2").write_text("below")
    (tmp_path / "beside.j2").write_text("beside {{ item }}")
    assert render("{% include 'beside.j2' %} {% include 'below.j2' %}") == b"beside own below"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb {{ nope.x }}\nc {{ nope }}\n", 2),
        ("a\n\n{% if nope %}\nx{% endif %}", 3),
        ("a\n{{ 1 / 0 }}\n", 2),
        ("a\n{% for i in [1, 0] %}\nx\n{{ 1 // i }}\n{% endfor %}", 4),
        ("a\nb\n{% if %}\n", 3),
        ("a\n{{ 1 | nofilter }}", 2),
        ("a\n{{ lazy }}\n", 2),
        ("{{ '' | default(nope) }}\n{{ nope | default('x') }}\n\n{{ undefined_one }}", 4),
        ("{% macro m() %}\n{{ nope }}\n{% endmacro %}\n\nx{{ m() }}", 5),
        ("a\n{% include 'missing.j2' %}", 2),
    ],
)
def test_an_error_names_file_and_line(render, tmp_path, text, line):
    lazy = trust_as_template("{{ undefined_below }}")
    with pytest.raises(AnsibleActionFail) as failure:
        render(text, lazy=lazy)
    assert f"Template {tmp_path}/x.j2:{line} cannot be rendered" in str(failure.value)


def test_an_error_in_an_included_file_names_that_file_or_the_include(render, tmp_path):
    (tmp_path / "inner.j2").write_text("x\ny\n{{ nope }}")
    with pytest.raises(AnsibleActionFail, match=r"(inner\.j2:3|x\.j2:2) cannot be rendered"):
        render("a\n{% include 'inner.j2' %}")
    (tmp_path / "inner.j2").write_text("x\n{{ 1 / 0 }}")
    with pytest.raises(AnsibleActionFail, match=r"inner\.j2:2 cannot be rendered"):
        render("a\n{% include 'inner.j2' %}")


def test_a_template_that_cannot_be_read_is_named(render):
    with pytest.raises(AnsibleActionFail, match=r"Cannot read template .*/x\.j2"):
        render(b"$ANSIBLE_VAULT;1.1;AES256\n00\n")
