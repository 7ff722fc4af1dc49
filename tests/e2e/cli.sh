#!/usr/bin/env bash
# cli.sh BUILD: the commands as people and scripts use them: help, what was
# meant, exit codes, JSON everywhere, no terminal; and what a node says of itself.
set -u
cd "$(dirname "$0")/../.."
port_offset=500
. tests/e2e/lib.sh

finish() {
    [ -n "${devnet:-}" ] && kill "$devnet" 2>/dev/null && wait "$devnet" 2>/dev/null
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

equity=$build/equity
equityd=$build/equityd

# ---- help, and what was meant ----
for words in --help -h help "keys --help" "keys new --help" "tx --help" \
    "tx transfer --help" "tx transfer --from x --help" "tx sign --help" \
    "register import --help" "status -h" "rules --help" "gov show --help"; do
    # shellcheck disable=SC2086
    out=$("$equity" $words 2>&1 </dev/null)
    same "equity $words: exit 0" 0 $?
    [ -n "$out" ] || no "equity $words says something"
done
fails "no command" 2 "equity keys new LABEL" "$equity"
fails "a group alone" 2 "equity keys list" "$equity" keys
fails "a mistyped command" 2 "did you mean: equity status?" "$equity" stauts
fails "a mistyped second word" 2 "did you mean: equity keys new?" "$equity" keys nwe
fails "a mistyped first word" 2 "did you mean: equity register import?" "$equity" regster import
fails "a mistyped flag" 2 "did you mean --json?" "$equity" status --jsn
fails "a mistyped operation" 2 "did you mean: equity tx transfer?" "$equity" tx transfre
fails "a mistyped field" 2 "did you mean --quantity?" "$equity" tx transfer --quantiyt 5
fails "an unknown command" 2 "equity --help lists them" "$equity" frobnicate
fails "a flag without its value" 2 "--node needs a value" "$equity" status --node
fails "a value for a flag that has none" 2 "--json takes no value" "$equity" status --json=yes
fails "a word too many" 2 "takes no argument such as now" "$equity" status now
fails "a missing field" 2 "--security is missing" "$equity" tx transfer
fails "a bad value" 2 "\"-5\" is not a value for" "$equity" tx transfer --security X --quantity -5
fails "a bad URL" 2 "--node is http://host:port" "$equity" status --node ftp://x
fails "no node" 69 "cannot be reached" "$equity" status --node http://127.0.0.1:9
fails "no file" 66 "No such file" "$equity" register import "$work/none.csv"
fails "no passphrase and no terminal" 2 "--passphrase-file" "$equity" keys new x --dir "$work/keys"
fails "equityd: no command" 2 "say what to do" "$equityd"
fails "equityd: a mistyped command" 2 "the first word is no command" "$equityd" rnu
fails "equityd: help anywhere" 0 "EQUITYD_SECTION_KEY" "$equityd" run --help
fails "equityd: a mistyped flag" 78 "did you mean node.dir?" "$equityd" run --node-dri x
fails "equityd: a mistyped variable" 78 "EQUITYD_NODE_DRI" env EQUITYD_NODE_DRI=x "$equityd" config
expect "version: the commit and the libraries" "OpenSSL" "$("$equity" --version)"
expect "version: of the node" "libevent" "$("$equityd" --version)"
printf '[node]\ndir = d\ngenesis = g\n' >"$work/a.ini"
"$equityd" config --config "$work/a.ini" --mempool-txs 7 >"$work/b.ini"
same "the effective configuration is a configuration" \
    "$("$equityd" config --config "$work/b.ini")" "$(cat "$work/b.ini")"

# ---- keys ----
printf 'secret\n' >"$work/pass"
chmod 600 "$work/pass"
key() { "$equity" keys "$@" --passphrase-file "$work/pass" 2>&1 </dev/null; }
expect "keys new" "secp256k1" "$(key new alice --dir "$work/keys")"
fails "keys new: a label is the name of a file" 2 "name the key" \
    "$equity" keys new ../x --dir "$work/keys" --passphrase-file "$work/pass"
expect "keys new: not over another" "it exists already" "$(key new alice --dir "$work/keys")"
same "keys new: as JSON" bob "$(key new bob --dir "$work/keys" --json | jq -r .label)"
same "keys list: as JSON" 2 "$("$equity" keys list --dir "$work/keys" --json | jq length)"
same "keys show: as JSON" alice "$("$equity" keys show "$work/keys/alice.key" --json | jq -r .label)"
printf 'wrong\n' >"$work/wrong"
chmod 600 "$work/wrong"
fails "keys show: a wrong passphrase" 65 "passphrase" \
    "$equity" keys show "$work/keys/alice.key" --passphrase-file "$work/wrong"
fails "keys: others can read the passphrase" 66 "chmod 600" sh -c \
    "chmod 644 $work/pass; $equity keys new x --dir $work/keys --passphrase-file $work/pass; code=\$?; chmod 600 $work/pass; exit \$code"

# ---- a network that is there already, and one in the way ----
devnet
fails "a second network at the same ports" 69 "is in use" \
    "$equity" devnet --dir "$work/second" --base-port "$port"
fails "the same network twice" 69 "is in use" "$equity" devnet --dir "$work/net"
fails "the same network, other shape" 2 "holds a network of 4 nodes" \
    "$equity" devnet --dir "$work/net" --nodes 7

# ---- JSON everywhere ----
account=$(printf '00%.0s' $(seq 32))
ask() { "$equity" "$@" --node "$(url 0)" </dev/null; }
wallet=(--wallet "$work/net/wallet" --passphrase-file "$work/net/passphrase")
ask tx authority_set "${wallet[@]}" --code COURT-X --type court --superior COURT-HIGH >/dev/null
for words in status peers block "block 1" "institution 1" events "gov show"; do
    # shellcheck disable=SC2086
    ask $words --json 2>&1 | jq -e . >/dev/null 2>&1 && ok "$words --json" || no "$words --json"
    # shellcheck disable=SC2086
    [ -n "$(ask $words 2>&1)" ] && ok "$words in words" || no "$words in words"
done
expect "tx --json" '"final": true' \
    "$(ask tx authority_set "${wallet[@]}" --code COURT-Y --type court --superior COURT-HIGH --json)"
expect "tx --simulate" '"name": "OK"' \
    "$(ask tx authority_set "${wallet[@]}" --code COURT-Z --type court --superior COURT-HIGH --simulate)"
fails "what is not there: exit 66" 66 "NOT_FOUND" "$equity" security NONE --node "$(url 0)"
fails "freezes of no security" 66 "there is no such security" "$equity" freezes NONE --node "$(url 0)"
fails "a holding of no account" 66 "NOT_FOUND" "$equity" holding NONE "$account" --node "$(url 0)"
expect "lists are tables" "cursor" "$(ask events | sed -n 1,4p)"
expect "rules as JSON" transfer "$("$equity" rules --json | jq -r '.operations[].operation' 2>/dev/null)"

# ---- what a node says of itself ----
same "livez" ok "$(curl -s "$(url 0)/livez")"
same "readyz: six reasons" "true 6" \
    "$(curl -s "$(url 0)/readyz" | jq -r '"\(.ready) \(.checks|map(select(.ok and (.reason|length)>0))|length)"')"
for method in node_status node_peers chain_getBlock chain_getHeader tx_submit tx_get \
    tx_wait tx_simulate account_get security_get holding_get register_list pledge_get \
    freeze_list events_list rpc.discover; do
    same "rpc.discover lists $method" "$method" \
        "$(rpc 0 rpc.discover '{}' | jq -r ".result.methods[].name|select(.==\"$method\")")"
done
for method in $(rpc 0 rpc.discover '{}' | jq -r '.result.methods[].name'); do
    case $(rpc 0 "$method" '{}') in
    *-32601*) no "$method is served" ;;
    *) served=$((${served:-0} + 1)) ;;
    esac
done
same "every method of rpc.discover is served" "$served" \
    "$(rpc 0 rpc.discover '{}' | jq '.result.methods|length')"
same "the same document by GET" "" \
    "$(diff <(curl -s "$(url 0)/openrpc.json" | jq -S .) <(rpc 0 rpc.discover '{}' | jq -S .result) | head -n 3)"
curl -s "$(url 0)/metrics" >"$work/metrics"
same "metrics: each has its help and type" "" "$(awk '
    /^# HELP / { help[$3] = 1; next }
    /^# TYPE / { type[$3] = 1; next }
    { name = $1; sub(/[{].*/, "", name); if (!help[name] || !type[name]) print name }
    seen[$1]++ { print "twice:", $1 }' "$work/metrics")"
same "metrics: names and numbers" "" \
    "$(grep -v '^#' "$work/metrics" | grep -vE '^equity_[a-z_]+(\{[a-z_]+="[a-z0-9_]*"(,[a-z_]+="[^"]*")*\})? -?[0-9]+(\.[0-9]+)?$')"
if command -v promtool >/dev/null; then
    same "metrics: promtool" "" "$(promtool check metrics <"$work/metrics" 2>&1)"
fi
kill -9 "$(cat "$work/net/node3.pid")" "$(cat "$work/net/node2.pid")"
until_true 10 has "1 of 3 other" curl -s "$(url 0)/readyz"
same "readyz: not without a quorum" 503 "$(curl -s -o "$work/ready" -w '%{http_code}' "$(url 0)/readyz")"
same "readyz: says which check and why" "peers: 1 of 3 other validators connected, quorum is 3 with this one" \
    "$(jq -r '.checks[]|select(.ok|not)|"\(.check): \(.reason)"' "$work/ready")"
kill -TERM "$devnet"
wait "$devnet"
same "devnet ends though two nodes were killed: exit 0" 0 $?
devnet=

# ---- Ctrl-C in the middle of the main job ----
"$equity" demo --dir "$work/demo" --base-port $((port + 20)) >"$work/demo.out" 2>&1 </dev/null &
demo=$!
for _ in $(seq 1 300); do grep -q "Three custodians" "$work/demo.out" && break; sleep 0.1; done
kill -INT "$demo"
wait "$demo"
same "demo interrupted: exit 130" 130 $?
alive=0
for p in "$work"/demo/*.pid; do kill -0 "$(cat "$p")" 2>/dev/null && alive=$((alive + 1)); done
same "demo interrupted: no node is left" 0 "$alive"

result
