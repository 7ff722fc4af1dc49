#!/bin/sh
# whole-mutants.sh PROGRAM JOBS SEEDS [MUTANT ...]
#
# Each fault planted in the driver (tests/whole/whole_plant.c) must be caught;
# says in how many seeds.
set -u
program=$1 jobs=$2 seeds=$3
shift 3
[ $# -gt 0 ] || set -- $("$program" --help x 2>&1 | sed -n 's/^mutants: //p')
missed=0
for mutant; do
    caught=$("$program" --jobs "$jobs" --seeds "$seeds" --count yes \
        --mutant "$mutant" 2>/dev/null |
        sed -n 's/.*violations=//p')
    printf '%-24s caught in %s of %s seeds\n' "$mutant" "${caught:-?}" "$seeds"
    [ "${caught:-0}" -gt 0 ] || missed=1
done
exit $missed
