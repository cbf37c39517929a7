#!/usr/bin/env bash
# Runs cargo for a Wasm target: tools/cargo-wasm.sh wasm32-wasip1 build --release
#
# With rustup's target where it can be had. Where it cannot (a machine that reaches package registries only), Debian's
# rustc for the web builds the standard library itself. VESTIBULE_WASM_TOOLCHAIN=rustup|debian chooses one by hand.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

target=$1 verb=$2
shift 2
cd "$root"

toolchain=${VESTIBULE_WASM_TOOLCHAIN:-}
if [ -z "$toolchain" ]; then
    if target_from_rustup "$target"; then toolchain=rustup; else toolchain=debian; fi
fi

# Neither where the sources lie nor who builds them may show in the module: panics name files.
flags=("--remap-path-prefix=$root=/vestibule" "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo")

with_flags() { # COMMAND… with the flags, however many spaces are in them
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${flags[*]}") exec "$@"
}

if [ "$toolchain" = rustup ]; then
    with_flags cargo "$verb" --target "$target" "$@"
fi

debian_packages rustc-web cargo-web rust-web-src lld-22 wasi-libc
name=${target^^}
name=${name//-/_}
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
export "CARGO_TARGET_${name}_LINKER=/usr/lib/llvm-22/bin/wasm-ld"
if [ "$target" = wasm32-wasip1 ]; then
    flags+=(-C link-self-contained=no -L native=/usr/lib/wasm32-wasi)
fi
with_flags /usr/bin/cargo "$verb" -Z build-std=std,panic_abort --target "$target" "$@"
