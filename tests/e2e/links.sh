#!/usr/bin/env bash
# links.sh BUILD: four real nodes and what goes wrong between them: a node that
# comes back with nothing, two processes with one identity, a halt and what it
# leaves, a fresh node 2,300 blocks behind.
set -u
cd "$(dirname "$0")/../.."
port_offset=700
. tests/e2e/lib.sh

finish() {
    for p in "$work"/net/node*.pid "$work"/twin.pid; do
        [ -f "$p" ] && kill -9 "$(cat "$p")" 2>/dev/null
    done
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

stop() { kill -9 "$(cat "$work/net/node$1.pid")"; ends "$1"; }
is_ready() { curl -s -m 2 -f "$(url "$1")/readyz" >/dev/null; }
stands() { [ "$(root "$1")" != "" ] && [ "$(root "$1")" = "$(root 0)" ]; }
says() { grep -q "$2" "$work/net/node$1.log"; }
peer() { # peer NODE OF FIELD
    rpc "$1" node_peers | jq -r ".result.peers[$2]$3"
}

"$build/equity" demo --once --dir "$work/net" --base-port "$port" \
    >"$work/demo.out" 2>"$work/demo.err"
for i in 0 1 2 3; do start $i; done
for i in 0 1 2 3; do until_true 20 is_ready $i || no "node $i is ready"; done

# ---- what a node says of its links ----
until_true 10 eval '[ "$(peer 0 1 .clock)" != null ]'
until_true 10 eval '[ "$(peer 0 3 "|\"\(.consensus.up) \(.bulk.up)\"")" = "true true" ]'
same "peers: both links are up" "true true" \
    "$(peer 0 3 '|"\(.consensus.up) \(.bulk.up)"')"
eventually "peers: the clocks are measured" '"proposes":true' rpc 0 node_peers
eventually "metrics: by peer and channel" 'equity_peer_up{peer="2",channel="bulk"} 1' \
    curl -s "$(url 0)/metrics"
expect "ready: the clock is one of the reasons" '"clock"' "$(curl -s "$(url 0)/readyz")"

# ---- a node that comes back with nothing ----
stop 3
cp -r "$work/net/node3" "$work/node3.saved"
(cd "$work/net/node3" && rm -rf db journal CHAIN LOCK)
"$build/equityd" run --config "$work/net/node3.ini" >"$work/out" 2>&1
same "wiped: run makes nothing" 78 $?
"$build/equityd" init --config "$work/net/node3.ini" >>"$work/net/node3.log" 2>&1
start 3
until_true 30 stands 3 && ok "wiped: it catches up" || no "wiped: it catches up"
until_true 5 says 3 'caught up' && ok "wiped: it says so" || no "wiped: it says so"
says 3 'this node signs nothing any more' && ok "wiped: it observes" || no "wiped: it observes"
halt=$(ls -d "$work"/net/node3/halt-* 2>/dev/null | head -n 1)
expect "wiped: why is written down" "signs nothing any more" "$(cat "$halt/halt.txt" 2>&1)"
expect "wiped: the events can be read" "OBSERVE" "$("$build/equityd" events "$halt/events.trace" 2>&1)"
same "wiped: no secret is written down" 0 \
    "$(grep -rcF "$(head -n 1 "$work/net/passphrase")" "$halt/config.ini")"
"$build/equityd" events "$halt/halt.txt" >/dev/null 2>"$work/out"
same "events: not such a file" 74 $?
stop 3
rm -rf "$work/net/node3" && mv "$work/node3.saved" "$work/net/node3"

# ---- a damaged journal leaves files, but not without end ----
cp -r "$work/net/node3" "$work/node3.saved"
printf '\xff' | dd of="$work/net/node3/journal/journal-00000000.log" bs=1 seek=160 conv=notrunc 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    "$build/equityd" run --config "$work/net/node3.ini" >"$work/out" 2>&1
    code=$?
done
same "damaged: exit 86, each time" 86 $code
same "damaged: eight folders at most" 8 "$(ls -d "$work"/net/node3/halt-* | wc -l)"
rm -rf "$work/net/node3" && mv "$work/node3.saved" "$work/net/node3"
start 3
until_true 30 is_ready 3 && ok "restored: it is ready" || no "restored: it is ready"

# ---- two processes with one identity ----
cp -r "$work/net/node2" "$work/twin"
"$build/equityd" run --config "$work/net/node2.ini" --node-dir "$work/twin" \
    --peers-listen "127.0.0.1:$((port + 50))" \
    --rpc-listen "127.0.0.1:$((port + 150))" >"$work/twin.log" 2>&1 &
echo $! >"$work/twin.pid"
until_true 20 says 3 'two processes speak with the identity of one validator' &&
    ok "twins: the other node says so" || no "twins: the other node says so"
until_true 20 grep -q "another process speaks with this validator" "$work/twin.log" ||
    says 2 "another process speaks with this validator"
same "twins: one of the two is told" 0 $?
# (what a node says of itself is renewed some times a second)
counted() { curl -s "$(url 3)/metrics" | grep -q '^equity_peer_duplicates_total{peer="2"} [1-9]'; }
until_true 10 counted && ok "twins: metrics count them" || no "twins: metrics count them"
kill -9 "$(cat "$work/twin.pid")"
until_true 30 eval '[ "$(peer 3 2 .consensus.up)" = true ]' &&
    ok "twins: alone it is let in again" || no "twins: alone it is let in again"
for i in 0 1 2 3; do until_true 30 is_ready $i || no "node $i is ready"; done
stands 1 && stands 2 && stands 3 && ok "roots equal" || no "roots equal"

# ---- far behind ----
out=$("$build/tests/bench/bench_sync" 2300 1 $((port + 200)) 2>&1)
expect "a fresh node catches up with 2,300 blocks" "blocks/s" "$out"
result
