# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow a tag: release what it points to now, through the same gate. Run on the host by a timer.

Usage: python3 -m ansible_collections.farol.vps.plugins.module_utils._release_follow FILE

FILE holds the arguments of app_release as JSON, for root alone. What the tag pointed to last is part of the
release's name, which the entry of the inventory need not know: both are taken to be the same release.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

from ansible_collections.farol.vps.plugins.module_utils import (
    _compose,
    _release,
    _release_app,
    _release_images,
)
from ansible_collections.farol.vps.plugins.module_utils._release_host import Failed


def follow(arguments):
    """Pull the tag, and release it where it has moved. What was done, as one line."""
    app, target = _release_app.application({**arguments, "by": "the timer that follows the tag"})
    serving = app.serving()
    if serving is None:
        return f"{app.name}: nothing serves, so there is nothing to follow; deploy a version first"
    ref = _compose.image(target.app)
    _release_images.pull(app.host, ref)
    digest = _release_images.image_id(app.host, ref)
    kept = app.store.load(serving)
    if kept and digest in {image["id"] for image in kept.about["images"].values()}:
        return f"{app.name}: {ref} has not moved"
    moved = renamed(target, _release.followed(target.id, digest))
    if app.state.held == moved.id:
        return f"{app.name}: {moved.id} was rolled back and is left alone"
    app.settings = replace(app.settings, leave_accessories=True)
    result = app.release(moved, action="follow")
    return f"{app.name}: {result.release} serves, before it {result.previous}"


def renamed(target, name):
    """The release under another name, with the labels that go with it."""
    public = json.loads(json.dumps(target.public))
    for service in public["services"].values():
        service["labels"]["farol.release"] = name
    return replace(target, id=name, public=public)


def main():
    os.umask(0o022)
    with open(sys.argv[1]) as handle:
        arguments = json.load(handle)
    try:
        sys.stdout.write(follow(arguments) + "\n")
    except Failed as error:
        raise SystemExit(f"{arguments['app']['name']}: {error}") from None


if __name__ == "__main__":
    main()
