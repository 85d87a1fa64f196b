"""What people are told of a day and of a week, and what Grafana would show them."""

from __future__ import annotations

import re
import time

import dashboards
import pytest


@pytest.mark.parametrize("what", ["daily", "weekly"])
def test_is_sent_to_everybody_and_kept(lab, server, receiver, what):
    since = time.time()
    server.check_output(f"systemctl start farol-report@{what}")
    sent = receiver.messages(lab.name, "Applications", since=since)
    assert {each["to"] for each in sent} == {"slack", "telegram"}
    assert {each["status"] for each in sent} == {200}
    text = next(each["body"]["text"] for each in sent if each["to"] == "slack")
    assert re.search(r"• api: [\d,]+ requests?, .* errors, p95 [\d.]+ m?s", text), text
    assert f"• {lab.name}: up" in text
    assert server.run(f"ls /var/lib/farol-reports/{what}-20*").rc == 0


def test_the_page_of_a_week_needs_nothing_from_elsewhere(lab, server, receiver):
    since = time.time()
    server.check_output("systemctl start farol-report@weekly")
    (sent,) = [each for each in receiver.messages("<svg", since=since) if each["to"] == "telegram"]
    page = sent["body"]["document"]
    assert re.fullmatch(r"weekly-20\d\d-\d\d-\d\d\.html", page["filename"])
    assert page["content"].count("<svg") >= 5
    assert not re.search(r"(src|href)=[\"']?(https?:)?//|<script|@import|url\(", page["content"])
    assert lab.name in page["content"]


def test_a_report_that_nobody_gets_fails_by_name_and_is_kept(server, receiver):
    receiver.stop()
    try:
        server.check_output("rm -f /var/lib/farol-reports/daily-*")
        # What waits minutes for the receiver to come back is not waited for here.
        command = (
            "sed -i 's/^PAUSES = .*/PAUSES = (0.1,)/' /usr/local/lib/farol/ansible_collections/farol/vps/plugins/module_utils/"
            "_monitoring_report_send.py && systemctl start farol-report@daily"
        )
        assert server.run(command).rc != 0
    finally:
        receiver.start()
    said = server.check_output("journalctl -u farol-report@daily -n 20 -o cat")
    assert "Slack was not told" in said and "Telegram was not told" in said
    assert "demo-only" not in said.lower() and "demoOnly" not in said
    assert server.run("ls /var/lib/farol-reports/daily-20*").rc == 0
    server.check_output("systemctl reset-failed farol-report@daily")


def test_every_query_of_a_dashboard_has_an_answer(watcher):
    asked = sorted({query for _where, query in dashboards.queries()})

    def unanswered() -> list[str]:
        answers = dict(zip(asked, watcher.queries(*asked), strict=True))
        return dashboards.unanswered(lambda query: bool(answers[query]))

    deadline = time.monotonic() + 90
    while (missing := unanswered()) and time.monotonic() < deadline:
        time.sleep(5)
    assert missing == []
