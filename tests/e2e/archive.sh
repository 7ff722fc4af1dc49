#!/usr/bin/env bash
# archive.sh BUILD: history that is taken away, checked, pruned, backed up and
# restored, with four real nodes under load.
set -u
cd "$(dirname "$0")/../.."
port_offset=600
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

# In the place of the one in lib.sh: commands here may be functions, which
# timeout cannot run, and replay a history.
fails() { # fails NAME CODE WANTED command...
    name=$1 code=$2 wanted=$3
    shift 3
    out=$("$@" 2>&1)
    same "$name: exit $code" "$code" $?
    expect "$name: says why" "$wanted" "$out"
}
conf() { echo "--config $work/net/node$1.ini"; }
stop() { # stop NODE
    p=$(cat "$work/net/node$1.pid")
    kill "$p" 2>/dev/null
    for _ in $(seq 1 200); do kill -0 "$p" 2>/dev/null || return 0; sleep 0.05; done
    no "node $1 stops"
}
reaches() { # reaches NODE HEIGHT: within 30 s
    for _ in $(seq 1 150); do
        h=$(status "$1" height)
        [ -n "$h" ] && [ "$h" != null ] && [ "$h" -ge "$2" ] && return 0
        sleep 0.2
    done
    return 1
}
disk() { du -s --block-size=1 "$1" | cut -f1; }
verify() { "$build/equity" verify chain "$@" 2>&1; }

"$build/equity" demo --dir "$work/net" --base-port "$port" >"$work/demo.log" 2>&1 ||
    { no "the network starts" "$(tail -n 2 "$work/demo.log")"; exit 1; }

# ---- backups while transfers run ----
mkfifo "$work/run"
"$build/tests/chaos/load" "$work/net" "$work/acks" 200 "=$(url 0)" "=$(url 2)" \
    <"$work/run" >"$work/load.log" 2>&1 &
load=$!
exec 9>"$work/run"
for _ in $(seq 1 200); do [ -f "$work/acks" ] && [ "$(wc -l <"$work/acks")" -gt 50 ] && break; sleep 0.1; done
before=$(wc -l <"$work/acks")
# shellcheck disable=SC2046
"$build/equityd" backup $(conf 1) --to "$work/early" >"$work/backup.log" 2>&1
same "backup under load: exit 0" 0 $?
[ "$(wc -l <"$work/acks")" -ge "$before" ] && kill -0 "$load" && ok "backup under load: transfers go on" ||
    no "backup under load: transfers go on"
sleep 1
# shellcheck disable=SC2046
(cd "$work" && "$build/equityd" backup $(conf 1) --to late >>"$work/backup.log" 2>&1)
same "a second backup, by a relative path" 0 $?
# shellcheck disable=SC2046
fails "backup: a directory in use" 74 "exists already" "$build/equityd" backup $(conf 1) --to "$work/late"
same "backup: the socket is the owner's alone" 600 "$(stat -c %a "$work/net/node1/control")"
same "the register is for its owner's eyes, wherever it is" "" \
    "$(find "$work/net/node1" "$work/late" -mindepth 1 -perm /077 | head -n 3 | tr '\n' ' ')"
same "backup: nothing is left beside the database" "" "$(ls -d "$work/net/node1/backup.tmp" 2>/dev/null)"
same "backup: no key and no vote in it" "MANIFEST db genesis" "$(ls "$work/late" | sort | tr '\n' ' ' | sed 's/ $//')"
for _ in $(seq 1 300); do [ "$(wc -l <"$work/acks")" -gt 1200 ] && break; sleep 0.1; done
exec 9>&-
wait "$load"
load=
expect "the load has ended well" "submitted=" "$(tail -n 1 "$work/load.log")"
settled() { # all four at one block, on disk, with nothing that waits
    # shellcheck disable=SC2046
    set -- $(for n in 0 1 2 3; do
        rpc $n node_status | jq -r '.result|"\(.height) \(.tip_height) \(.mempool_txs) \(.state_root)"'
    done | sort -u)
    [ $# = 4 ] && [ "$1" = "$2" ] && [ "$3" = 0 ]
}
until_true 60 settled || no "all four have all blocks" "$(rpc 0 node_status)"
tip=$(status 0 height)
for n in 1 2 3; do reaches $n "$tip" || no "node $n has all blocks"; done
root=$(status 0 state_root)

# ---- export, and check from the genesis on ----
archive="$work/a"
expect "export" "blocks 0 to $tip" "$("$build/equity" export "$archive" --node "$(url 0)" 2>&1)"
same "export: for its owner's eyes" 600 "$(stat -c %a "$archive")"
fails "export: nothing is written over" 73 "exists" "$build/equity" export "$archive" --node "$(url 0)"
head -c $(($(stat -c %s "$archive") * 2 / 3)) "$archive" >"$work/b.part"
expect "export: cut short, it goes on" "going on at block" \
    "$("$build/equity" export "$work/b" --node "$(url 0)" --to "$tip" 2>&1)"
cmp -s "$archive" "$work/b" && ok "export: gone on with, the file is the same" || no "export: gone on with, the file is the same"
"$build/equity" export "$work/first" --node "$(url 1)" --to 9 2>/dev/null >&2
"$build/equity" export "$work/second" --node "$(url 2)" --from 10 --to "$tip" 2>/dev/null >&2
out=$(verify "$archive" --json)
same "verify chain: exit 0" 0 $?
same "verify chain: to the newest block" "$tip $root" "$(echo "$out" | jq -r '"\(.height) \(.state_root)"')"
# ---- a chain that goes on from this one (E9) ----
ended=$(echo "$out" | jq -c "{chain_id,height,block_hash:.hash,state_root}")
origin() { # origin FILTER: the successor's genesis, its origin changed by it
    jq --argjson o "$ended" \
        ".origin=[\$o]|$1" "$work/net/genesis.json" >"$work/successor.json"
}
origin .
expect "successor: its genesis names the newest block" "goes on from this block" \
    "$(verify "$archive" --successor "$work/successor.json")"
"$build/equity" trust --genesis "$work/successor.json" --out "$work/successor.trust" >"$work/successor.log" 2>&1
same "successor: it is another chain" "$(jq -r .chain_id "$work/successor.trust")" \
    "$(verify "$archive" --json --successor "$work/successor.json" | jq -r .successor)"
for change in height=\"1\" "state_root=\$o.block_hash" "block_hash=\$o.state_root"; do
    origin ".origin[0].$change"
    fails "successor: another ${change%%=*}" 65 "not the newest" \
        "$build/equity" verify chain "$archive" --successor "$work/successor.json"
done
origin ".origin[0].chain_id=\$o.state_root"
fails "successor: of another chain" 65 "goes on from another chain" \
    "$build/equity" verify chain "$archive" --successor "$work/successor.json"
fails "successor: of none" 65 "goes on from no other chain" \
    "$build/equity" verify chain "$archive" --successor "$work/net/genesis.json"
origin ".origin[0].chain_id=(\"0\"*64)"
fails "successor: an origin that is none" 65 "names no block of another chain" \
    "$build/equity" verify chain "$archive" --successor "$work/successor.json"
expect "verify chain: in parts, from different nodes" "Proven: the history" "$(verify "$work/first" "$work/second")"
fails "verify chain: the beginning is missing" 78 "begins at block 10" "$build/equity" verify chain "$work/second"
fails "verify chain: no file" 66 "No such file" "$build/equity" verify chain "$work/none"
block() { curl -s -m 5 -H 'Content-Type: application/json' "$(url 0)" \
    -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_getHeader\",\"params\":{\"height\":\"$1\"}}" | jq -r .result.hash; }
trust() { # trust PINNED_HEIGHT PINNED_HASH
    jq -n --arg c "$(status 0 chain_id)" --arg h "$1" --arg p "$2" \
        '{format:1,chain_id:$c,offset_ms:28800000,pinned:[{height:$h,hash:$p}]}' >"$work/trust.json"
}
trust 7 "$(block 7)"
expect "verify chain: trusted" "1 of the 1 blocks that the trust file names" "$(verify "$archive" --trust "$work/trust.json")"
trust 7 "$(block 8)"
fails "verify chain: another block is trusted" 65 "block 7: the trust file names another" \
    "$build/equity" verify chain "$archive" --trust "$work/trust.json"
trust 7 "$(block 7)"
jq '.pinned+=[{height:"99999999",hash:.pinned[0].hash}]' "$work/trust.json" >"$work/more.json"
expect "verify chain: trusted in part" "1 of the 2 blocks that the trust file names; the others come later" \
    "$(verify "$archive" --trust "$work/more.json")"
jq '.offset_ms=0' "$work/trust.json" >"$work/offset.json"
fails "verify chain: business dates by another offset" 78 "offset_ms of this chain's genesis is 28800000" \
    "$build/equity" verify chain "$archive" --trust "$work/offset.json"
"$build/equity" trust --node "$(url 0)" --out "$work/genesis-trust.json" 2>/dev/null
jq '.genesis.validators|=.[1:]' "$work/genesis-trust.json" >"$work/fewer.json"
fails "verify chain: other first validators" 78 "the validators of this chain's genesis are others" \
    "$build/equity" verify chain "$archive" --trust "$work/fewer.json"
expect "verify chain: a whole trust file" "1 of the 1 blocks" "$(verify "$archive" --trust "$work/genesis-trust.json")"
trust 99999999 "$(block 7)"
fails "verify chain: trust begins later" 78 "names none of the blocks" \
    "$build/equity" verify chain "$archive" --trust "$work/trust.json"

# ---- every kind of tampering is found, and where ----
spoilt() { # spoilt NAME WHAT HEIGHT WANTED
    python3 tests/e2e/spoil_archive.py "$archive" "$work/spoilt" "$2" "$3"
    fails "tampered: $1" 65 "$4" "$build/equity" verify chain "$work/spoilt"
    rm -f "$work/spoilt"
}
middle=$((tip / 2))
spoilt "a block is left out" drop $middle "block $middle: this is not the block that follows"
spoilt "two blocks are swapped" swap $middle "block $middle: this is not the block that follows"
spoilt "a certificate is one short" short $middle "block $middle: its certificate has not exactly a quorum"
spoilt "a signature stands twice" double $middle "block $middle: a signature of its certificate"
spoilt "another state root" state $middle "block $middle: a signature of its certificate"
spoilt "a transaction's signature" tx $tip "block $tip, transaction"
spoilt "another body" body $tip "block $tip"
spoilt "another genesis" genesis 0 "block 0: "
spoilt "an end of more blocks" end 0 "block $((tip + 1)): "
size=$(stat -c %s "$archive")
for at in 3 45 2000 $((size / 3)) $((size / 2)) $((size - 5000)) $((size - 40)); do
    cp "$archive" "$work/spoilt"
    b=$(xxd -s "$at" -l 1 -p "$work/spoilt")
    printf "%02x" $((0x$b ^ 4)) | xxd -r -p | dd of="$work/spoilt" bs=1 seek="$at" conv=notrunc status=none
    fails "a flipped byte at $at" 65 "Refuted: $work/spoilt: block " "$build/equity" verify chain "$work/spoilt"
done
head -c $((size / 2)) "$archive" >"$work/spoilt"
fails "an archive cut short" 65 "cut short here" "$build/equity" verify chain "$work/spoilt"

# ---- backups are checked before they are used ----
expect "verify-backup" "is whole: files, state root and totals, blocks" "$("$build/equityd" verify-backup "$work/early" 2>&1)"
"$build/equityd" verify-backup "$work/late" >/dev/null 2>&1
same "verify-backup: the second" 0 $?
cp -r "$work/late" "$work/bad"
digest=$(sed -n 's/.*manifest=\([0-9a-f]*\).*/\1/p' "$work/backup.log" | tail -n 1)
same "backup: says the digest of its manifest" "$digest" "$(sha256sum <"$work/late/MANIFEST" | cut -d' ' -f1)"
expect "verify-backup: says it too" "manifest=$digest" "$("$build/equityd" verify-backup "$work/late" 2>&1)"
file=$(ls -S "$work/bad/db/"*.sst | head -n 1)
printf 'x' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") / 2)) conv=notrunc status=none
fails "verify-backup: a changed byte" 65 "$(basename "$file")" "$build/equityd" verify-backup "$work/bad"
fails "verify-backup: no backup" 65 "there is no MANIFEST" "$build/equityd" verify-backup "$work/net"

# ---- pruning: only what the archive holds; the disk comes back ----
stop 2
# shellcheck disable=SC2046
prune() { "$build/equityd" prune $(conf 2) "$@"; }
python3 tests/e2e/spoil_archive.py "$archive" "$work/spoilt" body $((tip - 1))
fails "prune: an archive that is another" 65 "nothing was removed" prune --below "$tip" --archive "$work/spoilt"
fails "prune: an archive that begins later" 65 "begins after it" prune --below "$tip" --archive "$work/second"
fails "prune: an archive that ends before" 65 "ends before it" prune --below "$tip" --archive "$work/first"
fails "prune: the newest block stays" 78 "newest block's body stays" prune --below $((tip + 1)) --archive "$archive"
# a start and a stop bring what is in the log of writes into files
start 2 && ready 2 && stop 2
was=$(disk "$work/net/node2/db")
# killed at any instant: what is marked is whole, and the next run goes on
for ms in 0 4 8 15 25 40 60 80 100 130 170; do
    # shellcheck disable=SC2046
    "$build/equityd" prune $(conf 2) --below "$tip" --archive "$archive" >"$work/killed" 2>&1 &
    pruning=$!
    sleep "0.$(printf %03d $ms)"
    kill -9 $pruning 2>/dev/null
    wait $pruning 2>/dev/null
    grep -qs "broken" "$work/killed" && no "prune: killed after $ms ms" "$(tail -n 1 "$work/killed")"
done
out=$(prune --below "$tip" --archive "$archive" 2>&1)
same "prune: exit 0" 0 $?
expect "prune: says what is left" "earliest_body_height=$tip" "$out"
is=$(disk "$work/net/node2/db")
[ "$is" -lt $((was - size / 4)) ] && ok "prune: disk $was, then $is" || no "prune: disk $was, then $is"
# One that was killed between the mark and giving back the room has marked all:
# run again, there is nothing to remove, and the room comes back all the same.
expect "prune: again, it gives back what is left" "disk_after=" "$(prune --below "$tip" --archive "$archive" 2>&1)"
start 2
ready 2 && ok "prune: the node goes on" || no "prune: the node goes on"
same "prune: status names the earliest body" "$tip" "$(status 2 earliest_body_height)"
expect "prune: a body that is gone" "E_PRUNED" "$("$build/equity" block 5 --node "$(url 2)" 2>&1)"
expect "prune: an export from it" "from block $tip on" "$("$build/equity" export "$work/c" --node "$(url 2)" 2>&1)"
old=$("$build/equity" block $middle --json --node "$(url 0)" | jq -r '.transactions[0].id')
fails "prune: a receipt of what is gone" 66 "E_PRUNED: this node keeps bodies from block $tip on" \
    "$build/equity" receipt transaction "$old" --node "$(url 2)" --out "$work/gone.receipt"
# whose first event needs the salt of a transaction that is gone
holder=$("$build/equity" register show 100001 --json --node "$(url 0)" | jq -r '[.. | .account? // empty][0]')
fails "prune: a statement of what is gone" 66 "E_PRUNED" \
    "$build/equity" receipt statement 100001 "$holder" --node "$(url 2)" --out "$work/gone.receipt"
"$build/equity" receipt holding 100001 "$holder" --height $middle --node "$(url 2)" \
    --trust "$work/genesis-trust.json" --out "$work/holding.receipt" >/dev/null 2>&1
same "prune: a holding as it was is still proven" 0 $?
same "prune: the state as it was" 4 \
    "$("$build/equity" institution 1 --height 4 --json --node "$(url 2)" | jq -r .height)"
same "prune: the header of an old block" "$(block 5)" \
    "$(curl -s -m 5 -H 'Content-Type: application/json' "$(url 2)" \
        -d '{"jsonrpc":"2.0","id":1,"method":"chain_getHeader","params":{"height":"5"}}' | jq -r .result.hash)"

# ---- restore: with its own journal it votes on, without one it observes ----
stop 1
# shellcheck disable=SC2046
restore() { "$build/equityd" restore $(conf 1) --from "$1"; }
fails "restore: nothing is written over" 78 "there is a database" restore "$work/early"
mv "$work/net/node1/db" "$work/db.lost"
fails "restore: a backup that is damaged" 65 "not to be used" restore "$work/bad"
same "restore: then there is still no database" "" "$(ls "$work/net/node1/db" 2>/dev/null)"
expect "restore" "restored: run the node" "$(restore "$work/early" 2>&1)"
start 1
reaches 1 "$tip" && ok "restored: it gets the blocks since" || no "restored: it gets the blocks since" "$(tail -n 2 "$work/net/node1.log")"
same "restored: the same state" "$root" "$(status 1 state_root)"
ready 1 && ok "restored: with its own journal it is a validator" || no "restored: with its own journal it is a validator"
stop 1
mv "$work/net/node1/db" "$work/db.lost2"
mv "$work/net/node1/journal" "$work/journal.lost"
restore "$work/late" >>"$work/restore.log" 2>&1
same "restore without a journal: exit 0" 0 $?
start 1
reaches 1 "$tip" && same "restored without: the same state" "$root" "$(status 1 state_root)"
expect "restored without: it observes only" "this node observes only" "$(grep observes "$work/net/node1.log")"
out=$("$build/equity" tx authority_set --node "$(url 0)" --wallet "$work/net/wallet" \
    --passphrase-file "$work/net/passphrase" --code COURT-Q --type court --superior COURT-HIGH 2>&1)
expect "the others go on" "final at height" "$out"
reaches 1 $((tip + 1)) && ok "an observer follows" || no "an observer follows"

# ---- import: a fresh directory; the rest comes from the others, of which one has
# no old bodies ----
stop 3
mkdir -p -m 700 "$work/fresh/keys"
cp "$work/net/node3/keys/"* "$work/fresh/keys"
# shellcheck disable=SC2046
import() { "$build/equityd" import $(conf 3) --node-dir "$work/fresh" "$@"; }
fails "import: a tampered archive" 65 "block $((tip - 1))" import "$work/spoilt"
fails "import: the rest of the same" 66 "cannot be opened" import "$work/none"
expect "import: taken up again" "all blocks checked and written" "$(import "$work/first" 2>&1)"
fails "import: only a fresh directory" 78 "has a vote journal" import "$archive"
start 3 --node-dir "$work/fresh"
reaches 3 $((tip + 1)) && ok "imported: the rest comes by block sync" || no "imported: the rest comes by block sync" "$(tail -n 2 "$work/net/node3.log")"
same "imported: the same state" "$(status 0 state_root)" "$(status 3 state_root)"
expect "imported: its votes are not known, it observes" "this node observes only" "$(grep observes "$work/net/node3.log")"
result
