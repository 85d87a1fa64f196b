"""What scanners that take seconds say of every host."""

from __future__ import annotations

import scanners

NAME = "web.farol.test"
# It warns of a curve that OpenSSL before 3.5 does not know, and it is there where OpenSSL does.
KNOWN = {"ssl_ecdh_curve"}


def test_tls_is_mozillas_intermediate(lab):
    assert scanners.sslyze(scanners.site(NAME, lab.name, lab.address)) == []


def test_gixy_finds_nothing_but_what_is_known(server):
    found = scanners.gixy(server.check_output("nginx -T"))
    assert found.keys() <= KNOWN, found


def test_no_answer_tells_a_version(lab):
    found = scanners.banners(scanners.site(NAME, lab.name, lab.address))
    assert found.keys() == {200, 301, 400, 405, 505}
    assert all(said == {"Server: nginx"} for said in found.values()), found
