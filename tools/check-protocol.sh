#!/bin/sh
# check-protocol.sh LAYER ...
# docs/PROTOCOL.md numbers the rules of the protocol: "- M1 short name: sentence".
# Each is named, number and short name, in a comment of a layer and in a test; one
# that says "Not built." is named in no layer.  What the file points to is there:
# `test_name`, defined and in its program's list, `function()`, `folder/file`,
# BUG_NAME of the model, a mutant of the simulator, a target of make.  The row of
# each rule, and each of B01 to B76, names a test or says why there is none.
set -eu
doc=docs/PROTOCOL.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
say() {
    echo "$doc: $*"
    status=1
}

# Comments wrap: every file becomes one line without their marks.
flat() {
    while IFS= read -r file; do
        sed -e 's#^[[:space:]]*/\{0,1\}\*\{1,2\}[[:space:]]##' \
            -e 's/^[[:space:]]*#[[:space:]]//' "$file" | tr -s '[:space:]' ' '
        echo
    done
}
for layer do
    [ ! -d "$layer" ] || find "$layer" -name '*.[ch]'
done | sort >"$work/files"
flat <"$work/files" >"$work/code"
find tests -name '*.[ch]' -o -name '*.txt' -o -name '*.pml' -o -name '*.sh' \
    -o -name '*.py' | sort | tee "$work/test-files" | flat >"$work/tests"

sed -n 's/^- \([A-Z][0-9]\{1,2\} [^:]*\): .*/\1/p' $doc >"$work/rules"
sed -n 's/^- \([A-Z][0-9]\{1,2\} [^:]*\): .*\*Not built\.\*.*/\1/p' $doc \
    >"$work/missing"
cut -d' ' -f1 "$work/rules" | sort | uniq -d | while read -r id; do
    echo "$doc: two rules are called $id"
done >"$work/twice"
[ ! -s "$work/twice" ] || { cat "$work/twice"; status=1; }
for id in M1 M2 M3 M4 M5 M6 N1 N2 N3 N4 N5 N6 I1 I2 I3 I4 I5 I6 I7 \
    D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 A1 A2 A3 A4 A5 E1 E2 E3 E4 E5 E6 E7 E8 E9 \
    E10 E11 E12 E13 H1 H2 H3 H4 H5 X1 X2 X3 X4 X5 X6 X7; do
    grep -q "^$id " "$work/rules" || say "there is no rule $id"
done
while IFS= read -r rule; do
    grep -qF "| $rule |" $doc || say "no row for \"$rule\" in the table of tests"
    if grep -qxF "$rule" "$work/missing"; then
        ! grep -qF "$rule" "$work/code" ||
            say "\"$rule\" is not built, and a layer names it"
        continue
    fi
    grep -F "| $rule |" $doc | grep -q '`tests\{0,1\}[_/]' ||
        say "the row of \"$rule\" names no test"
    grep -qF "$rule" "$work/code" || say "no layer names \"$rule\""
    grep -qF "$rule" "$work/tests" || say "no test names \"$rule\""
done <"$work/rules"

# shellcheck disable=SC2046
cat $(cat "$work/test-files") >"$work/all-tests"
xargs cat <"$work/files" >"$work/all-code"
grep -o '`test_[a-z0-9_]*`' $doc | tr -d '`' | sort -u |
    while read -r name; do
        grep -q "^static void $name(" "$work/all-tests" || echo "$name"
        [ "$(grep -cw "$name" "$work/all-tests")" -ge 2 ] ||
            echo "$name, which no program runs"
    done >"$work/unknown"
grep -o 'BUG_[A-Z_]*' $doc | sort -u | while read -r name; do
    grep -qw "$name" tests/model/simplex.pml || echo "$name"
done >>"$work/unknown"
grep -o 'sim mutant [a-z_-]*' $doc | sort -u | while read -r _ _ name; do
    grep -qx "\(mutant\|name\): $name" tests/mutants/core.txt || echo "$name"
done >>"$work/unknown"
grep -o '`make [a-z-]*' $doc | sort -u | while read -r _ name; do
    grep -q "^$name:" Makefile mk/*.mk || echo "make $name"
done >>"$work/unknown"
grep -o '`[a-z0-9_]*()`' $doc | tr -d '`()' | sort -u |
    while read -r name; do
        grep -q "\(^\|[^a-z0-9_]\)$name(" "$work/all-code" || echo "$name()"
    done >>"$work/unknown"
grep -o '`[a-z]*/[a-z0-9_/.-]*`' $doc | tr -d '`' | sort -u |
    while read -r name; do
        [ -e "$name" ] || echo "$name"
    done >>"$work/unknown"
[ ! -s "$work/unknown" ] || {
    say "these are not there:"
    cat "$work/unknown"
}
i=1
while [ $i -le 76 ]; do
    row=$(printf 'B%02d' $i)
    grep "^| $row | [^|]* | [^|]* |$" $doc |
        grep -q '`test_\|cannot occur\|`make ' || say "no row $row, or no test in it"
    i=$((i + 1))
done
[ $status -ne 0 ] || echo "protocol: $(wc -l <"$work/rules") rules" \
    "($(wc -l <"$work/missing") not built), each in code and test"
exit $status
