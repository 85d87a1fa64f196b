from __future__ import annotations

import json
from unittest.mock import patch

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.farol.vps.plugins.module_utils import (
    _certificates_links,
    _certificates_reach,
    _certificates_wire,
)
from ansible_collections.farol.vps.plugins.modules import certificates
from certificates_host import Nginx, Web, install_certbot


class Host:
    """A host in a folder: Certbot, Nginx at both ports, and the module as Ansible calls it."""

    def __init__(self, folder, nginx, web, capsys):
        self.folder, self.nginx, self.web, self.capsys = folder, nginx, web, capsys
        self.links, self.letsencrypt = folder / "tls", folder / "letsencrypt"
        self.webroot, self.bin = folder / "acme", folder / "bin"

    def call(self, state, *wanted, check=False, **options):
        given = {
            "certificates": list(wanted),
            "state": state,
            "links": str(self.links),
            "letsencrypt_dir": str(self.letsencrypt),
            "webroot": str(self.webroot),
            "acme_server": "https://acme.example/dir",
            "connect": self.nginx.connect,
            "reload_command": self.nginx.reload_command,
            "_ansible_check_mode": check,
            **options,
        }
        # Ansible keeps them from call to call within a process.
        said = []
        warn = patch.object(
            certificates.AnsibleModule, "warn", lambda _self, text: said.append(text)
        )
        with patch_module_args(given), warn, pytest.raises(SystemExit):
            certificates.main()
        return {**json.loads(self.capsys.readouterr().out), "warnings": said}

    def prepared(self, *wanted, **options):
        return self.call("prepared", *wanted, **options)

    def obtained(self, *wanted, **options):
        return self.call("obtained", *wanted, **options)

    def serve(self, *wanted):
        """Configure Nginx for the certificates and start it anew."""
        for each in wanted:
            name = each["domains"][0].replace("*", "farol-check")
            self.nginx.sites[name] = self.links / each["name"]
        self.nginx.load()

    def says(self, text, name=""):
        (self.bin / (f"says.{name}" if name else "says")).write_text(text)

    @property
    def calls(self):
        path = self.bin / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def snapshot(self):
        """All files and links, with what they hold."""
        return {
            str(path): path.readlink() if path.is_symlink() else path.read_bytes()
            for folder in (self.links, self.letsencrypt, self.webroot)
            for path in folder.rglob("*")
            if path.is_symlink() or path.is_file()
        }


@pytest.fixture
def host(tmp_path, capsys, monkeypatch):
    webroot = tmp_path / "acme"
    webroot.mkdir()
    nginx, web = Nginx(tmp_path), Web(webroot)
    nginx.start()
    monkeypatch.setenv("PATH", f"{install_certbot(tmp_path / 'bin').parent}", prepend=":")
    monkeypatch.setattr(_certificates_reach, "PORT", web.server_port)
    monkeypatch.setattr(_certificates_reach, "lookup", lambda domain: ["127.0.0.1"])
    monkeypatch.setattr(_certificates_wire, "PATIENCE", 2)
    monkeypatch.setattr(_certificates_links, "RENEWAL_SECONDS", 0.01)
    yield Host(tmp_path, nginx, web, capsys)
    nginx.close()
    web.shutdown()
    web.server_close()
