#!/usr/bin/env bash
# history.sh BUILD: the state as it was, and where two nodes first differ.
# A network of one validator is copied, and the copies go different ways: what
# no network of several honest validators does.
set -u
cd "$(dirname "$0")/../.."
port_offset=300
. tests/e2e/lib.sh
pids=

finish() {
    # shellcheck disable=SC2086
    [ -n "$pids" ] && kill $pids 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

run() { # run N DIR: the copy in DIR, at the ports of N
    "$build/equityd" run --config "$2/node0.ini" --node-dir "$2/node0" \
        --rpc-listen "127.0.0.1:$((port + 100 + $1))" \
        --peers-listen "127.0.0.1:$((port + $1))" >>"$work/run$1.log" 2>&1 &
    pids="$pids $!"
    for _ in $(seq 1 200); do
        curl -s -m 2 -f "$(url "$1")/readyz" >/dev/null && return 0
        sleep 0.1
    done
    no "node $1 is ready" "$(tail -n 2 "$work/run$1.log")"
}
name_court() { # name_court NODE CODE TYPE
    "$build/equity" tx authority_set --node "$(url "$1")" \
        --wallet "$work/net/wallet" --passphrase-file "$work/net/passphrase" \
        --code "$2" --type "$3" --superior COURT-HIGH --json |
        jq -r .height
}

devnet --nodes 1

# ---- the past, by height and by date ----
first=$(name_court 0 COURT-X court)
second=$(name_court 0 COURT-Y court)
out=$("$build/equity" institution 1 --node "$(url 0)" --height 0 --json)
same "a row as it was at the genesis" 0 "$(echo "$out" | jq -r .height)"
expect "a height that is not there yet" E_BEHIND \
    "$("$build/equity" institution 1 --node "$(url 0)" --height 99999999 2>&1)"
expect "a date before the ledger" "began after that date" \
    "$("$build/equity" institution 1 --node "$(url 0)" --date 2001-01-01 2>&1)"
same "a date that is not over: the newest" "$second" \
    "$("$build/equity" institution 1 --node "$(url 0)" --date 2100-01-01 --json | jq -r .height)"
expect "height and date at once" 'not both' \
    "$("$build/equity" institution 1 --node "$(url 0)" --height 0 --date 2100-01-01 2>&1)"
expect "no date" 'params.date' \
    "$("$build/equity" institution 1 --node "$(url 0)" --date 2026-02-30 2>&1)"
changes() { # changes HEIGHT
    curl -s -m 5 -H 'Content-Type: application/json' "$(url 0)" \
        -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_getChanges\",\"params\":{\"height\":\"$1\"}}"
}
same "what a block changed" "authorities" \
    "$(changes "$first" | jq -r '[.result.changes[]|select(.table=="authorities")][0].table')"

# ---- two nodes that are the same, and two that are not ----
kill -TERM $devnet && wait $devnet
cp -r "$work/net" "$work/copy"
run 0 "$work/net"
run 1 "$work/copy"
out=$("$build/equity" debug diff "$(url 0)" "$(url 1)")
same "two copies: exit 0" 0 $?
expect "two copies: the same" "the same up to height $second" "$out"
third=$(name_court 0 COURT-Z court)
same "ahead is not different" 0 \
    "$("$build/equity" debug diff "$(url 0)" "$(url 1)" >/dev/null; echo $?)"
name_court 1 COURT-Z police >/dev/null
for i in 1 2 3; do name_court 0 "COURT-A$i" court >/dev/null; name_court 1 "COURT-A$i" court >/dev/null; done
out=$("$build/equity" debug diff "$(url 0)" "$(url 1)" --json)
same "different: exit 1" 1 $?
same "different: the first height" "$third" "$(echo "$out" | jq -r .first_height)"
same "different: the first transaction" 0 "$(echo "$out" | jq -r .transaction.index)"
same "different: the table of the first key" references \
    "$(echo "$out" | jq -r .state.change.A.table)"
expect "different: roots" state_root "$(echo "$out" | jq -c .header)"
expect "different: in words" "the first block that differs is $third" \
    "$("$build/equity" debug diff "$(url 0)" "$(url 1)")"
same "a node that does not answer: exit 69" 69 \
    "$("$build/equity" debug diff "$(url 0)" http://127.0.0.1:9 2>/dev/null; echo $?)"

result
