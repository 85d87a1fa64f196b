"""What Certbot does to its folder, without asking anybody: FOLDER certonly OPTION...

FOLDER/calls gets the arguments of each call, FOLDER/environment the bundle of authorities. Where FOLDER/says is, a
call fails with its text, one of FOLDER/says.NAME that for NAME alone. FOLDER/locked is how many calls find another
Certbot at work. FOLDER/days is how long certificates live.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

CA = """[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/index
serial = {folder}/serial
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def issue(chain: Path, key: Path, names, days: float, age: int = 1, kind: str = "ec") -> None:
    """A certificate that is so many days old and has so many left, signed by its own key."""
    algorithm = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else ["rsa:2048"]
    alternative = ",".join(f"DNS:{name}" for name in names)
    now = datetime.now(timezone.utc)
    begin, end = (f"{now + timedelta(days=each):%Y%m%d%H%M%SZ}" for each in (-age, days))
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "index").touch()
        (folder / "serial").write_text(f"{secrets.randbits(64) | 1 << 64:018X}\n")
        (folder / "config").write_text(CA.format(folder=folder))
        for argv in (
            ["req", "-new", "-newkey", *algorithm, "-nodes", "-subj", "/CN=Fake Authority"]
            + ["-keyout", key, "-out", folder / "request"]
            + (["-addext", f"subjectAltName={alternative}"] if names else []),
            ["ca", "-batch", "-notext", "-selfsign", "-config", folder / "config", "-keyfile", key]
            + ["-startdate", begin, "-enddate", end, "-in", folder / "request", "-out", chain],
        ):
            subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)


def save(folder: Path, name: str, domains: list[str], options: dict[str, str], days: int) -> None:
    """Put a certificate where Certbot would."""
    renewal, live, archive = folder / "renewal", folder / "live" / name, folder / "archive" / name
    for each in (renewal, live, archive):
        each.mkdir(parents=True, exist_ok=True)
    number = len(list(archive.glob("fullchain*.pem"))) + 1
    issue(archive / f"fullchain{number}.pem", archive / f"privkey{number}.pem", domains, days)
    for kind in ("fullchain", "privkey"):
        draft = live / f".{kind}"
        draft.symlink_to(f"../../archive/{name}/{kind}{number}.pem")
        os.replace(draft, live / f"{kind}.pem")
    lines = [f"fullchain = {live}/fullchain.pem", "", "[renewalparams]"]
    lines += [f"{key} = {value}" for key, value in options.items()]
    lines += [
        "[[webroot_map]]",
        *(f"{domain} = {options.get('webroot_path')}" for domain in domains),
    ]
    (renewal / f"{name}.conf").write_text("\n".join(lines) + "\n")


def main(here: Path, argv: list[str]) -> int:
    with open(here / "calls", "a") as stream:
        stream.write(json.dumps(argv) + "\n")
    (here / "environment").write_text(os.environ.get("REQUESTS_CA_BUNDLE", ""))
    domains = [value for key, value in zip(argv, argv[1:]) if key == "--domain"]  # noqa: B905
    given = dict(zip(argv, argv[1:]))  # noqa: B905
    name, folder = given["--cert-name"], Path(given["--config-dir"])
    print("Saving debug log to /var/log/letsencrypt/letsencrypt.log", file=sys.stderr)
    locked = here / "locked"
    if locked.exists() and int(locked.read_text()):
        locked.write_text(str(int(locked.read_text()) - 1))
        print("Another instance of Certbot is already running.", file=sys.stderr)
        return 1
    for says in (here / f"says.{name}", here / "says"):
        if says.exists():
            print(says.read_text())
            return 1
    options = {"server": given["--server"], "key_type": "ecdsa"}
    if "--webroot" in argv:
        options |= {"authenticator": "webroot", "webroot_path": f"{given['--webroot-path']},"}
    for provider in ("cloudflare", "digitalocean"):
        if f"--dns-{provider}" in argv:
            options["authenticator"] = f"dns-{provider}"
            credentials = given[f"--dns-{provider}-credentials"]
            options[f"dns_{provider}_credentials"] = credentials
    days = here / "days"
    save(folder, name, domains, options, int(days.read_text()) if days.exists() else 90)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
