#!/usr/bin/env bash
# receipts.sh BUILD: receipts from real nodes, of every kind, of the newest and
# of older blocks, checked by the program and by its twin in Python; one byte
# changed, and both refuse.
set -u
cd "$(dirname "$0")/../.."
port_offset=550
. tests/e2e/lib.sh
export PYTHONDONTWRITEBYTECODE=1

finish() {
    for p in "$work"/net/node*.pid; do
        [ -f "$p" ] && kill -9 "$(cat "$p")" 2>/dev/null
    done
    [ -n "${lying:-}" ] && kill "$lying" 2>/dev/null
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

height() { rpc "$1" node_status '{}' | jq -r .result.height; }
program() { "$build/equity-verify" "$@"; }
twin() { python3 tests/twin/verify.py "$@"; }
# spoil FILE INTO: a few bytes changed in turn, and the digest at the end made anew,
# so that it is not what refuses them.
spoil() {
    python3 - "$1" "$2" <<'PYTHON'
import hashlib, sys
data = open(sys.argv[1], "rb").read()[:-32]
for n, at in enumerate(range(0, len(data), max(97, len(data) // 4))):
    bad = bytearray(data)
    bad[at] ^= 1
    with open("%s%d" % (sys.argv[2], n), "wb") as out:
        out.write(bytes(bad) + hashlib.sha256(bytes(bad)).digest())
PYTHON
}
# receipt NODE WANTED-KIND WORDS...: fetched and checked, then by both programs
count=0
receipt() {
    node=$1 wanted=$2
    shift 2
    count=$((count + 1))
    file=$work/$count.receipt
    out=$("$build/equity" receipt "$@" --node "$(url "$node")" --out "$file" \
        --trust "${trust:-$work/trust.json}" --json 2>"$work/err")
    exit_code=$?
    same "$*: proven" "0 $wanted" "$exit_code $(echo "$out" | jq -r .kind)"
    [ $exit_code = 0 ] || { cat "$work/err"; echo "$out" | tail -n 5; return; }
    program "$file" --trust "${trust:-$work/trust.json}" --json >"$work/a.json"
    same "$*: equity-verify" 0 $?
    twin "$file" --trust "${trust:-$work/trust.json}" >"$work/b.json"
    same "$*: the twin" 0 $?
    rm -f "$work"/bad-*
    spoil "$file" "$work/bad-"
    refuted=0 accepted=
    for bad in "$work"/bad-*; do
        program "$bad" --trust "${trust:-$work/trust.json}" >/dev/null 2>&1
        a=$?
        twin "$bad" --trust "${trust:-$work/trust.json}" >/dev/null 2>&1
        b=$?
        if [ $a = 0 ] || [ $b = 0 ] || [ $a != $b ]; then
            accepted="$accepted $a/$b:$bad"
        else
            refuted=$((refuted + 1))
        fi
    done
    same "$*: spoiled, refused by both" "" "$accepted"
}

"$build/equity" demo --dir "$work/net" --base-port "$port" \
    >"$work/demo.out" 2>"$work/demo.err" || {
    tail -n 3 "$work/demo.err"
    no "the main job"
    exit 1
}

# ---- trust ----
"$build/equity" trust --genesis "$work/net/genesis.json" --out "$work/trust.json"
same "a trust file from the genesis" 0 $?
err=$("$build/equity" trust --node "$(url 2)" --out "$work/node.json" 2>&1)
expect "a trust file from a node says what it is" "compare" "$err"
cmp -s "$work/trust.json" "$work/node.json" &&
    ok "both trust files are the same" || no "both trust files are the same"

# ---- whom and what to ask for ----
code=100001
register=$(rpc 0 register_list "{\"security\":\"$code\",\"limit\":\"1000\"}")
free=$(echo "$register" | jq -r '[.result.holdings[]|select(.pledged=="0" and .frozen=="0" and (.freezes|length)==0 and .total!="0")][0].account')
bound= # code, account and height of a pledge or freeze
after=
while [ -z "$bound" ]; do
    page=$(rpc 0 events_list "{\"limit\":\"1000\"$after}")
    bound=$(echo "$page" | jq -r '[.result.events[]|select(.kind=="pledged" or .kind=="frozen")][0]
        |select(.)|"\(.security) \(.account) --height \(.cursor|split(".")[0])"')
    [ "$(echo "$page" | jq '.result.events|length')" = 1000 ] || break
    after=",\"after\":$(echo "$page" | jq -c .result.next)"
done
events=$(rpc 0 events_list "{\"security\":\"$code\",\"limit\":\"1000\"}")
moved=$(echo "$events" | jq -c '[.result.events[]|select(.kind=="transferred")][0]')
seller=$(echo "$moved" | jq -r .account)
moved_at=$(echo "$moved" | jq -r '.cursor|split(".")[0]')
body=$(rpc 0 chain_getBlock "{\"height\":\"$moved_at\"}")
id=$(echo "$body" | jq -r '.result.transactions[0].id')
tip=$(height 0)
old=$((moved_at - 1))
today=$(rpc 0 proof_consistency '{"from_height":"0"}' | jq -r .result.date)

# ---- the newest block, and older ones ----
receipt 0 transaction transaction "$id"
receipt 1 holding holding $code "$free"
receipt 2 holding holding $code "$seller" --height "$old"
same "an old holding is the model's" \
    "$(rpc 0 holding_get "{\"security\":\"$code\",\"account\":\"$seller\",\"height\":\"$old\"}" | jq -r .result.holding.total)" \
    "$(jq -r .statement.shares.total "$work/a.json")"
receipt 3 holding holding $code "$free" --date "$today"
receipt 0 unencumbered unencumbered $code "$free"
receipt 1 unencumbered unencumbered $code "$free" --height "$old"
receipt 2 register register $code
receipt 3 register register $code --height "$old"
receipt 0 register register 100002 --date "$today"
receipt 1 statement statement $code "$seller"
receipt 2 statement statement $code "$seller" --from-height "$old"
receipt 3 statement statement $code "$seller" --height "$moved_at" --from-height "$old"
receipt 0 consistency consistency "$old" "$tip"
receipt 1 consistency consistency 0 "$old"
stranger=$(rpc 0 register_list '{"security":"100002"}' | jq -r '.result.holdings[].account' |
    while read -r a; do
        echo "$register" | grep -q "$a" || { echo "$a"; break; }
    done)
receipt 2 absence holding $code "$stranger"
receipt 3 absence holding $code "$stranger" --height "$old"

# ---- who the holder is ----
receipt 0 holding holding $code "$free" --disclose "$work/net/vault-1.eqv" \
    --passphrase-file "$work/net/passphrase"
expect "disclosed: a name" '"name"' "$(cat "$work/a.json")"

# ---- as a document ----
word() { "$build/equity" receipt "$@" --node "$(url 0)" --out "$work/word.receipt"; }
word register $code --trust "$work/trust.json" --pdf "$work/word.pdf" \
    --vault "$work/net/vault-1.eqv" --passphrase-file "$work/net/passphrase" \
    >/dev/null 2>"$work/err"
same "a receipt and its document" 0 $?
pdfdetach -save 1 -o "$work/attached" "$work/word.pdf"
cmp -s "$work/attached" "$work/word.receipt" && ok "... the receipt is in it" ||
    no "... the receipt is in it" "$(cat "$work/err")"
pdftotext -layout "$work/word.pdf" "$work/word.txt"
expect "... with names, marked" "not proven by the ledger" "$(cat "$work/word.txt")"
same "... of all its holders" "$(echo "$register" | jq '.result.holdings|length')" \
    "$(grep -c ' \*$' "$work/word.txt")"
"$build/equity" document "$work/word.receipt" --genesis "$work/net/genesis.json" \
    --out "$work/names.pdf" --json "$work/names.json" \
    --vault "$work/net/vault-1.eqv" --passphrase-file "$work/net/passphrase" \
    2>/dev/null
cmp -s "$work/word.pdf" "$work/names.pdf" && ok "... made again from the file" ||
    no "... made again from the file"
same "... the names in its JSON" "$(jq '.statement.lines|length' "$work/names.json")" \
    "$(jq '.document.names|length' "$work/names.json")"
err=$(word holding $code "$free" --pdf "$work/none.pdf" 2>&1)
expect "no document on the word of a node" "--trust or --genesis" "$err"
[ ! -e "$work/none.pdf" ] && ok "... none is made" || no "... none is made"

# ---- a pinned block; an older block from it by the log ----
"$build/equity" trust --node "$(url 1)" --pin "$moved_at" --out "$work/pin.json" 2>/dev/null
same "a trust file with a pinned block" 0 $?
jq 'del(.genesis)' "$work/pin.json" >"$work/pin-only.json"
trust=$work/pin-only.json
receipt 0 holding holding $code "$free"
receipt 1 holding holding $code "$seller" --height "$old"
same "... about the older block, by the log of a newer" "$old true" \
    "$(jq -r '"\(.block.height) \((.certified.height|tonumber) > (.block.height|tonumber))"' "$work/a.json")"
receipt 2 transaction transaction "$id"
trust=
program "$work/1.receipt" --trust "$work/pin-only.json" >/dev/null
same "the pinned block alone does not reach a receipt from the genesis" 78 $?

# ---- refused, with the reason ----
ask() { "$build/equity" receipt "$@" --node "$(url 0)" --out "$work/none" 2>&1; }
expect "encumbered" E_ENCUMBERED "$(ask unencumbered $bound)"
ask unencumbered $bound >/dev/null
same "encumbered: exit 1" 1 $?
expect "no such security" NOT_FOUND "$(ask holding NONE "$free")"
expect "no such account" NOT_FOUND "$(ask holding $code "$(printf '0%.0s' $(seq 64))")"
expect "half an account" "needed whole, 64 digits" "$(ask holding $code "$(echo "$free" | cut -c1-16)")"
expect "no such transaction" NOT_FOUND "$(ask transaction "$(printf '0%.0s' $(seq 64))")"
expect "a height that is not there yet" E_BEHIND "$(ask holding $code "$free" --height 99999999)"
expect "a date before the ledger" "began after" "$(ask holding $code "$free" --date 2001-01-01)"
expect "height and date at once" "not both" "$(ask register $code --height 1 --date "$today")"
expect "an anchor that is not there yet" "anchor" "$(ask holding $code "$free" --anchor 99999999)"
expect "no earlier entry" "first entry" "$(ask statement $code "$free" --from-height 1)"
expect "backwards" "before the later" "$(ask consistency "$tip" "$old")"
expect "no change of validators yet" "no such epoch" "$(ask validators 1)"
expect "an epoch that began with the genesis" "genesis" "$(ask validators 0)"
[ ! -e "$work/none" ] && ok "nothing was written" || no "nothing was written"

# ---- a node that answers with true receipts about something else ----
liar=$((port + 90))
lie() { # lie METHOD[!] KEY=VALUE...: a node of this kind at $liar
    [ -n "${lying:-}" ] && kill "$lying" 2>/dev/null && wait "$lying" 2>/dev/null
    python3 tests/e2e/liar.py "$liar" "$(url 0)" "$@" &
    lying=$!
    for _ in $(seq 1 100); do
        curl -s -m 2 -o /dev/null -H 'Content-Type: application/json' \
            "http://127.0.0.1:$liar" -d '{"jsonrpc":"2.0","id":1,"method":"node_status"}' && return
        sleep 0.1
    done
}
# lied NAME WANTED WORDS...: refused as data, nothing written
lied() {
    name=$1 wanted=$2
    shift 2
    out=$("$build/equity" receipt "$@" --node "http://127.0.0.1:$liar" \
        --trust "$work/trust.json" --out "$work/none" 2>&1)
    same "another $name: exit 65" 65 $?
    expect "another $name: says so" "about another $wanted than was asked for" "$out"
    [ ! -e "$work/none" ] && ok "another $name: nothing was written" || no "another $name: nothing was written"
    rm -f "$work/none"
}
lie proof_holding "account=$seller"
lied account account holding $code "$free"
lie proof_holding security=100002
lied security security holding $code "$free"
lie proof_holding "height=$old"
lied height height holding $code "$free" --height $((old - 1))
lie proof_register height= security=100003
lied register security register $code
lie proof_statement "from_height=$old"
lied beginning beginning statement $code "$seller"
# What a node says of its first block, of dates and of validators is not taken:
# all of it follows from the genesis, whose hash is the chain id.
lie node_status! offset_ms=0
"$build/equity" trust --node "http://127.0.0.1:$liar" --out "$work/lied-1.json" 2>/dev/null
lie chain_getHeader! "hash=$(printf '0%.0s' $(seq 64))"
out=$("$build/equity" trust --node "http://127.0.0.1:$liar" --out "$work/lied-2.json" 2>&1)
expect "a trust file from a node names the chain" "$(jq -r .chain_id "$work/trust.json")" "$out"
cmp -s "$work/trust.json" "$work/lied-1.json" && cmp -s "$work/trust.json" "$work/lied-2.json" &&
    ok "a trust file follows from the genesis alone" || no "a trust file follows from the genesis alone"
lie chain_getGenesis! genesis=00
out=$("$build/equity" trust --node "http://127.0.0.1:$liar" --out "$work/lied-3.json" 2>&1)
same "no genesis: exit 65" 65 $?
[ ! -e "$work/lied-3.json" ] && ok "no genesis: nothing is written" || no "no genesis: nothing is written"
kill "$lying"
wait "$lying" 2>/dev/null
lying=

# ---- nothing is written over ----
sum=$(cat "$work/trust.json" "$work/1.receipt" | sha256sum)
"$build/equity" trust --node "$(url 1)" --out "$work/trust.json" 2>/dev/null
same "a trust file is there already: exit 73" 73 $?
"$build/equity" receipt register $code --node "$(url 1)" --trust "$work/trust.json" \
    --out "$work/1.receipt" >/dev/null 2>&1
same "a receipt is there already: exit 73" 73 $?
same "... and both are as before" "$sum" "$(cat "$work/trust.json" "$work/1.receipt" | sha256sum)"
same "a receipt is its owner's alone" 600 "$(stat -c %a "$work/1.receipt")"

# ---- all four give the same bytes about the same block ----
for n in 0 1 2 3; do
    rpc "$n" proof_register "{\"security\":\"$code\",\"height\":\"$old\"}" |
        jq -r .result.receipt
done >"$work/four"
# Certificates may have other signers, as each node gathered them.
same "four nodes, one size" 1 "$(awk '{print length}' "$work/four" | sort -u | wc -l)"

# ---- while blocks go on: the newest is proven again and again ----
for i in $(seq 1 40); do
    rpc 0 proof_holding "{\"security\":\"$code\",\"account\":\"$free\"}" |
        jq -r .result.receipt | xxd -r -p >"$work/now.receipt"
    program "$work/now.receipt" --trust "$work/trust.json" --json |
        jq -r .verdict
done 2>&1 | sort | uniq -c >"$work/outcomes" &
asking=$!
for i in 1 2 3 4 5 6; do
    "$build/equity" tx authority_set --node "$(url $((i % 4)))" \
        --wallet "$work/net/wallet" --passphrase-file "$work/net/passphrase" \
        --code "COURT-R$i" --type court --superior COURT-HIGH >/dev/null 2>&1
done
wait $asking
expect "under blocks: all proven" " 40 proven" "$(cat "$work/outcomes")"
result
