#!/usr/bin/env bash
# Writes what of docs/ is made from the code: the tables of configuration.md, the pages of the rules, the picture.
# tests/docs fails where they are not what this writes. Look at what changed (git diff docs) before you commit it.
set -euo pipefail
cd "$(dirname "$0")/.."
VESTIBULE_WRITE_DOCS=1 cargo test --locked --test docs
