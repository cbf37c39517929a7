#!/usr/bin/env bash
# Builds the filter. The last line printed is the path of the .wasm file.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$root/tools/cargo-wasm.sh" wasm32-wasip1 build --release --package vestibule --lib --locked "$@"
printf '%s\n' "${CARGO_TARGET_DIR:-$root/target}/wasm32-wasip1/release/vestibule.wasm"
