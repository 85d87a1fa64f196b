"""What openssl reads and makes, with the real one."""

from __future__ import annotations

import ssl
import time

import pytest
from ansible_collections.farol.vps.plugins.module_utils import _certificates_host as host
from ansible_collections.farol.vps.plugins.module_utils._certificates import CertificatesError
from certificates_host import make, openssl, serial


def test_a_certificate_is_read_whole(tmp_path):
    chain, key = make(tmp_path, "A.example", "*.b.example", days=80, age=10)
    leaf = host.read_pair(str(chain), str(key))
    assert leaf.names == {"a.example", "*.b.example"}
    assert leaf.serial == serial(chain) and leaf.issuer == "CN=Fake Authority" and leaf.ecdsa
    assert abs(leaf.not_after - time.time() - 80 * 86400) < 60
    assert leaf.not_after - leaf.not_before == 90 * 86400
    assert leaf.der == openssl_der(chain)


def openssl_der(path):
    return ssl.PEM_cert_to_DER_cert(openssl("x509", "-in", str(path)))


def test_what_nginx_shows_is_the_first_of_a_chain(tmp_path):
    first, key = make(tmp_path / "a", "a.example")
    other, _key = make(tmp_path / "b", "b.example")
    chain = tmp_path / "chain.pem"
    chain.write_text(f"subject=a\n{first.read_text()}\n{other.read_text()}")
    assert host.read_pair(str(chain), str(key)).names == {"a.example"}


def test_rsa(tmp_path):
    assert not host.read_pair(*map(str, make(tmp_path, "a.example", kind="rsa"))).ecdsa


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("a.example", True),
        ("x.b.example", True),
        ("b.example", False),
        ("x.y.b.example", False),
        ("*.b.example", True),
        ("*.a.example", False),
        ("localhost", False),
    ],
)
def test_wildcards_stand_for_one_label(tmp_path, name, covered):
    leaf = host.read_leaf(str(make(tmp_path, "a.example", "*.b.example")[0]))
    assert leaf.covers(name) == covered


def refusal(chain, key):
    with pytest.raises(CertificatesError) as caught:
        host.read_pair(str(chain), str(key))
    return str(caught.value)


def test_files_that_cannot_be_used(tmp_path):
    chain, key = make(tmp_path, "a.example")
    other = tmp_path / "other"
    assert refusal(tmp_path, key) == (
        f"{tmp_path} cannot be read: Is a directory; put it there, or correct the path"
    )
    other.write_text("hello")
    assert refusal(other, key) == f"{other} holds no PEM certificate"
    assert refusal(chain, other) == f"{other} holds no PEM key"
    other.write_bytes(host.read_leaf(str(chain)).der)
    assert refusal(other, key) == (
        f"{other} holds no PEM certificate; convert it with 'openssl x509 -inform der'"
    )
    lines = chain.read_text().splitlines()
    other.write_text("\n".join([lines[0], *lines[3:]]))
    assert refusal(other, key).startswith(f"{other} holds a damaged certificate: ")
    openssl("pkey", "-in", str(key), "-aes128", "-passout", "pass:x", "-out", str(other))
    assert refusal(chain, other) == (
        f"{other} is encrypted, and Nginx cannot ask for its passphrase; "
        "decrypt it with 'openssl pkey -in OLD -out NEW'"
    )


def test_a_placeholder_that_cannot_be_made(tmp_path):
    with pytest.raises(CertificatesError) as caught:
        host.make_placeholder(str(tmp_path / "made/a"), ())
    assert str(caught.value).startswith(f"openssl made no placeholder for {tmp_path}/made/a: ")
    assert not (tmp_path / "made/a").exists()


def test_a_command_is_ended_with_all_that_it_started(tmp_path):
    done = host.run(["sh", "-c", f"echo begun; (sleep 4; touch {tmp_path}/late) & wait"], limit=2)
    assert done.code == -9 and done.out == "begun\n" and done.err == "no end within 2 s\n"
    time.sleep(3)
    assert not (tmp_path / "late").exists()


def test_a_command_that_is_not_there():
    with pytest.raises(CertificatesError) as caught:
        host.run(["ip-of-nowhere"])
    assert str(caught.value) == (
        "there is no command ip-of-nowhere on this host; install the package ip-of-nowhere"
    )
