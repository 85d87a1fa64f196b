"""The module as Ansible calls it before Nginx has its configuration."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

import pytest
import yaml
from ansible_collections.farol.vps.plugins.modules import certificates
from certificates_host import make, openssl, serial

API = {"name": "api", "domains": ["api.example.com", "www.example.com"]}


def given(folder, name="shop", domains=("shop.example.com",), **more):
    return {
        "name": name,
        "domains": list(domains),
        "source": "files",
        "certificate": str(folder / "fullchain.pem"),
        "key": str(folder / "privkey.pem"),
        **more,
    }


def test_a_placeholder_lets_nginx_start(host):
    result = host.prepared(API)

    link, folder = host.links / "api", host.links / ".placeholder" / "api"
    assert result["changed"] and link.readlink() == folder
    assert sorted(os.listdir(folder)) == ["fullchain.pem", "privkey.pem"]
    assert (folder / "privkey.pem").stat().st_mode & 0o777 == 0o600
    assert host.links.stat().st_mode & 0o777 == 0o755
    text = openssl("x509", "-in", str(folder / "fullchain.pem"), "-noout", "-text")
    assert "DNS:api.example.com, DNS:www.example.com" in text
    assert "NIST CURVE: P-256" in text and "CA:FALSE" in text
    host.serve(API)
    assert host.nginx.loaded


def test_what_it_returns(host):
    result = host.prepared(API)

    (answer,) = result["certificates"]
    assert set(answer) == set(yaml.safe_load(certificates.RETURN)["certificates"]["contains"])
    assert answer["name"] == "api" and answer["domains"] == API["domains"]
    assert answer["source"] == "acme" and answer["placeholder"] is True and answer["error"] == ""
    assert answer["days_left"] in (89, 90) and answer["issuer"] == "CN=farol placeholder"
    assert answer["serial"] == serial(host.links / "api/fullchain.pem")
    end = datetime.strptime(answer["not_after"], "%Y-%m-%dT%H:%M:%SZ")
    wanted = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(days=90)
    assert abs(end - wanted) < timedelta(minutes=1)
    assert result["failed_names"] == [] and result["warnings"] == []
    assert result["diff"]["before"] == "api: none\n"
    assert result["diff"]["after"] == f"api: placeholder until {answer['not_after']}\n"


def test_what_a_filter_leaves_open_may_be_null(host):
    wish = {**API, "dns": None, "certificate": None, "key": None}
    assert host.prepared(wish)["changed"] and not host.prepared(API)["changed"]


def test_a_second_run_changes_nothing(host):
    host.prepared(API)
    before = host.snapshot()
    result = host.prepared(API)
    assert not result["changed"] and host.snapshot() == before
    assert result["diff"]["before"] == result["diff"]["after"]


def test_check_mode_tells_and_makes_nothing(host):
    result = host.prepared(API, check=True)
    assert result["changed"] and not host.links.exists()
    assert result["certificates"][0]["placeholder"] is True
    assert result["certificates"][0]["not_after"] == ""
    assert result["diff"]["after"] == "api: none, a placeholder would be made\n"
    host.prepared(API)
    assert not host.prepared(API, check=True)["changed"]


def test_the_folder_gets_its_mode_back(host):
    host.prepared(API)
    host.links.chmod(0o700)
    assert host.prepared(API, check=True)["changed"]
    assert host.prepared(API)["changed"]
    assert host.links.stat().st_mode & 0o777 == 0o755


def test_a_lineage_that_is_there_is_taken(host):
    live = host.letsencrypt / "live/api"
    make(live, "api.example.com")
    check = host.prepared(API, check=True)
    result = host.prepared(API)
    assert check["changed"] and result["changed"]
    assert check["certificates"] == result["certificates"]
    assert (host.links / "api").readlink() == live
    assert not (host.links / ".placeholder").exists()
    assert result["certificates"][0]["placeholder"] is False


@pytest.mark.parametrize("broken", ["gone", "empty", "mixed"])
def test_nginx_can_start_when_the_lineage_is_broken(host, broken):
    live = host.letsencrypt / "live/api"
    make(live, "api.example.com")
    host.prepared(API)
    key = live / "privkey.pem"
    if broken == "gone":
        key.unlink()
    elif broken == "empty":
        key.write_text("")
    else:
        make(host.folder / "other", "x.example.com")[1].replace(key)
    result = host.prepared(API)
    assert result["changed"] and result["certificates"][0]["placeholder"] is True
    host.serve(API)


def test_a_placeholder_that_is_half_there_is_made_anew(host):
    folder = host.links / ".placeholder/api"
    folder.mkdir(parents=True)
    (folder / "fullchain.pem").write_text("-----BEGIN CERTI")
    (host.links / "api").symlink_to(folder)
    assert host.prepared(API)["changed"]
    host.serve(API)


def test_a_run_that_was_killed_is_completed(host):
    (host.links / ".placeholder/.new-api").mkdir(parents=True)
    (host.links / ".api.farol-new").symlink_to("nowhere")
    assert host.prepared(API)["changed"]
    host.serve(API)
    assert sorted(os.listdir(host.links)) == [".placeholder", "api"]
    assert os.listdir(host.links / ".placeholder") == ["api"]


def test_what_is_no_longer_wanted_stays_until_nginx_has_its_configuration(host):
    host.prepared(API)
    assert not host.prepared()["changed"]
    assert (host.links / "api/fullchain.pem").exists()


def test_given_files_that_fit(host):
    make(host.folder / "shop", "*.example.com", "example.com", days=100)
    wish = given(host.folder / "shop", domains=("shop.example.com", "example.com"))
    result = host.prepared(wish)
    assert not result["changed"] and not host.links.exists() and result["warnings"] == []
    assert result["certificates"][0]["days_left"] == 99
    assert result["certificates"][0]["issuer"] == "CN=Fake Authority"


def test_given_files_that_end_soon(host):
    make(host.folder / "shop", "shop.example.com", days=13)
    result = host.prepared(given(host.folder / "shop"))
    (warning,) = result["warnings"]
    assert warning.startswith(f"certificate shop: {host.folder}/shop/fullchain.pem ends on 20")
    assert warning.endswith("; put a new one in its place before")
    assert result["failed_names"] == []


def test_all_faults_are_told_before_anything_changes(host):
    folder = host.folder
    make(folder / "old", "old.example.com", days=-3, age=90)
    make(folder / "other", "other.example.com")
    make(folder / "mixed", "mixed.example.com")
    make(folder / "spare", "mixed.example.com")[1].replace(folder / "mixed/privkey.pem")
    make(folder / "early", "early.example.com", age=-2)
    make(folder / "nameless")
    host.links.mkdir()
    (host.links / "blocked").mkdir()

    result = host.prepared(
        API,
        {"name": "blocked", "domains": ["blocked.example.com"]},
        {"name": "Bad", "domains": []},
        given(folder / "absent", "absent"),
        given(folder / "old", "old", ["old.example.com"]),
        given(folder / "other", "other", ["a.example.com", "b.example.com"]),
        given(folder / "mixed", "mixed", ["mixed.example.com"]),
        given(folder / "early", "early", ["early.example.com"]),
        given(folder / "nameless", "nameless", ["nameless.example.com"]),
    )

    assert result["failed"] and os.listdir(host.links) == ["blocked"]
    first, *faults = result["msg"].split("\n- ")
    assert first == "the certificates are not changed, since"
    text = "\n".join(faults).replace(str(folder), "")
    day = datetime.now(timezone.utc) - timedelta(days=3)
    assert f"old: /old/fullchain.pem ended on {day:%Y-%m-%dT}" in text
    early = datetime.now(timezone.utc) + timedelta(days=2)
    assert f"early: /early/fullchain.pem begins on {early:%Y-%m-%dT}" in text
    for fault in (
        "Bad: a name consists of lower-case letters, digits and hyphens and begins with a letter",
        "Bad: it has no domains; name at least one",
        "blocked: /tls/blocked is in the way of a link; move it away",
        "absent: /absent/fullchain.pem cannot be read: No such file or directory; "
        "put it there, or correct the path",
        "other: /other/fullchain.pem is not made out to a.example.com, b.example.com but to "
        "other.example.com; have it made out to all domains, or correct domains",
        "mixed: /mixed/privkey.pem does not belong to /mixed/fullchain.pem; "
        "give the key that it was made with",
        "nameless: /nameless/fullchain.pem is not made out to nameless.example.com but to "
        "no domain; have it made out to all domains, or correct domains",
    ):
        assert fault in text.split("\n")
    assert len(faults) == 9


def test_a_local_authority_signs_only_in_a_real_run(host):
    wish = given(host.folder / "ca", source="local_ca")
    check = host.prepared(wish, check=True)
    assert not check.get("failed") and check["failed_names"] == []
    assert host.prepared(wish)["failed"]
    make(host.folder / "ca", "shop.example.com")
    assert host.prepared(wish)["certificates"][0]["source"] == "local_ca"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"connect": "localhost"},
            "connect: 'localhost' is no host and port; write it as 127.0.0.1:443",
        ),
        (
            {"addresses": ["203.0.113"]},
            "addresses: '203.0.113' does not appear to be an IPv4 or IPv6 address; correct it",
        ),
    ],
)
def test_options_that_can_never_work(host, options, message):
    result = host.prepared(API, **options)
    assert result["failed"] and result["msg"] == message


def test_without_openssl(host, monkeypatch):
    monkeypatch.setenv("PATH", str(host.bin))
    result = host.prepared(API)
    assert result["failed"]
    assert result["msg"] == (
        "there is no command openssl on this host; install the package openssl"
    )
