#!/bin/sh
# core-mutants.sh BUILD [NAME ...]
# Plants each fault of tests/mutants/core.txt in the consensus core and runs the
# simulator with it: seeds, scripts with a second copy of a validator, a crash at
# every effect, seeds in which the set of validators changes.  Says in how many of them it was noticed and by what.  Fails if a
# fault is not noticed or does not apply, or one called equivalent is noticed.
# Reads CC, CPPFLAGS, CFLAGS, LIBS, SIM_OBJS and JOBS from the environment
# (make mutants-core sets them).
set -u
build=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
seeds=${SEEDS:-20000}
status=0
count=0

# Each way of looking: a word for it and its flags.
look() { # PROGRAM FLAGS ... -> "-" or how many it took, and what was seen
    timeout 900 "$@" --jobs "${JOBS:-2}" --shrink no >"$scratch/out" 2>&1 &&
        echo - && return
    n=$(sed -n 's/^sim: .*\(seeds\|scripts\|runs\)=\([0-9]*\) .*violations=1.*/\2/p' \
        "$scratch/out" | head -1)
    why=$(sed -n 's/^sim: violation seed=[0-9]*: //p' "$scratch/out" | head -1 |
        sed 's/^crash at boundary [0-9]*, [0-9]* records kept: //')
    echo "${n:-?} $(echo "$why" | cut -c1-60)"
}

try() { # NAME PROGRAM EQUIVALENT FLAGS
    found=$(look "$2" --seeds "$seeds" $4)
    how=seeds
    if [ "$found" = - ]; then
        found=$(look "$2" --twins 6 --leaders twin --sides split $4)
        how=scripts
    fi
    if [ "$found" = - ]; then
        found=$(look "$2" --crashes yes --seeds 60 $4)
        how=crashes
    fi
    if [ "$found" = - ]; then
        found=$(look "$2" --app epochs --seeds 2000 $4)
        how=epochs
    fi
    count=$((count + 1))
    if [ "$found" = - ]; then
        if [ -n "$3" ]; then
            fate=equivalent
            found=$3
            how=
        else
            fate=LIVES
            how=
            status=1
        fi
    else
        fate=noticed
        if [ -n "$3" ]; then
            fate='NOT EQUIVALENT'
            status=1
        fi
    fi
    printf '| %-26s | %-10s | %-7s | %s\n' "$1" "$fate" "$how" "$found"
}

plant() { # NAME FILE SED EQUIVALENT
    mkdir -p "$scratch/$(dirname "$2")"
    sed -e "$3" "$2" >"$scratch/$2"
    if cmp -s "$2" "$scratch/$2"; then
        printf '| %-26s | %s\n' "$1" "DOES NOT APPLY to $2"
        status=1
        return
    fi
    object=$build/sim/${2%.c}.o
    others=
    for o in $SIM_OBJS; do
        [ "$o" = "$object" ] || others="$others $o"
    done
    # shellcheck disable=SC2086
    if ! $CC $CPPFLAGS $CFLAGS -w -c "$scratch/$2" -o "$scratch/mutant.o" \
            2>"$scratch/cc.out" ||
        ! $CC $CFLAGS -w "$scratch/mutant.o" $others \
            -Wl,--wrap=valset_leader $LIBS -o "$scratch/sim" \
            2>>"$scratch/cc.out"; then
        printf '| %-26s | %s\n' "$1" "DOES NOT BUILD"
        head -5 "$scratch/cc.out"
        status=1
        return
    fi
    try "$1" "$scratch/sim" "$4" ''
}

run() { # the entry that was read
    [ -n "$name" ] || return 0
    case " $wanted " in
    '  ' | *" $name "*) ;;
    *) return 0 ;;
    esac
    if [ -n "$file" ]; then
        plant "$name" "$file" "$program" "$equivalent"
    else
        try "$name" "$build/tests/sim/sim" "$equivalent" "--mutant $name"
    fi
}

wanted=$*
printf '| %-26s | %-10s | %-7s | %s\n' fault fate by 'number, and what was seen'
name='' file='' program='' equivalent=''
while read -r key value; do
    case $key in
    '')
        run
        name='' file='' program='' equivalent=''
        ;;
    name: | mutant:) name=$value ;;
    file:) file=$value ;;
    sed:) program=$value ;;
    equivalent:) equivalent=$value ;;
    esac
done <tests/mutants/core.txt
run
echo "$count faults"
exit $status
