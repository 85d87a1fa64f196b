import json
import logging

from app.logs import JsonFormatter, request_id, without_payload


def render(**fields):
    record = logging.makeLogRecord({"name": "app", "levelname": "INFO", "msg": "hi", **fields})
    return json.loads(JsonFormatter().format(record))


def test_a_line_is_one_json_object_even_for_a_message_of_two_lines():
    record = logging.makeLogRecord({"msg": "one\ntwo"})
    assert "\n" not in JsonFormatter().format(record)


def test_the_request_id_is_on_every_line_of_the_request():
    token = request_id.set("abc")
    try:
        assert render()["request_id"] == "abc"
    finally:
        request_id.reset(token)
    assert render()["request_id"] is None


def test_extra_fields_appear_and_the_record_s_own_do_not():
    line = render(job_id="42")
    assert line["job_id"] == "42"
    assert set(line) == {"time", "level", "logger", "message", "request_id", "job_id"}


def test_an_exception_keeps_its_traceback():
    error = ValueError("broken")
    line = render(exc_info=(type(error), error, error.__traceback__))
    assert "ValueError: broken" in line["exception"]


def test_saq_s_line_with_a_job_s_payload_is_dropped_and_its_others_are_kept():
    assert not without_payload(logging.makeLogRecord({"msg": "Error processing job %s"}))
    assert without_payload(logging.makeLogRecord({"msg": "Upkeep task failed unexpectedly"}))
