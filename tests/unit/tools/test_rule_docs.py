"""The catalogue of hardening rules is sound, and its page shows it."""

from __future__ import annotations

from ansible_collections.farol.vps.tools import rule_docs

RULE = {
    "name": "banner",
    "level": "strict",
    "does": "Shows a banner | twice.",
    "why": "Because.",
    "source": ["CIS 1.6"],
    "breaks": "Nothing known.",
}


def test_the_catalogue_is_sound_and_the_page_shows_it():
    rules = rule_docs.catalogue()
    assert rule_docs.faults(rules) == []
    assert rule_docs.PAGE.read_text() == rule_docs.page(rule_docs.PAGE.read_text(), rules)


def test_a_rule_becomes_a_row_of_its_level():
    text = rule_docs.tables([{**RULE, "sysctl": {"a.b": 0}}])
    assert text.startswith("### Strict\n")
    assert text.endswith(
        "| `banner` | Shows a banner \\| twice. `a.b=0` | Because. | CIS 1.6 | Nothing known. |"
    )


def test_faults_name_the_rule(tmp_path):
    assert rule_docs.faults([{**RULE, "level": "top"}, RULE, {**RULE, "fils": []}]) == [
        "banner.level: top is none of baseline, strict, paranoid",
        "banner: there is another rule of this name",
        "banner.fils: unknown; did you mean files?",
        "banner: there is another rule of this name",
    ]
    assert rule_docs.faults([{**RULE, "files": ["etc/none"]}], tmp_path) == [
        "banner: the role has no template for etc/none"
    ]
