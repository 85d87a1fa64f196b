"""JSON logs, one object a line, each with the request it belongs to."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

# uvicorn adds its message a second time, with terminal colours.
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def without_payload(record: logging.LogRecord) -> bool:
    """saq prints a failed job with all it was given; app.jobs reports the failure instead."""
    return not str(record.msg).startswith("Error processing job")


def config(level: str) -> dict[str, Any]:
    """A logging.config.dictConfig for the web server, the worker and the scheduler alike."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "json",
            },
        },
        "root": {"handlers": ["stdout"], "level": level.upper()},
        "loggers": {
            # uvicorn's loggers take over gunicorn's handlers; access lines come from app.access.
            "gunicorn.error": {"handlers": ["stdout"], "propagate": False},
            "gunicorn.access": {"handlers": [], "propagate": False},
            "saq": {"level": "WARNING", "filters": [without_payload]},
        },
    }
