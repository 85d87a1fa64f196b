import asyncio

from app.health import check, check_all, overall


async def answers():
    pass


async def refuses():
    raise ConnectionRefusedError("postgresql://app:secret@db")


async def hangs():
    await asyncio.sleep(60)


def test_all_ok_is_ok_and_one_failure_is_unhealthy():
    ok, bad = {"status": "ok"}, {"status": "unhealthy"}
    assert overall({"a": ok, "b": ok}) == "ok"
    assert overall({"a": ok, "b": bad}) == "unhealthy"


def test_a_failure_is_named_without_its_text():
    result = asyncio.run(check(refuses, timeout=1))
    assert result["error"] == "ConnectionRefusedError"
    assert "secret" not in str(result)


def test_a_hanging_dependency_is_given_up_at_the_timeout():
    result = asyncio.run(check(hangs, timeout=0.05))
    assert result["error"] == "TimeoutError"
    assert 50 <= result["response_time_ms"] < 1000


def test_probes_run_side_by_side_under_their_names():
    results = asyncio.run(check_all({"db": answers, "cache": refuses}))
    assert {name: each["status"] for name, each in results.items()} == {
        "db": "ok",
        "cache": "unhealthy",
    }
