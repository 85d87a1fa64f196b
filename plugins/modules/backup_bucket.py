#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_bucket
short_description: Have a bucket for backups that is closed to the public
version_added: 0.1.0
author:
  - The farol maintainers (@farol-vps)
description:
  - Makes a bucket at AWS or at any S3-compatible storage, closes it to the public, and has it drop unfinished uploads and, where it
    keeps versions, versions that were replaced or removed long ago.
  - Storages differ in what they have of this. What one lacks is named in RV(unsupported) and is no failure.
  - It never removes a bucket, and never expires what is current. The tools' own retention does that.
requirements:
  - boto3
options:
  name:
    description: Name of the bucket.
    type: str
    required: true
  endpoint:
    description: Address of the storage, beginning with C(https://). AWS unless set.
    type: str
  region:
    description: Region of the bucket.
    type: str
    default: us-east-1
  access_key:
    description: The key's name.
    type: str
    required: true
  secret_key:
    description: The key.
    type: str
    required: true
  uri_style:
    description: Whether the bucket is part of the path or of the host's name.
    type: str
    choices: [path, host]
    default: path
  ca_file:
    description: File with the authority to trust, in place of the system's.
    type: path
  block_public_access:
    description: Whether to refuse every public access, whatever rights somebody gives to single objects.
    type: bool
    default: true
  versioning:
    description: Whether to keep what is replaced or removed for O(keep_removed_days). A host whose key was stolen cannot make it
      vanish at once then.
    type: bool
    default: false
  keep_removed_days:
    description: Days for which versions stay that were replaced or removed.
    type: int
    default: 14
  abort_uploads_days:
    description: Days after which an upload that was never finished is dropped.
    type: int
    default: 3
attributes:
  check_mode:
    description: Tells what it would do.
    support: full
  diff_mode:
    description: Shows the settings before and after.
    support: full
  idempotent:
    description: A second run finds everything as wanted.
    support: full
"""

EXAMPLES = r"""
- name: Have a bucket for the backups
  delegate_to: localhost
  become: false
  farol.vps.backup_bucket:
    name: acme-backups
    endpoint: https://fra1.digitaloceanspaces.com
    access_key: "{{ vault_spaces_key }}"
    secret_key: "{{ vault_spaces_secret }}"
"""

RETURN = r"""
created:
  description: Whether the bucket was made now.
  type: bool
  returned: success
done:
  description: What was changed.
  type: list
  elements: str
  returned: success
  sample: [bucket, public access]
unsupported:
  description: What the storage does not know.
  type: list
  elements: str
  returned: success
  sample: [lifecycle]
"""

import os
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.farol.vps.plugins.module_utils._backup_bucket import Bucket, BucketError

try:
    import boto3
    from botocore.config import Config

    BOTO_ERROR = None
except ImportError:
    BOTO_ERROR = traceback.format_exc()


def client(params):
    style = {"path": "path", "host": "virtual"}[params["uri_style"]]
    # Checksums that AWS alone understands are left out.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    return boto3.client(
        "s3",
        endpoint_url=params["endpoint"],
        region_name=params["region"],
        aws_access_key_id=params["access_key"],
        aws_secret_access_key=params["secret_key"],
        verify=params["ca_file"] or True,
        config=Config(
            s3={"addressing_style": style},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=10,
            read_timeout=30,
            retries={"total_max_attempts": 3},
        ),
    )


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "endpoint": {"type": "str"},
            "region": {"type": "str", "default": "us-east-1"},
            "access_key": {"type": "str", "required": True, "no_log": False},
            "secret_key": {"type": "str", "required": True, "no_log": True},
            "uri_style": {"type": "str", "choices": ["path", "host"], "default": "path"},
            "ca_file": {"type": "path"},
            "block_public_access": {"type": "bool", "default": True},
            "versioning": {"type": "bool", "default": False},
            "keep_removed_days": {"type": "int", "default": 14},
            "abort_uploads_days": {"type": "int", "default": 3},
        },
        supports_check_mode=True,
    )
    if BOTO_ERROR:
        module.fail_json(msg=missing_required_lib("boto3"), exception=BOTO_ERROR)
    try:
        result = Bucket(client(module.params), module.params, module.check_mode).ensure()
    except BucketError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
