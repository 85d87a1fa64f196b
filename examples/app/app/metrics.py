"""Prometheus metrics, summed over all of gunicorn's processes."""

import os

from fastapi import APIRouter, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "path", "status"])
LATENCY = Histogram("http_request_duration_seconds", "Time to answer.", ["method", "path"])
INFO = Gauge("app_info", "The release that runs.", ["release"], multiprocess_mode="max")

router = APIRouter()


def exposition() -> bytes:
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return generate_latest(registry)


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
