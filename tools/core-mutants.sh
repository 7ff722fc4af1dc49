#!/bin/sh
# core-mutants.sh BUILD [NAME ...]
# Plants each fault of tests/mutants/core.txt in the consensus core and runs the
# simulator with it: SEEDS seeds (4000), of which it counts those that notice;
# if none does, seeds in which the set of validators changes; then five times as
# many seeds, scripts with a second copy of a validator and a crash at every
# effect, each up to the first that notices.  Says how many did, and what was
# seen first.  Fails if a fault is not noticed or does not apply, or one called
# equivalent is noticed.
# Reads CC, CPPFLAGS, CFLAGS, LIBS, SIM_OBJS and JOBS from the environment
# (make mutants-core sets them).
set -u
build=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
seeds=${SEEDS:-4000}
status=0
count=0

# Each way of looking prints "-", or in how many it was noticed and as what.
seen() {
    sed -n 's/^sim: violation seed=[0-9]*: //p' "$scratch/out" | head -1 |
        sed 's/^crash at boundary [0-9]*, [0-9]* records kept: //' | cut -c1-60
}
tally() { # WORD SEEDS PROGRAM FLAGS ...: of all these seeds
    word=$1 of=$2
    shift 2
    timeout 1800 "$@" --seeds "$of" --jobs "${JOBS:-2}" --count yes \
        >"$scratch/out" 2>&1 && echo - && return
    n=$(sed -n 's/^sim: violations=\([0-9]*\) of=.*/\1/p' "$scratch/out")
    first=$(sed -n 's/^sim: violation seed=\([0-9]*\):.*/\1/p' "$scratch/out")
    echo "${n:-?} of $of $word, first $first: $(seen)"
}
look() { # WORD PROGRAM FLAGS ...: until the first
    word=$1
    shift
    timeout 1800 "$@" --jobs "${JOBS:-2}" --shrink no >"$scratch/out" 2>&1 &&
        echo - && return
    n=$(sed -n 's/^sim: .*\(seeds\|scripts\|runs\)=\([0-9]*\) .*violations=1.*/\2/p' \
        "$scratch/out" | head -1)
    echo "1 of ${n:-?} $word: $(seen)"
}

try() { # NAME PROGRAM EQUIVALENT FLAGS
    found=$(tally seeds "$seeds" "$2" $4)
    [ "$found" != - ] ||
        found=$(tally 'of epochs' $((seeds / 2)) "$2" --app epochs $4)
    [ "$found" != - ] || found=$(look seeds "$2" --seeds $((5 * seeds)) $4)
    [ "$found" != - ] ||
        found=$(look scripts "$2" --twins 6 --leaders twin --sides split $4)
    [ "$found" != - ] ||
        found=$(look crashes "$2" --crashes yes --seeds 60 $4)
    count=$((count + 1))
    if [ "$found" = - ]; then
        if [ -n "$3" ]; then
            fate=equivalent
            found=$3
        else
            fate=LIVES
            status=1
        fi
    else
        fate=noticed
        if [ -n "$3" ]; then
            fate='NOT EQUIVALENT'
            status=1
        fi
    fi
    printf '| %-26s | %-10s | %s |\n' "$1" "$fate" "$found"
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
printf '| %-26s | %-10s | %s |\n' fault fate 'in how many, and what was seen first'
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
