#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: health_check
short_description: Check many services at once until they are healthy
version_added: 0.1.0
author: The farol maintainers (@farol-vps)
description:
  - Checks HTTP and HTTPS endpoints, TCP ports, PostgreSQL, Redis, containers and systemd units.
  - All checks run at the same time. Each is tried again until it passes or its time is over, so the
    task takes as long as its slowest check.
  - Runs where the task runs. Use C(delegate_to=localhost) to look at a host from outside.
notes:
  - The checks need nothing but Python's standard library, except where an option says otherwise.
attributes:
  check_mode:
    description: The checks only read, so they run in check mode as well.
    support: full
  diff_mode:
    description: There is nothing to differ.
    support: none
  idempotent:
    description: The module changes nothing, whatever it finds.
    support: full
options:
  checks:
    description: The checks to make.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the check in results and messages.
        type: str
        required: true
      type:
        description:
          - V(http) asks a URL.
          - V(tcp) connects to a port.
          - V(postgresql) logs in and sends a query. Needs Python's C(psycopg) or C(psycopg2), or the
            command C(psql) (package C(postgresql-client)).
          - V(redis) sends a C(PING), after C(AUTH) when there is a O(checks[].password).
          - V(container) asks Docker whether a container runs and, if it has a health check, is healthy.
          - V(unit) asks systemd whether a unit is active.
        type: str
        required: true
        choices: [http, tcp, postgresql, redis, container, unit]
      timeout:
        description: Seconds this check has to pass, in place of O(timeout).
        type: float
      url:
        description: Address for V(http), beginning with C(http://) or C(https://). Redirects are not followed.
        type: str
      address:
        description: Host or IP address to connect to for V(http), in place of the host in O(checks[].url).
        type: str
      method:
        description: HTTP method.
        type: str
        default: GET
      request_headers:
        description: HTTP headers to send, such as C(Authorization). Their values are kept out of logs and results.
        type: dict
      status:
        description: HTTP status codes that pass.
        type: list
        elements: int
        default: [200]
      headers:
        description: Text to find in headers of the HTTP answer, by name of the header.
        type: dict
      json:
        description:
          - Values to find in the JSON body of the HTTP answer, by JMESPath expression.
          - Needs the Python library C(jmespath) (package C(python3-jmespath)).
        type: dict
      tls_min_days:
        description: Days the certificate of the HTTPS server must still be valid.
        type: int
      ca_file:
        description:
          - File with the certificate authorities to trust in place of the system's.
          - Required for V(postgresql) with O(checks[].tls) and O(checks[].validate_certs).
        type: path
      validate_certs:
        description: Whether the server's certificate must be trusted, in date, and made out to its name.
        type: bool
        default: true
      host:
        description: Host or IP address for V(tcp), V(postgresql) and V(redis).
        type: str
      port:
        description: Port for V(tcp), V(postgresql) (5432 if not set) and V(redis) (6379 if not set).
        type: int
      state:
        description:
          - State V(tcp) expects of the port.
          - V(closed) is a port that refuses, or that gives no answer for two seconds. So does a host that
            is down; have another check show that it is up.
        type: str
        choices: [open, closed]
        default: open
      user:
        description: User to log in as, for V(postgresql) and V(redis).
        type: str
      password:
        description: Password to log in with, for V(postgresql) and V(redis).
        type: str
      database:
        description: Database for V(postgresql). By default, that named like O(checks[].user).
        type: str
      tls:
        description: Whether V(postgresql) or V(redis) must be spoken to over TLS.
        type: bool
        default: false
      container:
        description: Name or ID for V(container).
        type: str
      unit:
        description: Name for V(unit), such as C(nginx.service).
        type: str
  timeout:
    description: Seconds all checks together have to pass.
    type: float
    default: 30
  interval:
    description: Seconds between two tries of a check.
    type: float
    default: 0.25
  try_timeout:
    description: Seconds a single try may take, so that one lost connection doesn't use up all the time.
    type: float
    default: 5
  fail:
    description: Whether the task fails when a check fails.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Look at the site from outside
  delegate_to: localhost
  farol.vps.health_check:
    checks:
      - name: api
        type: http
        url: https://api.example.com/health/ready
        address: 203.0.113.5
        json: {status: ok}
        headers: {strict-transport-security: max-age=}
        tls_min_days: 14
      - {name: ssh, type: tcp, host: 203.0.113.5, port: 22}
      - {name: database closed, type: tcp, host: 203.0.113.5, port: 5432, state: closed}

- name: Wait for the services of the host
  farol.vps.health_check:
    timeout: 60
    checks:
      - {name: db, type: postgresql, host: 127.0.0.1, user: api, password: "{{ db_password }}"}
      - {name: cache, type: redis, host: 127.0.0.1, password: "{{ cache_password }}"}
      - {name: api, type: container, container: api-web-1}
      - {name: nginx, type: unit, unit: nginx.service}
  register: health

- name: Show the results
  ansible.builtin.debug:
    msg: "{{ health.checks | farol.vps.health_summary }}"
"""

RETURN = r"""
checks:
  description: What became of each check, in the order given.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the check.
      type: str
      sample: api
    type:
      description: Type of the check.
      type: str
      sample: http
    target:
      description: What was looked at.
      type: str
      sample: https://api.example.com/health/ready at 203.0.113.5
    ok:
      description: Whether the check passed.
      type: bool
      sample: false
    state:
      description: V(passed) or V(failed).
      type: str
      sample: failed
    latency_ms:
      description: Milliseconds the last whole try took.
      type: float
      sample: 12.4
    tries:
      description: How often it was tried.
      type: int
      sample: 3
    expected:
      description: What it takes to pass.
      type: str
      sample: 200, status = "ok"
    seen:
      description: What the last whole try saw.
      type: str
      sample: 200, status = "degraded"
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._health import (
    Check,
    CheckError,
    Probe,
    failure_message,
    run_checks,
)
from ansible_collections.farol.vps.plugins.module_utils._health_commands import (
    Containers,
    unit_probe,
)
from ansible_collections.farol.vps.plugins.module_utils._health_http import http_probe
from ansible_collections.farol.vps.plugins.module_utils._health_postgresql import (
    find_driver,
    postgresql_probe,
)
from ansible_collections.farol.vps.plugins.module_utils._health_sockets import (
    redis_probe,
    tcp_probe,
)

PROBES = {
    "http": http_probe,
    "tcp": tcp_probe,
    "postgresql": lambda options: postgresql_probe(options, find_driver()),
    "redis": redis_probe,
    "container": Containers().probe,
    "unit": unit_probe,
}

# The options each type must have, and those it may have.
REQUIRED = {
    "http": ["url"],
    "tcp": ["host", "port"],
    "postgresql": ["host", "user"],
    "redis": ["host"],
    "container": ["container"],
    "unit": ["unit"],
}
OPTIONAL = {
    "http": [
        "address",
        "method",
        "request_headers",
        "status",
        "headers",
        "json",
        "tls_min_days",
        "ca_file",
        "validate_certs",
    ],
    "tcp": ["state"],
    "postgresql": ["port", "password", "database", "tls", "ca_file", "validate_certs"],
    "redis": ["port", "user", "password", "tls", "ca_file", "validate_certs"],
}

CHECK = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True, "choices": list(PROBES)},
    "timeout": {"type": "float"},
    "url": {"type": "str"},
    "address": {"type": "str"},
    "method": {"type": "str", "default": "GET"},
    "request_headers": {"type": "dict", "no_log": True},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "headers": {"type": "dict"},
    "json": {"type": "dict"},
    "tls_min_days": {"type": "int"},
    "ca_file": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "host": {"type": "str"},
    "port": {"type": "int"},
    "state": {"type": "str", "choices": ["open", "closed"], "default": "open"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "database": {"type": "str"},
    "tls": {"type": "bool", "default": False},
    "container": {"type": "str"},
    "unit": {"type": "str"},
}

ARGUMENTS = {
    "checks": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": CHECK,
        "required_if": [("type", kind, names) for kind, names in REQUIRED.items()],
    },
    "timeout": {"type": "float", "default": 30},
    "interval": {"type": "float", "default": 0.25},
    "try_timeout": {"type": "float", "default": 5},
    "fail": {"type": "bool", "default": True},
}


def build_check(options: dict[str, Any], timeout: float) -> Check:
    """Turn the options of one check into something that can run."""
    name, kind = options["name"], options["type"]
    seconds = timeout if options["timeout"] is None else options["timeout"]
    try:
        return Check(name, kind, _positive("timeout", seconds), _probe(kind, options))
    except CheckError as error:
        raise CheckError(f"check {name}: {error}") from error


def _probe(kind: str, options: dict[str, Any]) -> Probe:
    known = {"name", "type", "timeout", *REQUIRED[kind], *OPTIONAL.get(kind, [])}
    given = {key for key, value in options.items() if value != CHECK[key].get("default")}
    if given - known:
        raise CheckError(f"type {kind} knows no option {', '.join(sorted(given - known))}")
    return PROBES[kind](options)


def _positive(option: str, seconds: float) -> float:
    if seconds <= 0:
        raise CheckError(f"{option} must be more than 0 seconds, not {seconds:g}")
    return seconds


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    options = module.params
    try:
        try_timeout = _positive("try_timeout", options["try_timeout"])
        interval = _positive("interval", options["interval"])
        checks = [build_check(check, options["timeout"]) for check in options["checks"]]
    except CheckError as error:
        module.fail_json(msg=str(error))
    results = run_checks(checks, interval, try_timeout)
    returned = [result.as_dict() for result in results]
    if options["fail"] and not all(result.ok for result in results):
        module.fail_json(msg=failure_message(results), checks=returned)
    module.exit_json(changed=False, checks=returned)


if __name__ == "__main__":
    main()
