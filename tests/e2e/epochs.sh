#!/usr/bin/env bash
# epochs.sh BUILD: the set of validators changes under load, with real processes.
# Every case says what it expects; the last line counts them.
set -u
cd "$(dirname "$0")/../.."
port_offset=650
. tests/e2e/lib.sh
export EQUITYD_NODE_SNAPSHOT_BLOCKS=20

finish() {
    exec 9>&- # the load ends with its input
    for p in "$work"/net/*.pid; do
        [ -f "$p" ] && kill -9 "$(cat "$p")" 2>/dev/null
    done
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

wallet="--wallet $work/net/wallet --passphrase-file $work/net/passphrase"
stop() { # stop NODE, by kill -9
    kill -9 "$(cat "$work/net/node$1.pid")" 2>/dev/null
    wait "$(cat "$work/net/node$1.pid")" 2>/dev/null
}
until_is() { # until_is SECONDS NODE FIELD VALUE
    for _ in $(seq 1 $(($1 * 10))); do
        [ "$(status "$2" "$3")" = "$4" ] && return 0
        sleep 0.1
    done
    return 1
}
becomes() { # becomes NAME SECONDS NODE FIELD VALUE
    if until_is "$2" "$3" "$4" "$5"; then ok "$1"; else
        no "$1" "$(rpc "$3" node_status '{}' | cut -c1-600)"
    fi
}
all_become() { # all_become NAME SECONDS FIELD VALUE NODE...
    name=$1 seconds=$2 field=$3 value=$4
    shift 4
    for i in "$@"; do
        until_is "$seconds" "$i" "$field" "$value" || {
            no "$name" "node$i: $(rpc "$i" node_status '{}' | cut -c1-600)"
            return
        }
    done
    ok "$name"
}
roots_equal() { # roots_equal NAME NODE...
    name=$1
    shift
    for _ in $(seq 1 150); do
        first=$(root "$1") all=yes
        for i in "$@"; do [ "$(root "$i")" = "$first" ] || all=no; done
        [ -n "$first" ] && [ $all = yes ] && { ok "$name"; return; }
        sleep 0.2
    done
    no "$name" "$(for i in "$@"; do root "$i"; done | tr '\n' ';')"
}

# ---- keys, directories, transactions ----
public() { # public DIR LABEL
    "$build/equity" keys list --dir "$1" | awk -v l="$2" '$1 == l { print $(NF - 1) }'
}
new_key() { # new_key DIR LABEL [flags]
    dir=$1 label=$2
    shift 2
    "$build/equity" keys new "$label" --dir "$dir" \
        --passphrase-file "$work/net/passphrase" "$@" >/dev/null
}
# Keys and configuration of one that is not in the genesis.  It knows where the
# validators of the genesis are, and of which institutions besides.
make_node() { # make_node NODE [INSTITUTION=NODE ...]
    mkdir -p -m 700 "$work/net/node$1" "$work/net/node$1/keys"
    new_key "$work/net/node$1/keys" consensus
    new_key "$work/net/node$1/keys" transport --transport
    sed "s|/node0|/node$1|; s|127.0.0.1:$((port + 100))|127.0.0.1:$((port + 100 + $1))|
         s|^listen = 127.0.0.1:$port|listen = 127.0.0.1:$((port + $1))|" \
        "$work/net/node0.ini" >"$work/net/node$1.ini"
    file=$work/net/node$1.ini
    shift
    for other in "$@"; do
        echo "institution.${other%=*} = 127.0.0.1:$((port + ${other#*=}))" >>"$file"
    done
}
node_of() { # node_of INSTITUTION NODE...: which of these validates for it
    index=$(rpc 0 node_peers '{}' |
        jq -r ".result.peers[]|select(.institution==$1 and .role==\"validator\")|.validator")
    shift
    for i in "$@"; do [ "$(status "$i" validator)" = "$index" ] && echo "$i"; done
}
announce() { # announce NODE INSTITUTION
    keys=$work/net/node$1/keys
    spki=$(echo "302a300506032b6570032100$(public "$keys" transport)" |
        xxd -r -p | sha256sum | cut -d' ' -f1)
    "$build/equity" tx validator_announce $wallet --node "$(url 0)" \
        --institution "$2" --number "$2" \
        --key "$(public "$keys" consensus)" --spki-hash "$spki" 2>&1
}
ready_is_said() { # ready_is_said INSTITUTION: the candidate said READY
    for _ in $(seq 1 600); do
        h=$(rpc 0 candidate_get "{\"institution\":$1}" |
            jq -r '.result.candidate.ready_height')
        [ -n "$h" ] && [ "$h" != null ] && [ "$h" != 0 ] && return 0
        sleep 0.1
    done
    return 1
}
change() { # change FILE [flags of gov change]: prepared and signed
    file=$1
    shift
    "$build/equity" gov change $wallet --node "$(url 0)" --out "$file" "$@" 2>&1
}
submit() { "$build/equity" tx submit "$1" --node "$(url "${2:-0}")" 2>&1; }

"$build/equity" devnet --dir "$work/net" --base-port "$port" >"$work/devnet" 2>&1 &
devnet=$!
for _ in $(seq 1 300); do grep -q running "$work/devnet" && break; sleep 0.1; done
kill -TERM $devnet && wait $devnet
expect "four nodes" "stopped" "$(cat "$work/devnet")"
for i in 0 1 2 3; do start $i; done
all_become "all are ready" 30 ready true 0 1 2 3

# Transfers, ten a second; what was called final is written down.
mkfifo "$work/load.in"
"$build/tests/chaos/load" "$work/net" "$work/acks" 10 "=$(url 0)" "=$(url 2)" \
    <"$work/load.in" >"$work/load.out" 2>&1 &
load=$!
exec 9>"$work/load.in"
finals() { wc -l <"$work/acks" 2>/dev/null || echo 0; }
for _ in $(seq 1 300); do [ "$(finals)" -gt 5 ] && break; sleep 0.1; done
[ "$(finals)" -gt 5 ] && ok "transfers flow" || no "transfers flow" "$(cat "$work/load.out")"
goes_on() { # goes_on NAME
    before=$(finals)
    for _ in $(seq 1 200); do
        [ "$(finals)" -gt $((before + 10)) ] && { ok "$1"; return; }
        sleep 0.1
    done
    no "$1" "$(cat "$work/load.out")"
}

# ---- a fifth joins ----
for role in maker checker operator; do new_key "$work/net/wallet" "inst5-$role"; done
w=$work/net/wallet
expect "a fifth institution" "final at height" "$("$build/equity" tx institution_open \
    $wallet --node "$(url 0)" --number 5 --code CUSTODY-5 --roles registrar --keys \
    "[{\"key\":\"$(public "$w" inst5-maker)\",\"roles\":[\"maker\"]},
      {\"key\":\"$(public "$w" inst5-checker)\",\"roles\":[\"checker\"]},
      {\"key\":\"$(public "$w" inst5-operator)\",\"roles\":[\"operator\"]}]" 2>&1)"
make_node 4
expect "init for a key that is not in the genesis" "is not in the genesis" \
    "$("$build/equityd" init --config "$work/net/node4.ini" 2>&1)"
start 4
refused() { grep -q "neither a validator nor announced" "$work"/net/node[0-3].log; }
until_true 60 refused
until_true 60 eval '[ "$(status 4 peers_up)" = 0 ]'
same "who is not announced is not let in" 0 "$(status 4 peers_up)"
expect "the others say why" "neither a validator nor announced" "$(cat "$work"/net/node[0-3].log)"
stop 4
expect "its institution announces it" "final at height" "$(announce 4 5)"
out=$(change "$work/early.hex" --join 5)
expect "who has not said READY does not join" E_NOT_READY "$out"
start 4
becomes "a candidate" 30 4 role candidate
becomes "it follows, and is in step" 60 4 synced true
ready_is_said 5 && ok "it says READY" || no "it says READY"
expect "it is not ready to vote" "not in the set of validators yet" "$(curl -s "$(url 4)/readyz")"
expect "metrics show the epoch" "equity_epoch 0" "$(curl -s "$(url 4)/metrics")"

out=$(change "$work/thin.hex" --leave 2)
expect "a change that is too thin shows its margin" "margin -1" "$out"
expect "and is refused" E_MARGIN "$out"

expect "a change is prepared" "margin 0" "$(change "$work/join.hex" --join 5)"
expect "five validators" "final at height" "$(submit "$work/join.hex")"
all_become "epoch 1 at all five" 30 epoch 1 0 1 2 3 4
becomes "the fifth is a validator" 10 4 role validator
all_become "all are ready" 30 ready true 0 1 2 3 4
goes_on "transfers go on in epoch 1"

# ---- node 3 is away while two epochs pass ----
stop 3
# A key is rotated: a second process with a new key for an institution of the
# others, while the old one goes on.
old=$(node_of 2 0 1 2 3)
[ "$old" = 3 ] && rotated=1 || rotated=2
old=$(node_of $rotated 0 1 2)
make_node 5 5=4
expect "an institution announces its new key" "final at height" "$(announce 5 $rotated)"
"$build/equityd" init --config "$work/net/node5.ini" >"$work/init5.log" 2>&1
start 5
becomes "the new key is in step" 60 5 synced true
ready_is_said $rotated && ok "the new key says READY" || no "the new key says READY"
out=$(change "$work/rotate.hex" --leave $rotated --join $rotated)
expect "a rotation keeps the margin" "margin 0" "$out"
# One node is killed while the block that seals the epoch is made.
submit "$work/rotate.hex" 2 >"$work/rotate.out" &
sender=$!
sleep 0.$((RANDOM % 3))$((RANDOM % 10))
stop 4
start 4 # without it there is no quorum, and the sender may wait in vain
wait $sender
expect "the key is rotated" "final at height" "$(cat "$work/rotate.out")"
all_become "epoch 2, killed amid the seal or not" 60 epoch 2 0 1 2 4 5
becomes "the new key votes" 20 5 role validator
becomes "the old key observes" 20 "$old" role observer
same "the old key is in no set" -1 "$(status "$old" validator)"
all_become "the five of epoch 2 that run are ready" 30 ready true $(for i in 0 1 2; do [ $i = "$old" ] || echo $i; done) 4 5
goes_on "transfers go on in epoch 2"

# ---- one leaves: E10 leavers serve ----
leaver=$(node_of 5 4)
out=$(change "$work/leave.hex" --leave 5)
expect "a leave keeps the margin" "margin 0" "$out"
expect "the fifth leaves" "final at height" "$(submit "$work/leave.hex")"
all_become "epoch 3 where it must be" 60 epoch 3 0 1 2 4 5
becomes "who has left observes" 20 "$leaver" role observer
goes_on "transfers go on in epoch 3"

# ---- node 3 comes back ----
start 3
becomes "who was away for two epochs is there" 60 3 epoch 3
becomes "and votes" 60 3 ready true
expect "it was told what ended each epoch" "epoch=2" "$(grep "a new epoch begins" "$work/net/node3.log")"

# ---- all are killed at once, also amid an epoch's first views ----
for i in 0 1 2 3 4 5; do stop $i; done
for i in 0 1 2 3 4 5; do start $i; done
members=$(for i in 0 1 2 3; do [ $i = "$old" ] || echo $i; done; echo 5)
all_become "all were killed: epoch 3 again" 60 epoch 3 $members
all_become "and ready" 60 ready true $members
goes_on "transfers go on"

# ---- node 3 loses its database: a snapshot leads through three epochs ----
stop 3
rm -rf "$work/net/node3/db" "$work/net/node3/snapshots"
"$build/equityd" init --config "$work/net/node3.ini" >>"$work/net/node3.log" 2>&1
"$build/equityd" run --config "$work/net/node3.ini" --node-sync snapshot \
    >>"$work/net/node3.log" 2>&1 9>&- &
echo $! >"$work/net/node3.pid"
becomes "who begins with a snapshot is in epoch 3" 60 3 epoch 3
becomes "and votes by the journal it has" 60 3 ready true
expect "it began with a snapshot" "all rows of the snapshot are here" "$(cat "$work/net/node3.log")"
expect "of epoch 3" "epoch 3" "epoch $(rpc 3 chain_getHeader \
    "{\"height\":\"$(status 3 earliest_state_height)\"}" | jq -r .result.header.epoch)"
becomes "its history is filled in" 60 3 earliest_height 0
"$build/equityd" backup --config "$work/net/node3.ini" --to "$work/backup3" >"$work/backup3.log" 2>&1
"$build/equityd" verify-backup "$work/backup3" >>"$work/backup3.log" 2>&1
same "a backup of it is verified through all epochs" 0 $?
goes_on "transfers go on with it"

# ---- a set shrinks when those who stay have shown that they live ----
goer=1
[ "$rotated" != 1 ] || goer=2
leaver=$(node_of $goer $members)
out=$(change "$work/shrink.hex" --leave $goer)
expect "four do not become three while one may be down" "margin -1" "$out"
for i in $members; do
    [ "$i" = "$leaver" ] || "$build/equityd" ready --config "$work/net/node$i.ini" ||
        no "node$i is asked to say READY"
done
for _ in $(seq 1 300); do
    out=$(change "$work/shrink.hex" --leave $goer)
    case "$out" in *"margin 0"*) break ;; esac
    sleep 0.1
done
expect "they do when the three are ready" "3 of those who stay are ready" "$out"
expect "none of them may be down" "3 stay - 0 that may be down + 0 join = 3" "$out"
expect "gov show tells who is ready" "blocks ago, software 1.0.0" \
    "$("$build/equity" gov show --node "$(url 5)" | grep "validator of")"
expect "one leaves" "final at height" "$(submit "$work/shrink.hex" 5)"
members=$(for i in $members; do [ "$i" = "$leaver" ] || echo "$i"; done)
all_become "three validators: epoch 4" 60 epoch 4 $members
goes_on "transfers go on in epoch 4"

# ---- parameters change with an epoch (E13) ----
shared=$(rpc 5 params_get '{}' | jq -c .result.shared.params)
wanted=$(echo "$shared" | jq -c '.t_leader_ms=300|.t_view_ms=600')
expect "a parameter out of its range" E_PARAMS "$("$build/equity" tx params_change $wallet \
    --node "$(url 5)" --params "$(echo "$shared" | jq -c '.t_leader_ms=5')" --simulate 2>&1)"
expect "parameters change" "final at height" "$("$build/equity" tx params_change $wallet \
    --node "$(url 5)" --params "$wanted" 2>&1)"
all_become "the same three: epoch 5" 60 epoch 5 $members
same "the parameters are in force" "$wanted" "$(rpc 5 params_get '{}' | jq -c .result.shared.params)"
first=$(echo "$members" | head -n 1)
stop "$first"
start "$first"
becomes "who comes back has them" 60 "$first" ready true
goes_on "transfers go on in epoch 5"

exec 9>&-
wait $load
expect "the load ends" "acknowledged=" "$(cat "$work/load.out")"
roots_equal "roots are equal" $members
lost=0
for id in $(cat "$work/acks"); do
    rpc 5 tx_get "{\"id\":\"$id\"}" | grep -q FINAL || lost=$((lost + 1))
done
same "nothing that was final is lost ($(finals) transfers)" 0 "$lost"
result
