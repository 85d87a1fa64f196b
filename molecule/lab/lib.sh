# Shared by the lab's commands: where things are and how to call Docker.
# shellcheck shell=bash
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$lab/../.." && pwd)
state=$project/.lab # key, known hosts and certificates of the hosts made here
network=farol-lab
subnet=172.30.99
subnet6=fd99:fa01

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

docker() {
    if [ -z "${docker_as:-}" ]; then
        docker_as=direct
        command docker info >/dev/null 2>&1 || [ "$(id -u)" = 0 ] || docker_as=sudo
    fi
    if [ "$docker_as" = sudo ]; then sudo "$(type -P docker)" "$@"; else command docker "$@"; fi
}

# The classic builder is what every engine has; BuildKit only where its client part is there.
build() {
    local buildkit=0
    docker buildx version >/dev/null 2>&1 && buildkit=1
    mkdir -p "$state"
    DOCKER_BUILDKIT=$buildkit docker build --label farol-lab "$@" >"$state/build.log" 2>&1 || die "docker build ${*: -1} failed:
$(tail -n 20 "$state/build.log")"
}

apt_install() {
    local missing=()
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

say() { printf 'lab: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}
