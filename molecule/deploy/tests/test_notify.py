"""Slack and Telegram are told of a release, and a release does not depend on them."""

from __future__ import annotations

import pytest
from chat import BOT, CHAT, SLACK, TELEGRAM, WEBHOOK, Chat

ONLY = "noble"
EVERYTHING = ["start", "success", "failure"]


@pytest.fixture
def chat(tmp_path, monkeypatch):
    chat = Chat(tmp_path)
    for name, value in chat.environment.items():
        monkeypatch.setenv(name, value)
    yield chat
    chat.server.shutdown()
    chat.server.server_close()


def test_both_are_told_of_the_start_the_success_and_the_failure_with_its_reason(
    site, chat, as_before
):
    told = {
        "app_slack_token": WEBHOOK,
        "app_telegram_token": BOT,
        "app_telegram_chat_id": CHAT,
        "app_notify_on": EVERYTHING,
    }
    output = site.deploy("1.1.0", **told)
    site.deploy("1.0.0")
    for name in (SLACK, TELEGRAM):
        begins, serves = (body.replace("+", " ") for body in chat.taken(name))
        assert "begins" in begins and "1.1.0-" in serves and "serves" in serves
        assert "deploy-noble" in begins and "1.0.0-" in serves
    output += site.refused("9.9.9", "-vvv", **told)
    for name in (SLACK, TELEGRAM):
        reason = chat.taken(name)[-1].replace("+", " ")
        assert "the release failed" in reason and "check image and version" in reason
    assert WEBHOOK not in output and "lab-only-bot" not in output, "a token was shown"


def test_who_refuses_the_message_does_not_stop_the_release(site, chat):
    output = site.deploy(
        "1.1.0", app_slack_token=WEBHOOK + "x", app_telegram_token=BOT, app_telegram_chat_id="1"
    )
    assert (
        site.version() == "1.1.0" and chat.said and chat.taken(SLACK) == chat.taken(TELEGRAM) == []
    )
    text = " ".join(output.split())
    assert "Slack was not told" in text and "Check app_slack_token" in text
    assert "Telegram was not told" in text
    site.deploy("1.0.0")
