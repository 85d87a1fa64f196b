import pytest
from fastapi.testclient import TestClient

from app.main import app
from app.middleware import choose_id


@pytest.fixture(scope="module")
def client():
    with TestClient(app) as client:
        yield client


def test_root_names_the_service_and_its_release(client):
    assert client.get("/").json() == {"name": "farol-example", "version": "1.2.3"}


@pytest.mark.parametrize("path", ["/health", "/health/live"])
def test_health_needs_no_dependency(client, path):
    assert client.get(path).json() == {"status": "ok"}


def test_without_its_dependencies_the_service_is_up_but_not_ready(client):
    assert client.get("/health/ready").status_code == 503
    answer = client.get("/health/detailed")
    assert answer.status_code == 503
    assert {check["status"] for check in answer.json()["checks"].values()} == {"unhealthy"}
    assert "secret" not in answer.text


def test_a_webhook_without_a_queue_asks_to_be_sent_again(client):
    assert client.post("/webhooks/shop", json={}).status_code == 503


def test_a_source_with_odd_characters_is_refused(client):
    assert client.post("/webhooks/Shop!", json={}).status_code == 422


def test_metrics_count_by_route_not_by_path(client):
    client.get("/no/such/page")
    text = client.get("/metrics").text
    assert 'http_requests_total{method="GET",path="/health",status="200"}' in text
    assert 'path="unmatched",status="404"' in text
    assert "/no/such/page" not in text


def test_the_websocket_echoes(client):
    with client.websocket_connect("/ws") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_the_answer_carries_the_caller_s_request_id(client):
    answer = client.get("/", headers={"x-request-id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"


@pytest.mark.parametrize("given", [None, "", "a b", 'x"}\n{"', "é", "a" * 129])
def test_a_missing_or_odd_request_id_is_replaced(given):
    assert choose_id(given) not in (given, "")
