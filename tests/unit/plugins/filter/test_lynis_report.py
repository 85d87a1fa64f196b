"""The report of Lynis."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.lynis_report import FilterModule

lynis_report = FilterModule().filters()["lynis_report"]

REPORT = """# Lynis Report
lynis_version=3.1.4
warning[]=PKGS-7392|Found one or more vulnerable packages.|-|-|
suggestion[]=SSH-7408|Consider hardening SSH configuration|Port (set 22 to )|-|
suggestion[]=LOGG-2154|Log elsewhere
hardening_index=92
finish=true
"""


def test_score_and_findings_come_with_their_reasons():
    assert lynis_report(REPORT, {"SSH-7408": "the port stays"}) == {
        "score": 92,
        "version": "3.1.4",
        "findings": [
            {
                "kind": "warning",
                "test": "PKGS-7392",
                "text": "Found one or more vulnerable packages.",
                "reason": "",
            },
            {
                "kind": "suggestion",
                "test": "SSH-7408",
                "text": "Consider hardening SSH configuration (Port (set 22 to ))",
                "reason": "the port stays",
            },
            {"kind": "suggestion", "test": "LOGG-2154", "text": "Log elsewhere", "reason": ""},
        ],
    }


def test_a_report_that_was_cut_off_is_an_error():
    with pytest.raises(AnsibleFilterError, match="did not finish"):
        lynis_report("lynis_version=3.1.4\n")
