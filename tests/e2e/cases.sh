#!/usr/bin/env bash
# cases.sh BUILD [CASE ...]: worked cases of the register, the same files that
# the rules pass alone (tests/golden/ledger), through four real nodes by the
# command line.  Each operation is signed by all who must and submitted to one
# node; what is expected is asked of all four.  Its day is the network's.
set -u
cd "$(dirname "$0")/../.."
build=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- W14 W16 W34
export LC_ALL=C.UTF-8
work=$(mktemp -d /tmp/equity-cases-XXXXXX)
port=${CASES_PORT:-17900}
passed=0 failed=0 devnet=

finish() {
    [ -n "$devnet" ] && kill "$devnet" 2>/dev/null && wait "$devnet" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
no() { failed=$((failed + 1)); echo "FAIL $case:$line: $1"; }
url() { echo "http://127.0.0.1:$((port + 100 + $1))"; }
rpc() { # rpc NODE METHOD PARAMS
    curl -s -m 20 -H 'Content-Type: application/json' "$(url "$1")" \
        -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$2\",\"params\":$3}"
}
hash() { printf %s "$1" | sha256sum | cut -c1-64; } # a document, by its name

# ---- accounts: a key each, in a wallet of its own ----
declare -A id secret
wallet_of() { # wallet_of NAME ...: the registrar's keys and those of the names
    rm -rf "$work/wallet"
    mkdir -m 700 "$work/wallet"
    [ "$with_checker" = yes ] && cp "$work/net/wallet/inst1-checker.key" "$work/wallet"
    cp "$work/net/wallet/inst1-maker.key" "$work/wallet"
    for w; do cp "$work/keys/${secret[$w]}.key" "$work/wallet"; done
}
equity() { # equity OPERATION flags: the transaction's bytes, signed as far as the wallet goes
    "$build/equity" tx "$@" --node "$(url 0)" --wallet "$work/wallet" \
        --passphrase-file "$work/net/passphrase" --partial --out "$work/tx.hex"
}
# The verdict: OK, or the name of the refusal; have and need beside it.
submit() {
    local tx answer state
    tx=$(cat "$work/tx.hex")
    answer=$(rpc 0 tx_simulate "{\"tx\":\"$tx\"}")
    have=$(jq -r '.result.have // ""' <<<"$answer")
    need=$(jq -r '.result.need // ""' <<<"$answer")
    verdict=$(jq -r '.result.name // "none"' <<<"$answer")
    answer=$(rpc 0 tx_submit "{\"tx\":\"$tx\"}")
    if [ "$verdict" = OK ]; then
        state=$(rpc 0 tx_wait "{\"id\":\"$(jq -r .result.id <<<"$answer")\"}")
        height=$(jq -r '.result.height // empty' <<<"$state")
        [ "$(jq -r .result.state <<<"$state")" = FINAL ] || verdict=$state
    elif [ "$(jq -r '.error.data.name' <<<"$answer")" != "$verdict" ]; then
        verdict="$verdict simulated, $answer submitted"
    fi
}
account() { # account NAME: opens it when its name is first used
    local label public nonce
    [ -n "${id[$1]:-}" ] && return
    label=${case,,}-$((${#id[@]} + 1))
    nonce=$(hash "$case $1" | cut -c1-32)
    "$build/equity" keys new "$label" --dir "$work/keys" \
        --passphrase-file "$work/net/passphrase" >"$work/key.out" || return
    public=$(awk '{ print $3 }' "$work/key.out")
    secret[$1]=$label
    with_checker=yes
    wallet_of "$1"
    equity account_open --custodian 1 --nonce "$nonce" --threshold 1 \
        --keys "[{\"key\":\"$public\"}]" --identity "$(hash "$nonce$1")" \
        --subject-tag "$(hash "$case tag $1")" --document "$(hash agreement)"
    submit
    [ "$verdict" = OK ] || no "account $1: $verdict"
    id[$1]=$(rpc 0 events_list '{"limit":"1000"}' |
        jq -r '[.result.events[]|select(.kind=="account_opened")][-1].account')
}

# ---- the words of a case ----
little() { printf "%0$((2 * $1))x" "$2" | fold -w2 | tac | tr -d '\n'; }
sha() { xxd -r -p | sha256sum | cut -c1-64; }
merkle() { # RFC 9162, of leaf hashes
    [ $# = 1 ] && { echo "$1"; return; }
    local k=1
    while [ $((2 * k)) -lt $# ]; do k=$((2 * k)); done
    echo "01$(merkle "${@:1:k}")$(merkle "${@:$((k + 1))}")" | sha
}
is_account() { # of a freeze and a qualification, from and to are days
    case ${op:-}:$1 in freeze_*:from | freeze_*:to | account_qualify:from | account_qualify:to) return 1 ;; esac
    case $1 in account | from | to | pledgor | pledgee | party | creditor | issuer) ;; *) false ;; esac
}
value() { # value FIELD TEXT
    if is_account "$1"; then
        account "$2"
        printf %s "${id[$2]}"
    elif [ "$2" = none ]; then
        case $1 in *_day | from | to | term_end | until) printf '' ;; *) printf '0%.0s' $(seq 64) ;; esac
    else
        case $1 in
        document | payment | proceeds | consent | court_consent) hash "$2" ;;
        quantity) [ "$2" = max ] && printf 9223372036854775807 || printf %s "$2" ;;
        authority) printf %s "${court[$2]}" ;;
        *) printf %s "$2" ;;
        esac
    fi
}
# deed parts S:2000,S:1334:pledge=1 as JSON
parts() {
    local part first out=
    for part in ${1//,/ }; do
        IFS=: read -r -a item <<<"$part"
        account "${item[0]}"
        first="{\"to\":\"${id[${item[0]}]}\",\"quantity\":\"${item[1]}\""
        p=0 z=0
        for extra in "${item[@]:2}"; do
            case $extra in pledge=*) p=${extra#*=} ;; freeze=*) z=${extra#*=} ;; esac
        done
        out="$out${out:+,}$first,\"pledge\":\"$p\",\"freeze\":\"$z\"}"
    done
    printf '[%s]' "$out"
}
declare -A court=([COURT-A]=COURT-DISTRICT-1 [COURT-B]=COURT-DISTRICT-2 [COURT-HIGH]=COURT-HIGH)
# What a statement need not say, by operation.
defaults() {
    case $1 in
    transfer) echo "price_fen=100 payment=payment document=document" ;;
    transfer_pledged) echo "price_fen=100 payment=payment proceeds=proceeds document=document" ;;
    transfer_deed) echo "document=document" ;;
    pledge_create) echo "secured_fen=100 covers_fruits=true document=document" ;;
    freeze_create) echo "authority=COURT-A service_ms=$now from=$today to=$(date -u -d "$today +364 days" +%F) document=document case_commitment=$(hash case)" ;;
    freeze_release) echo "authority=COURT-A document=document" ;;
    *) echo "document=document" ;;
    esac
}

judge() { # judge WANTED have=N need=N: against the verdict of the last submission
    local wanted=${1:-OK}
    shift
    [ "$verdict" = "$wanted" ] || { no "$verdict where $wanted was expected"; return; }
    for w; do
        [ "$w" = "have=$have" ] || [ "$w" = "need=$need" ] || no "$w, not have=$have need=$need"
    done
    passed=$((passed + 1))
}
operation() { # operation NAME field=value ... [-> VERDICT have=N]
    local op=$1 flags=() names=() left= selector= pair k v
    shift
    declare -A field=()
    for pair in $(defaults "$op"); do field[${pair%%=*}]=${pair#*=}; done
    with_checker=yes
    while [ $# -gt 0 ] && [ "$1" != '->' ]; do
        k=${1%%=*} v=${1#*=}
        case $k in
        without) left=$v ;;
        selector.pledge) selector="{\"nature\":255,\"pledge\":\"$v\",\"freeze\":\"0\"}" ;;
        selector.freeze) selector="{\"nature\":255,\"pledge\":\"0\",\"freeze\":\"$v\"}" ;;
        *) field[$k]=$v ;;
        esac
        shift
    done
    [ $# -gt 0 ] && shift
    for k in "${!field[@]}"; do
        v=${field[$k]}
        if [ "$k" = parts ]; then
            parts "$v" >"$work/value" || return
        else
            value "$k" "$v" >"$work/value" || return
            is_account "$k" && names+=("$v")
        fi
        flags+=("--${k//_/-}" "$(cat "$work/value")")
    done
    [ -n "$selector" ] && flags+=(--selector "$selector")
    # who signs by virtue of the pledge: every creditor of the case may
    for k in "${!id[@]}"; do
        case " ${names[*]} " in *" $k "*) ;; *) case $k in Bank | Other | Second) names+=("$k") ;; esac ;; esac
    done
    declare -a signers=()
    for k in "${names[@]}"; do [ "$k" = "$left" ] || signers+=("$k"); done
    [ "$left" = checker ] && with_checker=no
    wallet_of "${signers[@]}"
    equity "$op" --security "$prefix.$security" "${flags[@]}" || { no "$op cannot be built"; return; }
    submit
    judge "$@"
}
register() { # register NAME=N ...
    local leaves=() lines= sum=0 pair q code="$prefix.$security"
    for pair; do
        account "${pair%%=*}"
        q=${pair#*=}
        sum=$((sum + q))
        leaves+=("$(echo "00${id[${pair%%=*}]}00$(little 8 "$q")$(little 4 "$day")" | sha)")
        lines="$lines${lines:+,}{\"account\":\"${id[${pair%%=*}]}\",\"nature\":0,\"quantity\":\"$q\",\"acquired\":\"$today\"}"
    done
    with_checker=yes
    wallet_of Issuer
    equity register_open --security "$code" --issued "$sum" --line-count $# \
        --root "$(merkle "${leaves[@]}")" --document "$(hash resolution)" && submit && judge OK
    equity register_lines --security "$code" --first 0 --lines "[$lines]" && submit && judge OK
    equity register_confirm --security "$code" --document "$(hash list)" && submit && judge OK
}
security() { # security CODE field=value
    local code=$1 flags=() k v
    shift
    security=$code
    account Issuer
    local cap=200
    for pair; do
        k=${pair%%=*} v=${pair#*=}
        [ "$k" = cap ] && cap=$v && continue
        flags+=("--${k//_/-}" "$v")
    done
    with_checker=yes
    wallet_of Issuer
    equity security_create --code "$prefix.$code" --issuer "${id[Issuer]}" --registrar 1 \
        --holder-cap "$cap" --document "$(hash custody)" "${flags[@]}" && submit && judge OK
}

# ---- what is expected, of all four nodes ----
position='
 def sum(f): [.segments[]|select(f)|.quantity|tonumber]|add // 0;
 .result.holding // {segments: [], freezes: []} |
 {T: sum(true),
  F: sum((.pledges|length) == 0 and .freeze == "0" and .lock_until == "" and .trade_day == ""),
  P: sum((.pledges|length) > 0 and .freeze == "0"),
  Z: sum((.pledges|length) == 0 and .freeze != "0"),
  PZ: sum((.pledges|length) > 0 and .freeze != "0"),
  T5: sum((.pledges|length) == 0 and .freeze == "0" and .lock_until == "" and .trade_day != ""),
  L: sum((.pledges|length) == 0 and .freeze == "0" and .lock_until != ""),
  queued: ([.freezes[].queued|tonumber]|add // 0)}'
ask() { # ask NODE WHAT NUMBER: the row as JSON
    local code="$prefix.$security" at=",\"min_height\":\"${height:-0}\""
    case $2 in
    security) rpc "$1" security_get "{\"security\":\"$code\"$at}" | jq .result.security ;;
    pledge) rpc "$1" pledge_get "{\"security\":\"$code\",\"number\":\"$3\"$at}" | jq .result.pledge ;;
    freeze) rpc "$1" freeze_list "{\"security\":\"$code\"$at}" |
        jq ".result.freezes[]|select(.number==\"$3\")" ;;
    *) rpc "$1" holding_get "{\"security\":\"$code\",\"account\":\"${id[$2]}\"$at}" | jq "$position" ;;
    esac
}
short() { case $1 in cap) echo holder_cap ;; holders) echo holder_count ;; *) echo "$1" ;; esac; }
wait_height() { # until the node has the block of the last operation
    for _ in $(seq 1 200); do
        [ "$(rpc "$1" chain_getHeader '{}' | jq -r '.result.header.height // 0')" -ge "${height:-0}" ] && return
        sleep 0.05
    done
}
expect() {
    local what=$1 number= row n pair k v is
    shift
    case $what in pledge | freeze) number=$1; shift ;; security) ;; *) account "$what" ;; esac
    for n in 0 1 2 3; do
        wait_height "$n"
        row=$(ask "$n" "$what" "$number")
        for pair; do
            k=$(short "${pair%%=*}") v=${pair#*=}
            case $k in
            of.*) is=$(jq -r "[.pledgors[]|select(.account==\"${id[${k#of.}]}\").outstanding|tonumber]|add // 0" <<<"$row") ;;
            account) v=${id[$v]} is=$(jq -r .account <<<"$row") ;;
            authority) v=${court[$v]} is=$(jq -r .authority <<<"$row") ;;
            *) is=$(jq -r ".$k" <<<"$row") ;;
            esac
            [ "$is" = "$v" ] || { no "node$n: $what $number has $k=$is, not $v"; continue; }
            passed=$((passed + 1))
        done
    done
}

# ---- a network, and the cases one after another ----
case=start line=0
"$build/equity" devnet --dir "$work/net" --base-port "$port" >"$work/log" 2>&1 &
devnet=$!
for _ in $(seq 1 300); do
    grep -q running "$work/log" && curl -s -f -m 2 "$(url 3)/readyz" >/dev/null && break
    sleep 0.1
done
mkdir -m 700 "$work/keys"
height=0 now=$(($(date +%s) * 1000 - 60000))
# The business date is eight hours ahead of UTC, as in the genesis.
today=$(date -u -d '+8 hours' +%F)
day=$(($(date -u -d "$today" +%s) / 86400))
for case; do
    id=() secret=() line=0 before=$failed prefix=${case^^}
    while read -r text; do
        line=$((line + 1))
        text=${text%%#*}
        read -r -a word <<<"$text"
        [ ${#word[@]} -gt 0 ] || continue
        case ${word[0]} in
        date) ;; # its day is today
        security) security "${word[@]:1}" ;;
        register) register "${word[@]:1}" ;;
        expect) expect "${word[@]:1}" ;;
        *) operation "${word[@]}" ;;
        esac
    done <"tests/golden/ledger/$case.case"
    roots=$(for n in 0 1 2 3; do wait_height "$n"; rpc "$n" chain_getHeader "{\"height\":\"$height\"}" |
        jq -r .result.header.state_root; done | sort -u | wc -l)
    [ "$roots" = 1 ] || no "four nodes, $roots roots at height $height"
    [ "$failed" != "$before" ] || echo "ok   $case through four nodes, $line lines"
done
echo "cases: $passed checks, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
