#!/usr/bin/env bash
# A wrapper of rustc (RUSTC_WRAPPER): instruments the code that reads what others wrote, and no cryptography, which would
# only be slow and fill the corpus with its loops.
rustc=$1
shift
instrument=()
previous=
for argument in "$@"; do
    if [ "$previous" = --crate-name ]; then
        case $argument in
            vestibule | vestibule_fuzz | quick_xml | granit_parser | base64 | miniz_oxide)
                instrument=(
                    -Cpasses=sancov-module
                    -Cllvm-args=-sanitizer-coverage-level=4
                    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
                    -Cllvm-args=-sanitizer-coverage-pc-table
                    -Cllvm-args=-sanitizer-coverage-trace-compares
                )
                ;;
        esac
    fi
    previous=$argument
done
exec "$rustc" "$@" "${instrument[@]}"
