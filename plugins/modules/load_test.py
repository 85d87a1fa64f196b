#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: load_test
short_description: Send requests at a rate, and measure the answers
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Runs Locust where the task runs, which is to be a machine that looks at the host from outside. Use C(delegate_to=localhost).
  - Requests are sent at a steady rate by visitors that keep their connections. The first two seconds are not counted.
  - Tells what was measured and judges nothing. P(farol.vps.load_compare#filter) does.
requirements:
  - Locust (C(pip install locust)), where Python or the PATH of the task finds it
attributes:
  check_mode:
    description: Sends nothing, and the task is skipped.
    support: none
  diff_mode:
    description: There is nothing to differ.
    support: none
  idempotent:
    description: Sends the requests each time. What they change is the application's.
    support: none
options:
  url:
    description: Where the paths begin, such as V(https://api.example.com).
    type: str
    required: true
  address:
    description: Host or IP address to connect to, in place of the host in O(url).
    type: str
    default: ""
  ca_file:
    description: File of the certificate authority to trust, in place of the system's.
    type: path
  validate_certs:
    description: Whether the server's certificate must be trusted.
    type: bool
    default: true
  paths:
    description: What is asked for.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Path with its query, such as V(/search?q=x).
        type: str
        required: true
      weight:
        description: How often it is asked for, against the others.
        type: int
        default: 1
      method:
        description: HTTP method.
        type: str
        default: GET
      headers:
        description: HTTP headers to send. Their values are in no log.
        type: dict
      body:
        description: Body to send. A dictionary or a list is sent as JSON.
        type: raw
      status:
        description: Status codes that are a success. All from 200 to 399 unless set.
        type: list
        elements: int
  requests_per_second:
    description: Requests that are sent in a second, over all paths.
    type: float
    default: 10
  seconds:
    description: How long to measure.
    type: int
    default: 30
  users:
    description: Visitors that send them. So many that each may wait 100 ms for an answer unless set.
    type: int
  timeout:
    description: Seconds that an answer may take before it counts as failed.
    type: float
    default: 10
  report:
    description: File for Locust's own page of HTML. None is written when empty.
    type: str
    default: ""
  locustfile:
    description: The locustfile of this collection, in C(playbooks/files).
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Send webhooks for a minute
  delegate_to: localhost
  farol.vps.load_test:
    url: https://api.example.com
    paths:
      - {path: /webhooks/shop, method: POST, body: {order: 7}, status: [202]}
    requests_per_second: 500
    seconds: 60
    locustfile: "{{ playbook_dir }}/files/load_test.py"
  register: load
"""

RETURN = r"""
figures:
  description: What was measured. Times are in milliseconds.
  returned: success
  type: dict
  contains:
    total:
      description: Over all paths.
      type: dict
    paths:
      description: For each method and path.
      type: dict
    errors:
      description: How often each kind of failure happened.
      type: dict
  sample:
    total: {requests: 3000, failed: 0, requests_per_second: 100.1, p50_ms: 6, p95_ms: 14, p99_ms: 31}
    paths:
      GET /: {requests: 3000, failed: 0, requests_per_second: 100.1, p50_ms: 6, p95_ms: 14, p99_ms: 31}
    errors: {}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.farol.vps.plugins.module_utils._load_test import (
    LoadTestError,
    complete,
    find_locust,
    run,
)

PATH = {
    "path": {"type": "str", "required": True},
    "weight": {"type": "int", "default": 1},
    "method": {"type": "str", "default": "GET"},
    "headers": {"type": "dict", "no_log": True},
    "body": {"type": "raw"},
    "status": {"type": "list", "elements": "int"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "address": {"type": "str", "default": ""},
            "ca_file": {"type": "path"},
            "validate_certs": {"type": "bool", "default": True},
            "paths": {"type": "list", "elements": "dict", "required": True, "options": PATH},
            "requests_per_second": {"type": "float", "default": 10},
            "seconds": {"type": "int", "default": 30},
            "users": {"type": "int"},
            "timeout": {"type": "float", "default": 10},
            "report": {"type": "str", "default": ""},
            "locustfile": {"type": "path", "required": True},
        }
    )
    options = module.params
    try:
        figures = run(
            complete(options),
            options["seconds"],
            options["locustfile"],
            options["report"],
            find_locust(),
        )
    except LoadTestError as error:
        module.fail_json(msg=f"load test of {options['url']}: {error}")
    module.exit_json(changed=False, figures=figures)


if __name__ == "__main__":
    main()
