# Sourced by the other scripts: where things are, and which versions.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools

envoy_full=1.40.0   # every real-Envoy test
envoy_core=1.36.2   # the oldest release that the core tests run on
cargo_deny=0.20.2
cargo_cyclonedx=0.5.9
static_target=x86_64-unknown-linux-musl   # the command line that is shipped needs no library of its machine

say() { printf '%s\n' "setup: $*"; }
fail() { printf '%s\n' "setup: $*" >&2; return 1; }

# Runs a command quietly: its output is shown only where it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# Debian packages that are missing are installed where we may; otherwise the remedy is named.
debian_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        fail "missing: ${missing[*]}. Install them with: sudo apt-get install ${missing[*]}"
        return 1
    fi
    say "installing Debian packages: ${missing[*]}"
    quietly apt-get update || true
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "${missing[@]}"
}

# Whether the default toolchain can compile for a target; rustup is asked to add it where it cannot.
target_from_rustup() {
    local libs
    libs=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    [ -d "$libs" ] && return 0
    command -v rustup >/dev/null || return 1
    say "adding Rust target $1"
    rustup target add "$1" >/dev/null 2>&1 && [ -d "$libs" ]
}
