#!/bin/sh
# ledger-mutants.sh BUILD [NAME ...]
# Plants each fault of tests/mutants/ledger.txt in a copy of its file, links the
# worked cases and the property test with it and demands that one of them fails.
# Reads CC, CPPFLAGS, CFLAGS, LIBS and the objects to link from the environment
# (make mutants-ledger sets them).  Fails if a mutant lives, or does not apply.
set -u
build=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ops=${OPS:-250000}
status=0
count=0

golden() { # the first case that fails
    timeout 120 "$scratch/golden" >"$scratch/golden.out" 2>&1 && echo "-" &&
        return
    sed -n 's|^tests/golden/ledger/\([^:]*\)\.case:.*|\1|p' \
        "$scratch/golden.out" | sort -u | head -3 | tr '\n' ' ' |
        sed 's/^$/abort/'
}

property() { # after how many operations, and what was seen
    timeout 300 "$scratch/prop" --ops "$ops" >"$scratch/prop.out" 2>&1 &&
        echo "-" && return
    sed -n 's/^  ops=\([0-9]*\)$/\1 ops:/p' "$scratch/prop.out" | tr '\n' ' '
    sed -n 's/^prop_ledger: //p;/assert/p;/failed/p' "$scratch/prop.out" |
        head -1 | cut -c1-60
}

plant() { # NAME FILE SED WHAT
    mkdir -p "$scratch/$(dirname "$2")"
    sed -e "$3" "$2" >"$scratch/$2"
    if cmp -s "$2" "$scratch/$2"; then
        printf '| %-24s | %s\n' "$1" "DOES NOT APPLY to $2"
        status=1
        return
    fi
    # shellcheck disable=SC2086
    if ! $CC $CPPFLAGS $CFLAGS -w -c "$scratch/$2" -o "$scratch/mutant.o" \
            2>"$scratch/cc.out" ||
        ! $CC "$scratch/mutant.o" $GOLDEN_OBJS $LIBS -o "$scratch/golden" \
            2>>"$scratch/cc.out" ||
        ! $CC "$scratch/mutant.o" $PROP_OBJS $LIBS -o "$scratch/prop" \
            2>>"$scratch/cc.out"; then
        printf '| %-24s | %s\n' "$1" "DOES NOT BUILD"
        head -5 "$scratch/cc.out"
        status=1
        return
    fi
    g=$(golden)
    p=$(property)
    fate=caught
    [ "$g" = "-" ] && [ "$p" = "-" ] && fate=LIVES && status=1
    count=$((count + 1))
    printf '| %-24s | %-6s | %-22s | %s\n' "$1" "$fate" "$g" "$p"
}

printf '| %-24s | %-6s | %-22s | %s\n' mutant fate 'worked cases' property
name='' file='' program='' what=''
while read -r key value; do
    case $key in
    name:) name=$value ;;
    file:) file=$value ;;
    sed:) program=$value ;;
    what:)
        what=$value
        if [ $# -eq 0 ] || echo " $* " | grep -q " $name "; then
            plant "$name" "$file" "$program" "$what"
        fi
        ;;
    esac
done <tests/mutants/ledger.txt
echo "$count mutants"
exit $status
