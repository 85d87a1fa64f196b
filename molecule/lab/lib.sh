# Shared by the lab's commands: where things are and how to call Docker.
# shellcheck shell=bash
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$lab/../.." && pwd)
state=$project/.lab # key, known hosts and certificates of the hosts made here
label=farol-lab       # on all containers of the lab
clone=$label.clone    # on those of this checkout, with its path
network=farol-lab
subnet=172.30.99
subnet6=fd99:fa01
services='farol-(registry|neighbour|git|acme|s3)'

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
    local log
    log=$(mktemp "$state/build.XXXXXX.log")
    DOCKER_BUILDKIT=$buildkit retry "docker build ${*: -1}" logged "$log" docker build --label "$label" "$@" ||
        die "docker build ${*: -1} failed:
$(tail -n 20 "$log")"
    rm "$log"
}

logged() { # LOG COMMAND...
    local log=$1
    shift
    "$@" >"$log" 2>&1
}

# For what depends on an archive, a registry or an address that is still being given back; never for a test.
retry() { # WHAT COMMAND...
    local what=$1 pause
    shift
    for pause in 5 20; do
        "$@" && return
        say "$what: again in $pause s"
        sleep "$pause"
    done
    "$@"
}

start() { # NAME OPTION... : what a failed try has left goes first
    local name=$1
    shift
    docker rm -fv "$name" >/dev/null 2>&1 || true
    docker run --detach --name "$name" --hostname "$name" "$@" >/dev/null
}

hosts() { # [OPTION...]: the lab's containers but its services, by name
    docker ps --filter "label=$label" --format '{{.Names}}' "$@" | grep -vxE "$services" || true
}

apt_install() {
    local missing=()
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    retry "apt-get update" as_root apt-get update -qq
    retry "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "${missing[@]}" >/dev/null
}

say() { printf 'lab: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}
