# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The check of the documentation's site sees what is broken in one."""

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.tools.site.check import faults, main

GOOD = {
    "index.html": """<link rel="stylesheet" href="_static/look.css?v=1"><style>p { background: url(data:image/png;base64,AA) }</style>
        <a href="docs/a%20page.html#part">A page</a> <a href="#top">Up</a> <h1 id="top">All</h1>
        <a href="https://example.com/gone">Elsewhere</a> <a href="mailto:a@example.com">Write</a>""",
    "docs/a page.html": """<img src="../_static/a.png" srcset="../_static/a.png 1x, ../_static/a.png 2x"> <a name="part"></a>
        <form action="../index.html"></form> <code>href="nowhere"</code>""",
    "_static/look.css": """@import "more.css"; p { background: url('a.png') }""",
    "_static/more.css": "",
    "_static/a.png": "",
}


@pytest.fixture
def site(tmp_path):
    (tmp_path / "outside.html").touch()
    root = tmp_path / "site"
    for name, text in GOOD.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_whole_site_has_no_faults(site):
    assert faults(site) == []
    assert main([str(site)]) == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<a href="gone.html">', "leads to gone.html, which is not there"),
        ('<a href="index.html#gone">', "leads to index.html#gone, which is not there"),
        ('<a href="#gone">', "leads to #gone, which is not there"),
        ('<a href="docs">', "leads to docs, which is not there"),
        ('<a href="/index.html">', "leads to /index.html, which is not there"),
        ('<a href="../outside.html">', "leads to ../outside.html, which is not there"),
        ('<img src="gone.png">', "loads gone.png, which is not there"),
        ('<script src="https://cdn.example.com/a.js">', "loads https://cdn.example.com/a.js from another host"),
        ('<link rel="stylesheet" href="//fonts.example.com/a">', "loads //fonts.example.com/a from another host"),
        ('<p style="background: url(http://example.com/a.png)">', "loads http://example.com/a.png from another host"),
        ("<style>@import 'https://example.com/a.css';</style>", "loads https://example.com/a.css from another host"),
        ('<img srcset="_static/a.png 1x, https://example.com/b.png 2x">', "loads https://example.com/b.png from another host"),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(site, capsys, text, fault):
    (site / "bad.html").write_text(text)
    assert faults(site) == [f"bad.html: {fault}"]
    assert main([str(site)]) == 1
    assert capsys.readouterr().err == f"bad.html: {fault}\n"


def test_a_stylesheet_is_read_too(site):
    (site / "_static/bad.css").write_text(
        "@font-face { src: url(https://fonts.example.com/a.woff2) } p { background: url(gone.png) }"
    )
    assert faults(site) == [
        "_static/bad.css: loads gone.png, which is not there",
        "_static/bad.css: loads https://fonts.example.com/a.woff2 from another host",
    ]


def test_an_empty_site_is_a_fault(tmp_path):
    assert faults(tmp_path) == [f"{tmp_path}: no pages"]
