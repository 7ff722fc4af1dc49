#!/bin/sh
# check-verdicts.sh EQUITY TEST ...
# Runs the worked cases and the unit tests of the rules once more with a record
# of the refusals they get.  Each has seen to it that the refusal changed
# nothing (I13).  Every refusal that an operation names in its table, and every
# one there is, must be among them.
set -eu
equity=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
VERDICTS=$work/told
export VERDICTS
for t do
    "$t" >"$work/out" 2>&1 || {
        tail -5 "$work/out"
        echo "$t fails"
        exit 1
    }
done
sort -u "$work/told" >"$work/got"
sed 's/.* //' "$work/got" | sort -u >"$work/got.any"

"$equity" rules >"$work/tables"
# | `operation` | what it does | signers | E_A E_B |
sed -n 's/^| `\([a-z_]*\)` |.*|\([^|]*\)|$/\1 \2/p' "$work/tables" |
    awk '{ for (i = 2; i <= NF; i++) print $1, $i }' | sort -u >"$work/named"
# | number | E_A | meaning |
sed -n 's/^| [0-9]* | \(E_[A-Z0-9_]*\) |.*/\1/p' "$work/tables" |
    sort -u >"$work/named.any"

status=0
for what in '' .any; do
    if [ -n "$(comm -23 "$work/named$what" "$work/got$what")" ]; then
        echo "no test gets:"
        comm -23 "$work/named$what" "$work/got$what"
        status=1
    fi
done
[ $status -ne 0 ] || echo "verdicts: $(wc -l <"$work/named") refusals that" \
    "operations name, $(wc -l <"$work/named.any") in all, each got by a test"
exit $status
