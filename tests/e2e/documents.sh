#!/usr/bin/env bash
# documents.sh BUILD: the golden receipts as documents, read back by other
# programs: fonts, text, attachment, square code; the same bytes whenever and
# wherever; of what is not proven, none.  No node runs.
set -u
cd "$(dirname "$0")/../.."
. tests/e2e/lib.sh
export PYTHONDONTWRITEBYTECODE=1
trap 'rm -rf "$work"' EXIT
stored=tests/vectors/receipts
trust=$stored/trust.json

make_one() { # make_one RECEIPT OUT [flags]: with the trust file of the story
    "$build/equity" document "$1" --trust "$trust" --out "$2" "${@:3}" \
        >"$work/said" 2>&1
}
plain() { tr -d '[:space:]'; }

# ---- every golden receipt ----
for receipt in "$stored"/*.bin; do
    name=$(basename "$receipt" .bin)
    pdf=$work/$name.pdf json=$work/$name.json
    make_one "$receipt" "$pdf" --json "$json"
    same "$name: made" 0 $?
    jq -S 'del(.document)' "$json" >"$work/a"
    jq -S . "$stored/$name.json" >"$work/b"
    cmp -s "$work/a" "$work/b" && ok "$name: JSON is the report's" ||
        no "$name: JSON is the report's"
    pdfdetach -save 1 -o "$work/attached" "$pdf"
    cmp -s "$work/attached" "$receipt" && ok "$name: the receipt is attached" ||
        no "$name: the receipt is attached"
    same "$name: fonts embedded, as subsets" yes "$(pdffonts "$pdf" |
        awk 'NR > 2 { all++ } / yes +yes +yes +[0-9]+ +[0-9]+$/ { good++ }
            END { print (all > 0 && all == good) ? "yes" : "no" }')"
    pdftotext "$pdf" - 2>/dev/null | plain >"$work/text"
    missing=$(jq -r '.sentences[][], .document.sentences_zh[][],
            .document.title[], .document.number, .document.receipt.sha256' "$json" |
        while read -r sentence; do
            grep -qF "$(echo "$sentence" | plain)" "$work/text" || echo "$sentence"
        done)
    same "$name: says what the report says" "" "$missing"
    pdftoppm -r 150 -f 1 -l 1 -gray "$pdf" "$work/page"
    same "$name: the square code" "$(jq -r .document.qr "$json")" \
        "$(python3 tests/e2e/read_qr.py "$work"/page-*.pgm)"
    rm -f "$work"/page-*
    same "$name: ... with its digest" "$(sha256sum <"$receipt" | cut -c1-64)" \
        "$(jq -r '.document.qr|split("/")[-1]|ascii_downcase' "$json")"
done
for n in register statement; do
    same "$n: the control check" true "$(jq .document.control.equal "$work/$n.json")"
done
same "statement: its movements" "5000 4900 4900 4890 4890" "$(jq -r \
    '[.document.movements[].balance]|join(" ")' "$work/statement.json")"

# ---- figures and pages ----
pdftotext -layout "$work/register.pdf" - >"$work/text"
expect "register: thousands have separators" "10,749" "$(cat "$work/text")"
expect "register: page n of m" "Page 3 of 3" "$(cat "$work/text")"
last=$(jq -r '[.. | objects | select(has("account")) | .account] | last' "$work/register.json")
expect "register: last line" " 8 " "$(grep "$last" "$work/text")"
expect "register: the total of the lines" "1,500" "$(grep 'Total 合计' "$work/text")"
pdftotext -layout "$work/statement.pdf" - >"$work/text"
expect "statement: a movement and its balance" "4,900" "$(grep -- -100 "$work/text")"
expect "statement: the closing" "4,890" "$(grep Closing "$work/text" | tail -n 1)"
pdftotext "$work/unencumbered.pdf" - >"$work/text"
expect "disclosed: the name" "$(jq -r .identity.name "$work/unencumbered.json")" \
    "$(cat "$work/text")"

# ---- one language ----
pdftotext "$work/holding.pdf" - | grep -qP '\p{Han}' &&
    ok "in both languages" || no "in both languages"
make_one "$stored/holding.bin" "$work/en.pdf" --lang en
same "in English alone" 0 "$(pdftotext "$work/en.pdf" - | grep -cP '\p{Han}')"
expect "... its title" "Certificate of Holding" "$(pdftotext "$work/en.pdf" -)"
make_one "$stored/holding.bin" "$work/zh.pdf" --lang zh
same "in Chinese alone" 0 "$(pdftotext "$work/zh.pdf" - | grep -cE 'Certificate|Proven|Shares')"
expect "... its title" "持股证明" "$(pdftotext "$work/zh.pdf" -)"

# ---- the same bytes whenever and wherever ----
make_one "$stored/holding.bin" "$work/again.pdf"
cmp -s "$work/holding.pdf" "$work/again.pdf" && ok "the same bytes twice" ||
    no "the same bytes twice"
(
    cd "$work" && LC_ALL=C LANG=zh_CN.UTF-8 TZ=Asia/Shanghai HOME=/ faketime \
        '2001-02-03 04:05:06' "$build/equity" document "$OLDPWD/$stored/holding.bin" \
        --trust "$OLDPWD/$trust" --out elsewhere.pdf >said 2>&1
)
cmp -s "$work/holding.pdf" "$work/elsewhere.pdf" &&
    ok "... at another time, in another place" ||
    no "... at another time, in another place" "$(cat "$work/said")"
expect "its date is the block's" "2026-03-03T01:00:06Z" \
    "$(pdfinfo -isodates "$work/elsewhere.pdf" | grep CreationDate)"

# ---- what is not proven, and wrong use ----
refused() { # refused NAME EXIT SENTENCE RECEIPT [flags]
    rm -f "$work/none.pdf" "$work/none.json"
    fails "$1" "$2" "$3" "$build/equity" document "$4" --out "$work/none.pdf" \
        --json "$work/none.json" "${@:5}"
    [ ! -e "$work/none.pdf" ] && [ ! -e "$work/none.json" ] && ok "$1: nothing is written" ||
        no "$1: nothing is written"
}
python3 - "$stored/holding.bin" "$work" <<'PYTHON'
import hashlib, sys
data = bytearray(open(sys.argv[1], "rb").read()[:-32])
data[len(data) // 2] ^= 1
open(sys.argv[2] + "/spoiled", "wb").write(
    bytes(data) + hashlib.sha256(bytes(data)).digest())
open(sys.argv[2] + "/cut", "wb").write(open(sys.argv[1], "rb").read()[:-1])
PYTHON
jq '.chain_id |= (if startswith("33") then sub("^33"; "44") else sub("^.."; "33") end)' "$trust" >"$work/other.json"
jq 'del(.genesis)' "$trust" >"$work/pin.json"
refused "a changed receipt" 65 "not proven" "$work/spoiled" --trust "$trust"
refused "a cut receipt" 65 "digest" "$work/cut" --trust "$trust"
refused "no receipt" 65 "not_a_receipt" "$trust" --trust "$trust"
refused "another chain" 65 "chain" "$stored/holding.bin" --trust "$work/other.json"
refused "out of reach" 78 "out_of_reach" "$stored/holding.bin" --trust "$work/pin.json"
refused "no trust file" 2 "usage" "$stored/holding.bin"
refused "no such language" 2 "en, zh or both" "$stored/holding.bin" \
    --trust "$trust" --lang fr
refused "no such receipt" 66 "none" "$work/none" --trust "$trust"
refused "no such vault" 2 "NAME.eqv" "$stored/holding.bin" --trust "$trust" \
    --vault "$work/x"
fails "the PDF is there" 73 "nothing is written over" "$build/equity" document \
    "$stored/register.bin" --trust "$trust" --out "$work/holding.pdf"
cmp -s "$work/holding.pdf" "$work/again.pdf" && ok "... it is as it was" ||
    no "... it is as it was"
fails "the JSON is there" 73 "nothing is written over" "$build/equity" document \
    "$stored/register.bin" --trust "$trust" --out "$work/half.pdf" \
    --json "$work/holding.json"
[ ! -e "$work/half.pdf" ] && ok "... and no PDF is without it" ||
    no "... and no PDF is without it"
same "for its owner alone" 600 "$(stat -c %a "$work/holding.pdf")"
fails "nowhere to write" 73 "/none/" "$build/equity" document \
    "$stored/holding.bin" --trust "$trust" --out /none/x.pdf

# ---- many pages ----
"$build/tests/receipts/large" 20000 "$work"
"$build/equity" document "$work/large.bin" --trust "$work/large-trust.json" \
    --out "$work/large.pdf" --lang en >"$work/said" 2>&1
same "20,000 lines: made" 0 $?
pages=$(pdfinfo "$work/large.pdf" | awk '/^Pages/ {print $2}')
pdftotext -layout "$work/large.pdf" "$work/text"
expect "20,000 lines: the last page is n of n" "Page $pages of $pages" \
    "$(tail -n 20 "$work/text")"
same "20,000 lines: each is there once" 20000 "$(grep -oE \
    '^ *[0-9,]+ +[0-9a-f]{64} ' "$work/text" | awk '{print $1}' | sort -u | wc -l)"
expect "20,000 lines: local time" "UTC+08:00" "$(head -n 60 "$work/text")"

result
