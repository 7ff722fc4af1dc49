#!/usr/bin/env bash
# statesync.sh BUILD: nodes that lost their disk begin with a snapshot of the
# others while transfers run, and have the whole history afterwards.
set -u
cd "$(dirname "$0")/../.."
port_offset=750
. tests/e2e/lib.sh
load=

finish() {
    exec 2>/dev/null 9>&-
    [ -n "$load" ] && kill "$load" 2>/dev/null
    for p in "$work"/net/node*.pid; do
        [ -f "$p" ] && kill -9 "$(cat "$p")" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

stop() { kill "$(cat "$work/net/node$1.pid")"; wait_gone "$1"; }
wait_gone() {
    p=$(cat "$work/net/node$1.pid")
    for _ in $(seq 1 200); do kill -0 "$p" 2>/dev/null || return 0; sleep 0.05; done
    no "node $1 stops"
}
says() { grep -q "$2" "$work/net/node$1.log"; }
begin() { # begin NODE: with a snapshot
    "$build/equityd" run --config "$work/net/node$1.ini" --node-sync snapshot \
        >>"$work/net/node$1.log" 2>&1 9>&- &
    echo $! >"$work/net/node$1.pid"
}
snapshot_at() { [ "$(rpc 0 snapshot_list '{}' | jq -r '.result.snapshots[0].height // 0')" -ge "$1" ]; }
acked() { [ -f "$work/acks" ] && [ "$(wc -l <"$work/acks")" -gt "$1" ]; }
near() { # near NODE: it has what node 0 had a moment ago
    a=$(status 0 height) b=$(status "$1" height)
    [ -n "$b" ] && [ "$b" != null ] && [ "$b" -gt 0 ] && [ $((b + 30)) -ge "$a" ]
}
filled() { [ "$(status "$1" earliest_height)$(status "$1" earliest_body_height)" = 00 ]; }
block() { rpc "$1" chain_getBlock "{\"height\":\"$2\"}" | jq -c '[.result.hash,(.result.transactions|length)]'; }

export EQUITYD_NODE_SNAPSHOT_BLOCKS=50
"$build/equity" demo --dir "$work/net" --base-port "$port" >"$work/demo.log" 2>&1 ||
    { no "the network starts" "$(tail -n 2 "$work/demo.log")"; exit 1; }
mkfifo "$work/run"
"$build/tests/chaos/load" "$work/net" "$work/acks" 200 "=$(url 0)" "=$(url 2)" \
    <"$work/run" >"$work/load.log" 2>&1 &
load=$!
exec 9>"$work/run"

# ---- snapshots, taken under load ----
until_true 60 acked 600 || no "transfers run"
until_true 60 snapshot_at 100 && ok "a snapshot is taken" || no "a snapshot is taken"
list=$(rpc 0 snapshot_list '{}')
same "two are kept" 2 "$(echo "$list" | jq '.result.snapshots|length')"
expect "metrics know it" "equity_snapshot_running" "$(curl -s "$(url 0)/metrics")"
same "no snapshot failed" 0 "$(curl -s "$(url 0)/metrics" | sed -n 's/^equity_snapshot_failed_total //p')"
ids() { rpc "$1" snapshot_list '{}' | jq -r '.result.snapshots[]|"\(.height) \(.id)"' | sort; }
both() { [ -n "$(comm -12 <(ids 0) <(ids 2))" ]; }
until_true 20 both && ok "two nodes have one and the same" || no "two nodes have one and the same"

# ---- a disk that is lost: database, journal and all but the keys ----
kill -9 "$(cat "$work/net/node3.pid")"; wait_gone 3
rm -rf "$work/net/node3/db" "$work/net/node3/journal" "$work/net/node3/snapshots" "$work/net/node3/CHAIN"
"$build/equityd" init --config "$work/net/node3.ini" >>"$work/net/node3.log" 2>&1
begin 3
until_true 20 says 3 "the manifest leads" || no "the manifest is fetched"
kill -9 "$(cat "$work/net/node3.pid")"; wait_gone 3
begin 3
until_true 40 near 3 && ok "it arrives at the tip under load" ||
    no "it arrives at the tip under load" "$(tail -n 3 "$work/net/node3.log")"
says 3 "all rows of the snapshot are here" && ok "it began with a snapshot" || no "it began with a snapshot"
says 3 "state rebuilt and its root compared" && ok "the state is rebuilt and compared" || no "the state is rebuilt and compared"
expect "a fresh journal votes for nothing (D45)" '"ok": false' \
    "$(curl -s "$(url 3)/readyz" | jq '.checks[]|select(.check=="voting")')"

# ---- a database that is lost, the journal beside it kept ----
stop 1
rm -rf "$work/net/node1/db" "$work/net/node1/snapshots"
"$build/equityd" init --config "$work/net/node1.ini" >>"$work/net/node1.log" 2>&1
begin 1
until_true 40 near 1 && ok "so does one that kept its journal" ||
    no "so does one that kept its journal" "$(tail -n 3 "$work/net/node1.log")"
ready 1 20 && ok "it votes again" || no "it votes again"
says 1 "all rows of the snapshot are here" && ok "it too began with a snapshot" || no "it too began with a snapshot"
exec 9>&-
wait "$load"
load=
expect "transfers went on throughout" "submitted=" "$(tail -n 1 "$work/load.log")"
equal_roots && ok "all four have one root" || no "all four have one root" "$(root 0) $(root 1) $(root 3)"

# ---- history behind it ----
until_true 30 filled 3 && ok "the history is filled in" || no "the history is filled in" "$(tail -n 2 "$work/net/node3.log")"
same "an old block is there" "$(block 0 40)" "$(block 3 40)"
first=$(status 3 earliest_state_height)
[ "$first" -ge 50 ] && ok "the state begins at the snapshot" || no "the state begins at the snapshot" "$first"
expect "the state before it: named" "\"earliest_state_height\":\"$first\"" \
    "$(rpc 3 institution_get '{"number":"1","height":"5"}')"
expect "the state before it: a stable error" E_PRUNED "$(rpc 3 institution_get '{"number":"1","height":"5"}')"
expect "events before it: the same" "events from block $((first + 1)) on" "$(rpc 3 events_list '{}')"
expect "events after it" '"cursor"' "$(rpc 3 events_list "{\"after\":\"$first.0\",\"limit\":\"1\"}")"
until_true 20 says 3 "is here, down to the genesis" || no "the log of headers is filled in"
"$build/equity" trust --out "$work/trust.json" --node "$(url 0)" >/dev/null 2>&1
old=$(rpc 0 chain_getBlock '{"height":"40"}' | jq -r '.result.transactions[0].id')
"$build/equity" receipt transaction "$old" --out "$work/old.receipt" --node "$(url 3)" >"$work/receipt.log" 2>&1
"$build/equity-verify" "$work/old.receipt" --trust "$work/trust.json" >"$work/verify.log" 2>&1
same "a receipt of an old transaction is proven" 0 $?
holder=$(rpc 3 events_list "{\"after\":\"$first.0\",\"limit\":\"50\"}" |
    jq -r '[.result.events[]|select(.kind=="transferred")][0]|"\(.security) \(.account)"')
# shellcheck disable=SC2086
"$build/equity" receipt holding $holder --out "$work/holding.receipt" --node "$(url 3)" >>"$work/receipt.log" 2>&1
"$build/equity-verify" "$work/holding.receipt" --trust "$work/trust.json" >>"$work/verify.log" 2>&1
same "a receipt of a holding is proven" 0 $?
# shellcheck disable=SC2086
expect "a statement from its first entry: who has it" E_PRUNED \
    "$("$build/equity" receipt statement $holder --out "$work/s.receipt" --node "$(url 3)" 2>&1)"

# ---- what else is done with such a database ----
"$build/equityd" backup --config "$work/net/node3.ini" --to "$work/backup" >"$work/backup.log" 2>&1
same "backup" 0 $?
"$build/equityd" verify-backup "$work/backup" >>"$work/backup.log" 2>&1
same "the backup is whole" 0 $?
"$build/equity" export "$work/archive" --node "$(url 3)" >"$work/export.log" 2>&1
expect "export, checked from the genesis on" "Proven: the history" \
    "$("$build/equity" verify chain "$work/archive" 2>&1)"
stop 3
"$build/equityd" prune --config "$work/net/node3.ini" --below 50 --archive "$work/archive" >"$work/prune.log" 2>&1
same "prune" 0 $?
start 3
equal_roots && ok "started again, it has the same root" || no "started again, it has the same root"
same "pruned as it was told" 50 "$(status 3 earliest_body_height)"
result
