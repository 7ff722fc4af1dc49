#!/bin/sh
# check-rules.sh EQUITY
# docs/RULES.md states each rule once; the code that obeys it and the test that
# shows it quote it word for word: a paragraph "R12: sentence" of a comment.
# Its invariants are checked by number (I9 waits for distributions).
# The tables at its end are what `equity rules` prints.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "R12: sentence" of each rule, without its source.
sed -n 's/^- \(R[0-9]*: .*\.\) (.*)$/\1/p' docs/RULES.md | sort >"$work/rules"
if ! sed -n 's/^- R\([0-9]*\):.*/\1/p' docs/RULES.md |
    awk '$1 <= last { print "docs/RULES.md: R" $1 " is out of order"; bad = 1 }
         { last = $1 } END { exit bad }'; then
    exit 1
fi

# The paragraphs of comments that begin with a rule's number, one a line; in
# .case files they are lines of comment.
quotes() {
    awk '
    function flush() {
        if (text != "")
            print FILENAME "\t" text
        text = ""
    }
    FNR == 1 { flush(); inside = 0 }
    FILENAME ~ /\.case$/ {
        line = $0
        if (line !~ /^#/) { flush(); next }
        sub(/^# ?/, "", line)
        if (line == "") flush()
        if (line ~ /R[0-9]+: /) { flush(); text = substr(line, match(line, /R[0-9]+: /)) }
        else if (text != "") text = text " " line
        next
    }
    {
        line = $0
        if (!inside && (at = index(line, "/*")) > 0) {
            inside = 1
            line = substr(line, at + 2)
        }
        if (!inside) next
        end = index(line, "*/")
        if (end > 0) line = substr(line, 1, end - 1)
        sub(/^[ \t]*\*?[ \t]*/, "", line)
        sub(/[ \t]+$/, "", line)
        if (line == "" && end == 0) flush()
        else if (match(line, /R[0-9]+: /)) { flush(); text = substr(line, RSTART) }
        else if (text != "" && line != "") text = text " " line
        if (end > 0) { flush(); inside = 0 }
    }
    END { flush() }' "$@"
}
quotes ledger/*.c >"$work/code"
# shellcheck disable=SC2046
quotes $(find tests -name '*.[ch]' -o -name '*.case' | sort) >"$work/tests"

status=0
# Each invariant is checked somewhere by its number.
for n in $(sed -n 's/^- \(I[0-9]*\): .*/\1/p' docs/RULES.md |
    grep -v '^I9$'); do
    grep -rqE "\b$n:" tests --include='*.c' --include='*.h' || {
        echo "no test names $n"
        status=1
    }
done
for where in code tests; do
    cut -f2- "$work/$where" | sort -u >"$work/quoted"
    if [ -n "$(comm -13 "$work/rules" "$work/quoted")" ]; then
        echo "quoted in other words than docs/RULES.md has:"
        comm -13 "$work/rules" "$work/quoted" | while IFS= read -r line; do
            grep -F "	$line" "$work/$where" | head -1
        done
        status=1
    fi
    if [ -n "$(comm -23 "$work/rules" "$work/quoted")" ]; then
        echo "not quoted in the $where:"
        comm -23 "$work/rules" "$work/quoted"
        status=1
    fi
done

"$1" rules >"$work/tables"
sed -n '/^<!-- from the table/,/^<!-- end/p' docs/RULES.md | sed '1d;$d' \
    >"$work/printed"
if ! diff -u "$work/printed" "$work/tables" >"$work/diff"; then
    echo "docs/RULES.md: its tables are not what 'equity rules' prints:"
    head -20 "$work/diff"
    status=1
fi
[ $status -ne 0 ] || echo "rules: $(wc -l <"$work/rules") sentences, each in code and test"
exit $status
