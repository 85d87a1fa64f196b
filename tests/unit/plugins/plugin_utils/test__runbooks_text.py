# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.runbook_alerts import runbook_alerts
from ansible_collections.farol.vps.plugins.plugin_utils._runbooks_text import alerts, index

PROJECT = Path(__file__).resolve().parents[4]
DOCS = "https://example.com/docs"
PAGE = """# Alerts

## Thresholds

Text.

## Disks

### DiskFull

**Means** More than 85 % is used,
or <more>.

**Look** `df -h | grep '<dev>'`, then

a second paragraph.

**Mend** As for DiskFilling: [restore](runbooks/restore.md), [messages](backups.md#messages), [here](#disks), **now**.

### DiskFilling

**Means** A.

**Look** B.

**Mend** C.
"""


def test_a_section_becomes_html_with_its_links():
    full, filling = alerts(PAGE, DOCS)

    assert full == {
        "name": "DiskFull",
        "group": "Disks",
        "means": "<p>More than 85 % is used, or &lt;more&gt;.</p>",
        "look": "<p><code>df -h | grep &#x27;&lt;dev&gt;&#x27;</code>, then</p><p>a second paragraph.</p>",
        "mend": '<p>As for <a href="#diskfilling">DiskFilling</a>: <a href="restore.html">restore</a>, '
        f'<a href="{DOCS}/backups.md#messages">messages</a>, <a href="#disks">here</a>, <strong>now</strong>.</p>',
    }
    assert filling["mend"] == "<p>C.</p>"


def test_a_section_without_a_part_is_named():
    with pytest.raises(AnsibleFilterError, match=r"docs/alerts\.md: DiskFilling: mend is missing"):
        runbook_alerts(PAGE.replace("**Mend** C.", ""), DOCS)


def test_every_alert_of_the_documentation_has_its_section():
    text = (PROJECT / "docs/alerts.md").read_text()
    made = alerts(text, DOCS)

    assert [alert["name"] for alert in made] == re.findall(r"^### (\w+)$", text, re.MULTILINE)
    assert len(made) > 40
    html = "".join(alert["means"] + alert["look"] + alert["mend"] for alert in made)
    assert "`" not in html and "](" not in html and "**" not in html


def test_the_index_has_what_a_section_says_and_nothing_else():
    page = """<style>x</style><nav>no</nav><h1>Deploy</h1><p>before</p>
    <section id="api"><h2>api &amp; co</h2><p>one <b>two</b></p><h3>three</h3><pre>four</pre></section>
    <script>no</script>"""

    assert index({"deploy.html": page}) == [
        {
            "page": "Deploy",
            "href": "deploy.html#api",
            "title": "api & co",
            "text": "one two three four",
        }
    ]
