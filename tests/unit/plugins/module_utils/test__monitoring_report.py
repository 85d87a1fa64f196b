# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reports: what is asked, what is told, and to whom; servers stand for Prometheus, Slack and Telegram."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import dashboards
import prometheus_tools
import pytest
import report_week
import yaml
from ansible_collections.farol.vps.plugins.module_utils import (
    _monitoring_report_facts as facts,
)
from ansible_collections.farol.vps.plugins.module_utils import (
    _monitoring_report_main as program,
)
from ansible_collections.farol.vps.plugins.module_utils import (
    _monitoring_report_page as page,
)
from ansible_collections.farol.vps.plugins.module_utils import (
    _monitoring_report_send as send,
)
from ansible_collections.farol.vps.plugins.module_utils import (
    _monitoring_report_text as text,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_chart import (
    ceiling,
    chart,
    path,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_prometheus import (
    Prometheus,
)
from ansible_collections.farol.vps.plugins.module_utils._monitoring_report_words import (
    duration,
    share,
    size,
)
from report_servers import SLACK_TOKEN, TELEGRAM_TOKEN, Chat, serve
from report_servers import Prometheus as Server

END, DAY, WEEK = report_week.END, report_week.DAY, report_week.WEEK
TODAY = """\
24 hours until 25 November 2025, 07:00 UTC

❗ DiskFull (db1) is on, for 3 hours
❗ The last backup of cache on db1 to spaces failed

Applications
• api: 12,345 requests, 0.12 % errors, p95 183 ms, up > 99.99 %, certificate 62 days, availability budget 71 % left
• web: 0 requests, up 100 %, certificate 24 hours
Deploys: api 1.1 (05:00)

Hosts
• db1: up 98.5 %, processors 3 %, memory at most 71 %, disk 88 % (/var), PostgreSQL up 99.95 %, Redis up 100 %, 1 process killed for lack of memory
• web1: up 100 %, processors 12 %, memory at most 45 %, disk 61 % (/), 14 addresses banned, 3 security updates waiting, waits for a reboot for 2 days
• web1: api-blue-web-1 restarted 2 times

Backups
• app on db1 to spaces: 5 hours old, 1.23 GB, drill 3 days ago
• cache on db1 to spaces: FAILED, no good backup yet, never restored in a drill

Alerts that are over
• ErrorRate (api on web1): 2 times, 8 min"""


@pytest.fixture
def prometheus():
    with serve(Server()) as server:
        yield server


@pytest.fixture
def chat():
    with serve(Chat()) as server:
        yield server


@pytest.fixture
def config(prometheus, chat, tmp_path):
    """The file that the role writes, with the secrets beside it."""
    secrets = {
        "slack_token": SLACK_TOKEN,
        "telegram_token": TELEGRAM_TOKEN,
        "slack_url": f"{chat.url}/services/T0/B0/demo\n",
    }
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
    options = {
        "prometheus": prometheus.url,
        "folder": str(tmp_path / "reports"),
        "keep": 3,
        "slack": {
            "token_file": str(tmp_path / "slack_token"),
            "url": f"{chat.url}/api/chat.postMessage",
            "channel": "#ops",
        },
        "telegram": {
            "token_file": str(tmp_path / "telegram_token"),
            "url": chat.url,
            "chat_id": "-1001",
        },
    }

    class Config:
        file = tmp_path / "report.json"
        reports = tmp_path / "reports"
        pauses: list[float] = []

        def __init__(self):
            self.pauses = []
            self.change()

        def change(self, **changes):
            options.update(changes)
            self.file.write_text(json.dumps(options))

        def run(self, what, *more, now=END + 17):
            sender = send.Sender(self.pauses.append)
            return program.main([what, "--config", str(self.file), *more], sender, now)

    return Config()


def told(seconds, prometheus):
    report_week.tell(prometheus, seconds)
    return facts.gather(Prometheus(prometheus.url, END), seconds)


# What is asked


def test_every_question_has_an_answer_where_there_is_one(tmp_path):
    asked = [*facts.OF_APPS.values(), *facts.OF_HOSTS.values(), *facts.OF_BACKUPS.values()]
    asked += [facts.FULLEST, facts.RESTARTS, facts.FILED, facts.RELEASES, facts.ALERTS]
    asked += [each.question for each in (*page.OF_APPS, *page.OF_HOSTS)]
    questions = {each: each.replace("WINDOW", "3600s") for each in asked}
    file = tmp_path / "report.yml"
    file.write_text(yaml.safe_dump(dashboards.trial(questions), width=10000))
    code, said = prometheus_tools.run("promtool", "test", "rules", file)
    assert code == 0, said


def test_a_week_is_asked_for_within_what_prometheus_gives_of_a_series(prometheus):
    told(WEEK, prometheus)
    ranges = [given for path, given in prometheus.asked if path.endswith("query_range")]
    assert {(float(given["end"]) - float(given["start"])) for given in ranges} == {WEEK}
    with pytest.raises(ValueError):
        Prometheus(prometheus.url, END).over("up", WEEK, 50)


def test_what_is_no_number_is_as_if_it_were_not_there(prometheus):
    prometheus.vectors["x"] = [({"a": "1"}, "NaN"), ({"a": "2"}, "+Inf"), ({"a": "3"}, "4")]
    prometheus.matrices["x"] = [({}, [(END - 60, "NaN"), (END, "2")])]
    server = Prometheus(prometheus.url, END)
    assert server.now("x") == [({"a": "3"}, 4.0)]
    assert server.over("x", 60, 60) == [({}, [(END, 2.0)])]


def test_a_deploy_is_a_release_that_was_not_live_a_moment_before_while_another_was():
    def there(*minutes):
        return [(60.0 * minute, 1.0) for minute in minutes]

    series = [
        ({"app": "a", "release": "1"}, there(1, 2, 3, 6, 7)),
        ({"app": "a", "release": "2"}, there(4, 5)),
        # Nobody knew of it before, and later nobody measured for a while.
        ({"app": "b", "release": "9"}, there(3, 4, 7, 8)),
    ]
    assert facts.deploys(series) == [
        {"moment": 240.0, "app": "a", "release": "2"},
        {"moment": 360.0, "app": "a", "release": "1"},
    ]


def test_alerts_are_counted_by_their_interruptions():
    series = [
        ({"alertname": "A", "host": "x"}, [(60.0, 1.0), (120.0, 1.0), (300.0, 1.0)]),
        ({"alertname": "B", "app": "y"}, [(600.0, 1.0)]),
        ({"alertname": "C"}, []),
    ]
    found = facts.alerts(series, 600.0)
    assert [(a["name"], a["count"], a["seconds"], a["on"]) for a in found] == [
        ("B", 1, 60, True),
        ("A", 2, 180, False),
    ]


# Words


@pytest.mark.parametrize(
    "value, digits, shown",
    [
        (0, 2, "0 %"),
        (0.001, 2, "< 0.01 %"),
        (12.345, 2, "12.35 %"),
        (99.999, 2, "> 99.99 %"),
        (99.7, 0, "> 99 %"),
        (100, 2, "100 %"),
        (10, 0, "10 %"),
        (None, 0, "unknown"),
    ],
)
def test_what_is_not_all_is_not_called_all(value, digits, shown):
    assert share(value, digits) == shown


def test_times_and_sizes():
    assert [duration(v) for v in (0.0304, 1.5, 119, 3600, 7200, 200000, -90000, None)] == [
        *("30 ms", "1.5 s", "119 s", "60 min", "2 hours", "2 days", "-25 hours", "unknown"),
    ]
    assert [size(v) for v in (0, 999, 1000, 1.5e9, 3e15, None)] == [
        *("0 B", "999 B", "1 KB", "1.5 GB", "3000 TB", "unknown"),
    ]


def test_the_summary_of_a_day(prometheus):
    assert text.summary(told(DAY, prometheus)) == TODAY


def test_a_prometheus_without_figures_says_so_and_nothing_else(prometheus):
    found = text.summary(facts.gather(Prometheus(prometheus.url, END), DAY))
    assert found == (
        "24 hours until 25 November 2025, 07:00 UTC\n\nPrometheus has no figures of this time."
    )


def test_a_host_alone_has_no_backups_and_no_alerts(prometheus):
    prometheus.vectors[facts.OF_HOSTS["up"].replace("WINDOW", f"{DAY}s")] = [({"host": "a"}, "100")]
    found = text.summary(facts.gather(Prometheus(prometheus.url, END), DAY))
    assert "• a: up 100 %\n" in found
    assert "No backups are known" in found
    assert "No alerts" in found
    assert "Applications" not in found


def test_a_great_many_deploys_and_alerts_are_shortened(prometheus):
    found = told(DAY, prometheus)
    found["deploys"] *= 25
    found["alerts"] = [{**found["alerts"][1], "name": f"A{n}"} for n in range(25)]
    summary = text.summary(found)
    assert "Deploys: 15 before these, api 1.1" in summary
    assert "• A9 " in summary and "A10" not in summary
    assert "• and 15 more" in summary


# The page


class Page(HTMLParser):
    """Fails where tags are not closed in their order. Keeps tags, attributes and texts."""

    EMPTY = ("meta", "br")

    def __init__(self, content):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def week(prometheus):
    found = told(WEEK, prometheus)
    series = page.measure(Prometheus(prometheus.url, END), WEEK)
    return page.page(found, series)


def test_the_page_needs_nothing_but_itself(prometheus):
    content = week(prometheus)
    read = Page(content)
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    outside = {"src", "href", "xlink:href", "action", "data", "style"}
    assert not [found for found in read.attributes if found[1] in outside]
    assert not [found for found in read.attributes if found[1].startswith("on")]
    assert "url(" not in content and "@import" not in content and "://" not in content
    assert ("meta", "charset", "utf-8") in read.attributes


def test_the_page_has_a_chart_of_each_question_and_the_tables(prometheus):
    content = week(prometheus)
    read = Page(content)
    assert read.tags.count("svg") == len(page.OF_APPS) + len(page.OF_HOSTS) == 8
    for each in (*page.OF_APPS, *page.OF_HOSTS):
        assert each.title in read.texts
    assert read.tags.count("table") == 6
    for expected in ("12,345", "0.12 %", "88 % (/var)", "FAILED", "still on", "api 1.1", "2 days"):
        assert expected in read.texts, expected
    for drawing in re.findall(r"<svg.*?</svg>", content, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_lines_are_drawn_where_there_are_figures(prometheus):
    content = week(prometheus)
    drawn = re.findall(r'<path class="c\d" d="([^"]*)"', content)
    assert len(drawn) == 16
    # The second line of each has a gap, so it begins twice.
    assert sorted(d.count("M") for d in drawn) == [1] * 8 + [2] * 8
    numbers = [float(n) for d in drawn for n in re.findall(r"[\d.]+", d.replace("h.1", " "))]
    assert min(numbers) >= 0 and max(numbers) <= 640


def test_names_can_not_break_the_page(prometheus):
    found = told(WEEK, prometheus)
    evil = '"><script>alert(1)</script>&'
    found["apps"][evil] = found["apps"].pop("api")
    found["deploys"] = [{"moment": END - 60, "app": evil, "release": evil}]
    found["alerts"][0]["name"] = evil
    series = {page.OF_APPS[0].title: [({"app": evil}, [(END - 1800, 1.0), (END, 2.0)])]}
    read = Page(page.page(found, series))
    assert "script" not in read.tags
    assert evil in read.texts


def test_a_page_without_figures_says_so(prometheus):
    asked = Prometheus(prometheus.url, END)
    read = Page(page.page(facts.gather(asked, WEEK), page.measure(asked, WEEK)))
    assert read.texts.count("no figures") == 8
    assert "Prometheus has no figures of this time." in read.texts
    assert "svg" not in read.tags


def test_a_chart_shows_the_largest_lines_and_counts_the_others():
    lines = [(f"n{n}", [(0.0, float(n)), (60.0, float(n))]) for n in range(12)]
    drawn = chart("x", lines, 0, 60, 60, str)
    assert "n11" in drawn and "n4" in drawn and ">n3<" not in drawn
    assert "and 4 more" in drawn


def test_the_axis_ends_at_a_round_number():
    values = (0, 0.03, 1, 1.1, 7, 9.5, 10, 64, 101, 1e-9)
    assert [ceiling(v) for v in values] == pytest.approx(
        [1, 0.04, 1, 2, 8, 10, 10, 80, 200, 1e-9], rel=1e-6
    )
    assert ceiling(97, 100) == 100
    assert ceiling(101, 100) == 100


def test_a_point_alone_is_drawn_as_well():
    assert path([(0, 1), (60, 2), (300, 3)], 60, lambda m: m, lambda v: v) == (
        "M0.0 1.0h.1L60.0 2.0M300.0 3.0h.1"
    )


# Sending


def test_a_day_is_told_to_both(config, prometheus, chat, capsys):
    report_week.tell(prometheus, DAY)
    assert config.run("daily") == 0
    assert chat.told["telegram"] == [TODAY]
    assert chat.told["slack"] == [TODAY.replace(">", "&gt;")]
    assert chat.files == {"slack": [], "telegram": []}
    assert (config.reports / "daily-2025-11-25.txt").read_text() == f"{TODAY}\n"
    assert capsys.readouterr() == ("", "")


def test_a_week_goes_with_its_page(config, prometheus, chat):
    report_week.tell(prometheus, WEEK)
    assert config.run("weekly") == 0
    content = (config.reports / "weekly-2025-11-25.html").read_text()
    assert content == week(prometheus)
    assert chat.files["slack"] == [("weekly-2025-11-25.html", content)]
    assert chat.files["telegram"] == [("weekly-2025-11-25.html", content)]
    assert chat.told["slack"][0].startswith("7 days until 25 November 2025, 07:00 UTC\n")
    assert "Deploys: api 1.1 (25 November 05:00)" in chat.told["slack"][0]
    [caption] = chat.told["telegram"]
    assert caption.endswith("ErrorRate (api on web1): 2 times, 8 min")


def test_a_text_that_does_not_fit_beside_telegrams_file_goes_before_it(config, prometheus, chat):
    up = facts.OF_HOSTS["up"].replace("WINDOW", f"{WEEK}s")
    prometheus.vectors[up] = [({"host": f"host-with-a-name-{n}"}, "99.5") for n in range(50)]
    assert config.run("weekly") == 0
    assert "host-with-a-name-49" in chat.told["telegram"][0]
    assert chat.told["telegram"][1:] == ["7 days until 25 November 2025, 07:00 UTC"]
    assert len(chat.files["telegram"]) == 1


def test_a_webhook_is_told_where_the_page_is(config, chat, tmp_path):
    config.change(slack={"webhook_file": str(tmp_path / "slack_url")}, telegram=None)
    assert config.run("daily") == 0
    assert config.run("weekly") == 0
    assert len(chat.told["webhook"]) == 2
    assert (
        f"{config.reports}/weekly-2025-11-25.html on the monitoring host"
        in (chat.told["webhook"][1])
    )
    assert chat.told["telegram"] == []


def test_nobody_has_to_be_told(config, chat):
    config.change(slack=None, telegram=None)
    assert config.run("daily") == 0
    assert chat.asked == []
    assert len(list(config.reports.iterdir())) == 1


def test_printing_tells_nobody_and_keeps_nothing(config, prometheus, chat, capsys):
    report_week.tell(prometheus, DAY)
    assert config.run("daily", "--print") == 0
    assert capsys.readouterr().out == f"{TODAY}\n"
    assert chat.asked == []
    assert not config.reports.exists()


def test_the_oldest_reports_are_removed_and_only_of_their_kind(config):
    config.change(slack=None, telegram=None)
    assert config.run("weekly") == 0
    for day in range(5):
        assert config.run("daily", now=END + day * DAY) == 0
    assert sorted(file.name for file in config.reports.iterdir()) == [
        *(f"daily-2025-11-{day}.txt" for day in (27, 28, 29)),
        "weekly-2025-11-25.html",
    ]


# Faults


def test_a_prometheus_that_is_down(config, chat, capsys):
    config.change(prometheus="http://127.0.0.1:1")
    assert config.run("daily") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "report: Prometheus at http://127.0.0.1:1 does not answer: [Errno 111] Connection refused;"
        " look at 'systemctl status prometheus'\n"
    )
    assert chat.asked == []
    assert not config.reports.exists()


@pytest.mark.parametrize(
    "fault, expected",
    [
        (
            (503, {}, {"status": "error", "errorType": "timeout", "error": "query timed out"}),
            "query timed out",
        ),
        ((500, {}, "<html>oops</html>"), "HTTP status 500"),
        ((200, {}, "Welcome to nginx!"), "does not answer as Prometheus does"),
        ((200, {}, "[]"), "does not answer as Prometheus does"),
        ((200, {}, {"status": "error", "error": "out of order"}), "out of order"),
    ],
)
def test_a_prometheus_that_refuses(config, prometheus, capsys, fault, expected):
    prometheus.faults = [fault]
    assert config.run("weekly") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"report: {prometheus.url}")
    assert expected in said
    assert said.count("\n") == 1


def test_slack_that_refuses_is_named_and_telegram_is_told_all_the_same(
    config, chat, capsys, monkeypatch
):
    monkeypatch.setattr(chat, "_slack", lambda *_args: {"ok": False, "error": "not_in_channel"})
    assert config.run("daily") == 1
    assert capsys.readouterr().err == (
        "report: Slack was not told: chat.postMessage: not_in_channel; invite the bot to the channel;"
        f" the report is {config.reports}/daily-2025-11-25.txt\n"
    )
    assert len(chat.told["telegram"]) == 1
    assert config.pauses == []


def test_a_bot_without_the_scope_for_files(config, chat, capsys, monkeypatch):
    slack = chat._slack

    def refuse(path, *rest):
        if path.endswith("getUploadURLExternal"):
            return {"ok": False, "error": "missing_scope", "needed": "files:write"}
        return slack(path, *rest)

    monkeypatch.setattr(chat, "_slack", refuse)
    assert config.run("weekly") == 1
    assert "files.getUploadURLExternal: missing_scope; give the bot the scopes" in (
        capsys.readouterr().err
    )


def test_telegram_that_refuses(config, chat, capsys):
    chat.refusal = "chat not found"
    config.change(slack=None)
    assert config.run("weekly") == 1
    said = capsys.readouterr().err
    assert said.startswith("report: Telegram was not told: Bad Request: chat not found; the report")
    assert TELEGRAM_TOKEN not in said


def test_no_secret_is_told_when_nobody_answers(config, chat, capsys, tmp_path):
    config.change(
        slack={"webhook_file": str(tmp_path / "slack_url")},
        telegram={
            "token_file": str(tmp_path / "telegram_token"),
            "url": "http://127.0.0.1:1",
            "chat_id": "1",
        },
    )
    (tmp_path / "slack_url").write_text("http://127.0.0.1:1/services/T0/B0/demo")
    assert config.run("daily") == 1
    said = capsys.readouterr().err
    assert said.count("can't be reached: [Errno 111] Connection refused") == 2
    assert TELEGRAM_TOKEN not in said and "services" not in said
    assert config.pauses == [5, 20, 60] * 2


def test_it_waits_as_long_as_it_is_asked_to(config, chat):
    config.change(slack=None)
    slow = {"ok": False, "error_code": 429, "parameters": {"retry_after": 7}}
    chat.faults = [(429, {}, slow), (429, {"Retry-After": "9"}, "slow down"), (502, {}, "")]
    assert config.run("daily") == 0
    assert config.pauses == [7, 9, 60]
    assert len(chat.told["telegram"]) == 1


@pytest.mark.parametrize("content", [None, " \n"])
def test_a_secret_that_is_missing(config, chat, capsys, tmp_path, content):
    (tmp_path / "slack_token").unlink()
    if content:
        (tmp_path / "slack_token").write_text(content)
    assert config.run("daily") == 1
    said = capsys.readouterr().err
    assert f"Slack was not told: {tmp_path}/slack_token" in said
    assert "run the role monitoring again" in said
    assert len(chat.told["telegram"]) == 1


def test_a_configuration_that_is_missing_or_broken(tmp_path, capsys):
    file = tmp_path / "report.json"
    assert program.main(["daily", "--config", str(file)]) == 1
    file.write_text("{")
    assert program.main(["daily", "--config", str(file)]) == 1
    said = capsys.readouterr().err
    assert f"report: {file}: No such file or directory; run the role monitoring\n" in said
    assert f"report: {file} is no JSON; run the role monitoring again\n" in said


def test_a_folder_that_can_not_be_written_to(config, chat, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    config.change(folder=str(tmp_path / "file"))
    assert config.run("daily") == 1
    assert f"report: {tmp_path}/file" in capsys.readouterr().err
    assert chat.asked == []


def test_an_unknown_report_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(["monthly"])
    assert ended.value.code == 2
    assert "monthly" in capsys.readouterr().err


# Lengths


@pytest.mark.parametrize("most", [send.SLACK_MOST, send.TELEGRAM_MOST])
def test_parts_are_short_enough_and_nothing_is_lost(most):
    lines = [f"• host{n}: " + "x" * (n % 70) for n in range(250)]
    whole = "\n".join(lines)
    parts = send.split(whole, most)
    assert 1 < len(parts) <= send.MOST_PARTS
    assert all(0 < send.length(part) <= most for part in parts)
    assert "\n".join(parts) == whole


def test_sections_are_kept_together():
    assert send.split("a\nb\n\nc\nd", 6) == ["a\nb", "c\nd"]


def test_emoji_count_twice_and_are_not_cut_apart():
    parts = send.split("😀" * 10, 5)
    assert parts[:2] == ["😀😀", "😀😀"]
    assert all(send.length(part) <= 5 for part in parts)


def test_a_text_without_end_is_cut_and_says_so():
    parts = send.split("x" * 50000, 4096)
    assert len(parts) == send.MOST_PARTS
    assert all(send.length(part) <= 4096 for part in parts)
    assert parts[-1].endswith(send.MORE)


def test_telegram_takes_a_text_of_many_hosts(config, prometheus, chat):
    up = facts.OF_HOSTS["up"].replace("WINDOW", f"{DAY}s")
    prometheus.vectors[up] = [({"host": f"host-with-a-long-name-{n}"}, "99.5") for n in range(300)]
    assert config.run("daily") == 0
    assert len(chat.told["telegram"]) > 2
    assert "host-with-a-long-name-299" in chat.told["telegram"][-1] + chat.told["telegram"][-2]


def test_nothing_in_a_name_calls_everybody_in_slack(config, prometheus, chat):
    up = facts.OF_HOSTS["up"].replace("WINDOW", f"{DAY}s")
    prometheus.vectors[up] = [({"host": "<!channel> & <http://x|y>"}, "100")]
    assert config.run("daily") == 0
    assert "&lt;!channel&gt; &amp; &lt;http://x|y&gt;" in chat.told["slack"][0]
