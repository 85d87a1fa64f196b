#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: All TLS certificates of a host, from an ACME server or from files, up to what Nginx serves
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Takes all certificates of a host in one call, in two states. Between them Nginx gets its configuration.
  - Nginx names C(LINKS/NAME/fullchain.pem) and C(LINKS/NAME/privkey.pem) for each certificate of O(certificates[].source=acme).
    C(LINKS/NAME) leads to a placeholder first and to Certbot's files once there are some, so that Nginx
    can start before any certificate has been obtained.
  - One certificate that fails never stops the others. What was served before goes on being served.
  - A run that was killed is completed by the next one, whether Certbot, the link or the reload was still missing.
requirements:
  - The commands C(openssl) (1.1.1 or newer) and C(ip) on the host.
  - C(certbot) (1.21 or newer) on the host for O(certificates[].source=acme), and C(python3-certbot-dns-PROVIDER) for
    O(certificates[].dns).
notes:
  - Certbot's own timer renews. A hook below C(/etc/letsencrypt/renewal-hooks/deploy) has to reload Nginx then.
  - The file that is fetched before an ACME server is asked comes from the host itself. A firewall in front of the host
    shows in Certbot's answer only.
attributes:
  check_mode:
    description:
      - Predicts what would be linked, obtained and reloaded, the look at the DNS included.
      - Nothing is fetched over HTTP then, and no ACME server is asked.
    support: full
  diff_mode:
    description: Shows for each name what it has and until when.
    support: full
  idempotent:
    description: Changes nothing when all certificates are there and served.
    support: full
options:
  certificates:
    description: All certificates of the host. What this module made for names that are not in the list is removed by O(state=obtained).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the certificate, of lower-case letters, digits and hyphens, beginning with a letter. Certbot knows it by this name too.
        type: str
        required: true
      domains:
        description: The domains, the main one first. Wildcards as V(*.example.com) need O(certificates[].dns) with O(certificates[].source=acme).
        type: list
        elements: str
        required: true
      source:
        description:
          - V(acme) has Certbot obtain it.
          - V(files) takes O(certificates[].certificate) and O(certificates[].key), which are there already.
          - V(local_ca) takes the same, signed earlier in the play. Therefore they may be missing in check mode.
        type: str
        choices: [acme, files, local_ca]
        default: acme
      dns:
        description:
          - The provider that has the domains' DNS, V(cloudflare) or V(digitalocean), to prove them there (DNS-01) and not over
            port 80 (HTTP-01).
        type: str
      certificate:
        description: The certificate and its chain, a PEM file on the host.
        type: path
      key:
        description: The key of O(certificates[].certificate), a PEM file on the host, not encrypted.
        type: path
  state:
    description:
      - V(prepared) is for the time before Nginx is configured. It fails with all that is wrong before it changes anything,
        makes placeholders where there is no certificate yet, and links to what there is. A placeholder is signed by itself,
        so browsers refuse it.
      - V(obtained) is for the time when Nginx answers at port 80. It has Certbot obtain what is due, leads the links there,
        looks at what Nginx serves, and reloads Nginx once if that is something else.
      - A certificate is due when there is none, when its domains differ, when it would be renewed from another server or in
        another way, when its key is not ECDSA, and when less than a sixth of its life is left. Certbot's timer renews long
        before that, so it has failed by then.
      - Before an ACME server is asked over port 80, every domain has to resolve to this host alone, and a file put into
        O(webroot) has to come back from it.
      - With V(obtained) the module does not fail for a certificate. See RV(failed_names) and the warnings.
    type: str
    choices: [prepared, obtained]
    required: true
  links:
    description: Folder of the links, made with mode 0755.
    type: path
    default: /etc/farol/tls
  acme_server:
    description: Directory URL of the ACME server.
    type: str
    default: https://acme-v02.api.letsencrypt.org/directory
  acme_email:
    description: Address that a new account at the ACME server gets. None when empty.
    type: str
    default: ""
  acme_ca_file:
    description:
      - File on the host with the authorities that Certbot trusts in place of the system's, for a private ACME server.
      - Certbot's timer needs it as well, in the environment variable E(REQUESTS_CA_BUNDLE) of C(certbot.service).
      - With Python 3.13 or newer (Debian 13) an authority's certificate needs a key usage extension to be trusted.
    type: path
  webroot:
    description: Folder that Nginx serves at port 80 of every domain, below C(/.well-known/acme-challenge/).
    type: path
    default: /var/www/acme
  dns_credentials:
    description: For each provider in O(certificates[].dns), the path of Certbot's file with its token on the host. Needed for O(state=obtained).
    type: dict
    default: {}
  dns_propagation:
    description: Seconds to wait until a new DNS record is known everywhere.
    type: int
    default: 30
  addresses:
    description:
      - Addresses by which the internet gets to this host. Those of its interfaces when empty.
      - Needed where another address is translated to the host's own, as with reserved addresses and NAT.
    type: list
    elements: str
    default: []
  resolve:
    description:
      - Whether domains have to resolve to this host. Not so behind a proxy that passes requests on.
      - A domain that stands in C(/etc/hosts) with a loopback address passes in any case.
    type: bool
    default: true
  letsencrypt_dir:
    description: Certbot's folder.
    type: path
    default: /etc/letsencrypt
  reload_command:
    description: Command that has Nginx read its certificates again, without a shell.
    type: list
    elements: str
    default: [systemctl, reload, nginx]
  connect:
    description: Host and port where Nginx answers over TLS.
    type: str
    default: 127.0.0.1:443
"""

EXAMPLES = r"""
- name: Give every certificate a file
  farol.vps.certificates:
    state: prepared
    certificates: &certificates
      - name: api
        domains: [api.example.com, www.example.com]
      - name: all
        domains: ["*.example.org", example.org]
        dns: digitalocean
      - name: shop
        domains: [shop.example.net]
        source: files
        certificate: /etc/ssl/shop.pem
        key: /etc/ssl/private/shop.key

- name: Configure Nginx
  farol.vps.config_tree:
    name: nginx

- name: Obtain the certificates
  farol.vps.certificates:
    state: obtained
    certificates: *certificates
    dns_credentials: {digitalocean: /etc/farol/dns/digitalocean.ini}
    acme_email: admin@example.com
  register: obtained

- name: Refuse to go on without one of them
  ansible.builtin.assert:
    that: obtained.failed_names | length == 0
    fail_msg: "{{ obtained.certificates | selectattr('error') | map(attribute='error') | join('\n') }}"
"""

RETURN = r"""
certificates:
  description: The certificates as they are now, in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the certificate.
      type: str
      sample: api
    domains:
      description: The domains that are wanted.
      type: list
      elements: str
      sample: [api.example.com, www.example.com]
    source:
      description: Where it comes from, as in O(certificates[].source).
      type: str
      sample: acme
    not_after:
      description: When it ends, as ISO 8601 in UTC. Empty if there is none.
      type: str
      sample: "2027-02-20T08:15:30Z"
    days_left:
      description: Whole days until it ends, below zero when it has ended. Null if there is none.
      type: int
      sample: 89
    serial:
      description: Its serial number in hexadecimal digits. Empty if there is none.
      type: str
      sample: 04A1F3
    issuer:
      description: Who signed it. Empty if there is none.
      type: str
      sample: CN=E7,O=Let's Encrypt,C=US
    placeholder:
      description: Whether a placeholder stands in for it.
      type: bool
      sample: false
    error:
      description: What is wrong with it and what to do. Empty if nothing is.
      type: str
      sample: ""
failed_names:
  description: Names of the certificates with an error.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._certificates import (
    Certificate,
    CertificatesError,
)
from ansible_collections.farol.vps.plugins.module_utils._certificates_certbot import Certbot
from ansible_collections.farol.vps.plugins.module_utils._certificates_job import Job
from ansible_collections.farol.vps.plugins.module_utils._certificates_links import Links
from ansible_collections.farol.vps.plugins.module_utils._certificates_reach import parse_addresses
from ansible_collections.farol.vps.plugins.module_utils._certificates_run import obtain, prepare
from ansible_collections.farol.vps.plugins.module_utils._certificates_wire import Wire

CERTIFICATE = {
    "name": {"type": "str", "required": True},
    "domains": {"type": "list", "elements": "str", "required": True},
    "source": {"type": "str", "choices": ["acme", "files", "local_ca"], "default": "acme"},
    # No choices, since those would refuse a null.
    "dns": {"type": "str"},
    "certificate": {"type": "path"},
    "key": {"type": "path", "no_log": False},
}

ARGUMENTS = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": CERTIFICATE,
    },
    "state": {"type": "str", "choices": ["prepared", "obtained"], "required": True},
    "links": {"type": "path", "default": "/etc/farol/tls"},
    "acme_server": {"type": "str", "default": "https://acme-v02.api.letsencrypt.org/directory"},
    "acme_email": {"type": "str", "default": ""},
    "acme_ca_file": {"type": "path"},
    "webroot": {"type": "path", "default": "/var/www/acme"},
    "dns_credentials": {"type": "dict", "default": {}},
    "dns_propagation": {"type": "int", "default": 30},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "resolve": {"type": "bool", "default": True},
    "letsencrypt_dir": {"type": "path", "default": "/etc/letsencrypt"},
    "reload_command": {
        "type": "list",
        "elements": "str",
        "default": ["systemctl", "reload", "nginx"],
    },
    "connect": {"type": "str", "default": "127.0.0.1:443"},
}


def build_job(options: dict[str, Any], check: bool) -> Job:
    """Turn the module's options into what a run needs."""
    return Job(
        links=Links(os.path.abspath(options["links"]), os.path.abspath(options["letsencrypt_dir"])),
        certbot=Certbot(
            server=options["acme_server"],
            email=options["acme_email"],
            ca_file=options["acme_ca_file"] or "",
            webroot=options["webroot"],
            letsencrypt=os.path.abspath(options["letsencrypt_dir"]),
            credentials=options["dns_credentials"],
            propagation=options["dns_propagation"],
        ),
        wire=Wire.parse(options["connect"]),
        reload_command=options["reload_command"],
        addresses=parse_addresses(options["addresses"]),
        resolve=options["resolve"],
        now=time.time(),
        check=check,
    )


def build_wish(options: dict[str, Any]) -> Certificate:
    given = {key: value or "" for key, value in options.items()}
    return Certificate(**{**given, "domains": tuple(options["domains"])})


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    # Nginx's workers have to get at the file of a challenge, however strict root's umask is.
    os.umask(0o022)
    options = module.params
    try:
        job = build_job(options, module.check_mode)
        wishes = [build_wish(each) for each in options["certificates"]]
        outcome = (prepare if options["state"] == "prepared" else obtain)(wishes, job)
    except CertificatesError as error:
        module.fail_json(msg=str(error))
    result = outcome.as_dict(job.now)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
