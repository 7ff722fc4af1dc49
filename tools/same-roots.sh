#!/bin/sh
# same-roots.sh FOLDER
# Builds the property test of the rules with different compilers and options in
# folders below FOLDER and compares the digests: over every verdict, event and
# state root of the same random operations.
set -eu
folder=$1
ops=${OPS:-20000}
status=0
first=

try() { # NAME make-arguments ...
    name=$1
    shift
    prop=$folder/$name/tests/property/prop_ledger
    ${MAKE:-make} --no-print-directory -s BUILD="$folder/$name" "$@" "$prop" \
        >"$folder/$name.out" 2>&1 || {
        echo "$name does not build:"
        tail -5 "$folder/$name.out"
        status=1
        return
    }
    digest=$("$prop" --state --ops "$ops" | sed -n 's/.*digest=//p')
    printf '%-12s %s\n' "$name" "${digest:-fails}"
    [ -n "$first" ] || first=$digest
    [ -n "$digest" ] && [ "$digest" = "$first" ] || status=1
}

mkdir -p "$folder"
try gcc-O0 CC=gcc OPT_dev=-O0
try gcc-O2 CC=gcc
try clang-O0 CC=clang OPT_dev=-O0
try clang-O2 CC=clang
try sanitizers VARIANT=asan
[ $status -eq 0 ] || echo "the roots differ"
exit $status
