"""verify.yml: what it says of a host that is well and of one that is not, in its table, its files and its exit status."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

AWAY = ("-e", "ansible_host=172.30.99.119", "-e", "ansible_timeout=2", "-e", "verify_timeout=3")
URL = "https://api.farol.test/health/ready"


@pytest.fixture
def verify(lab, tmp_path):
    """Run verify.yml: its exit status, what it printed, and the checks that it wrote, by where they were made and name."""

    def run(*options):
        lab.forget_connections()
        ran = lab.playbook(
            "playbooks/verify.yml",
            *("-e", f"verify_report_dir={tmp_path}"),
            *options,
        )
        written = json.loads((tmp_path / "results.json").read_text())["checks"]
        checks = {(check["seen_from"], check["name"]): check for check in written}
        return ran.returncode, " ".join(ran.stdout.split()), checks

    return run


def test_a_host_that_is_well_passes_and_the_files_say_so(lab, verify, tmp_path):
    code, output, checks = verify()

    assert code == 0 and f"{len(checks)} passed, 0 failed" in output, output
    assert checks["outside", "api"]["target"].startswith(URL)
    assert {"docker", "nginx", "api services-worker", "api accessories-postgres"} <= {
        name for where, name in checks if where == "host"
    }
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suites.attrib["tests"] == str(len(checks)) and suites.attrib["failures"] == "0"
    page = (tmp_path / "report.html").read_text()
    assert lab.name in page and "0 failed" in page and "<script" not in page


def test_what_is_down_fails_the_run_and_is_named_in_all_files(lab, verify, tmp_path):
    lab.inside("docker stop --time 1 api-services-worker-1")
    try:
        code, output, checks = verify("-e", "nginx_ca_fetch_to=", "-e", "verify_timeout=10")
    finally:
        lab.inside("docker start api-services-worker-1")

    failed = {key for key, check in checks.items() if not check["ok"]}
    # Without the host's authority, a visitor does not trust its certificate.
    assert failed == {("host", "api services-worker"), ("outside", "api")}
    assert code != 0 and "2 failed" in output
    assert "certificate refused" in checks["outside", "api"]["seen"]
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    cases = {
        case.attrib["name"] for case in suites.iter("testcase") if case.find("failure") is not None
    }
    assert cases == {"api", "api services-worker"}
    assert "<caption>Failed</caption>" in (tmp_path / "report.html").read_text()


def test_maintenance_is_no_failure(lab, verify):
    flag = "/var/lib/farol/apps/api/maintenance"
    lab.inside(f"touch {flag}")
    try:
        code, output, checks = verify()
    finally:
        lab.inside(f"rm {flag}")

    assert code == 0, output
    assert checks["outside", "api (in maintenance)"]["seen"].startswith("503")


def test_a_host_that_cannot_be_reached_is_in_the_report(verify):
    code, _output, checks = verify(*AWAY)

    assert code != 0
    assert not checks["host", "login"]["ok"] and not checks["outside", "api"]["ok"]
