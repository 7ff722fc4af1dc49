#!/usr/bin/env bash
# run.sh BUILD: the main job and the fault list with real processes.
# Every case says what it expects; the last line counts them.
set -u
cd "$(dirname "$0")/../.."
. tests/e2e/lib.sh
mounted=

finish() {
    for p in "$work"/net/node*.pid; do
        [ -f "$p" ] && kill -9 "$(cat "$p")" 2>/dev/null
    done
    [ -n "$mounted" ] && { sleep 0.3; umount -l "$mounted" 2>/dev/null; }
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

# ---- registers that must be refused, nothing sent ----
csv() { # csv NAME WANTED LINES...
    name=$1 wanted=$2
    shift 2
    printf '%b\n' "$@" >"$work/bad.csv"
    out=$("$build/equity" register import "$work/bad.csv" --check 2>&1)
    code=$?
    same "csv $name: exit 65" 65 "$code"
    expect "csv $name: file, line, reason" "$wanted" "$out"
}
H='证券代码,股东名称,证件类型,证件号码,持股数量,股份性质,取得日期'
L='100001,张三,居民身份证,A1,100,0,2020-01-01'
csv "missing column" "bad.csv:1: column 持股数量 is missing" \
    '证券代码,股东名称,证件类型,证件号码,股份性质,取得日期' "$L"
csv "duplicate holder" "bad.csv:3: the same holder stands in line 2" "$H" "$L" "$L"
csv "wrong sum" "bad.csv:3: 合计 is not the sum" "$H" "$L" ',合计,,,99,,'
csv "negative quantity" "bad.csv:2: 持股数量" "$H" "${L/100,0/-100,0}"
csv "fractional quantity" "bad.csv:2: 持股数量" "$H" "${L/100,0/1.5,0}"
csv "bad date" "bad.csv:2: 取得日期" "$H" "${L/2020-01-01/2020-02-30}"
csv "invalid text" "bad.csv:2: not UTF-8" "$H" '100001,\xff\xff\x81,居民身份证,A1,100,0,2020-01-01'
csv "unclosed quote" "a quoted field does not end" "$H" '100001,"张三'

# ---- the main job ----
out=$("$build/equity" demo --leave --dir "$work/net" --base-port "$port" 2>"$work/demo.err")
expect "main job ends with its line" "main job done: nodes=4 height=" "$out"
expect "main job refused what it must" "refused=3" "$out"
expect "main job: three securities" "securities=3 positions=638" "$out"

# ---- a client that sends garbage ----
post() { curl -s -m 5 -H "Content-Type: ${2:-application/json}" -d "$1" "$(url 0)"; }
expect "rpc: not JSON" '-32700' "$(post '{')"
expect "rpc: empty batch" '-32600' "$(post '[]')"
expect "rpc: unknown method" '-32601' "$(post '{"jsonrpc":"2.0","id":1,"method":"x"}')"
expect "rpc: unknown parameter" 'params.foo' \
    "$(rpc 0 node_status '{"foo":1}')"
expect "rpc: a list of nothing" 'params.limit' \
    "$(rpc 0 register_list '{"security":"100001","limit":"0"}')"
expect "rpc: events by two filters" 'params.account' \
    "$(rpc 0 events_list "{\"security\":\"100001\",\"account\":\"$(printf '0%.0s' $(seq 64))\"}")"
expect "rpc: duplicate member" '-32700' "$(post '{"jsonrpc":"2.0","id":1,"id":2,"method":"node_status"}')"
expect "rpc: too deep" '-32700' "$(post "$(printf '[%.0s' $(seq 1 40))")"
same "rpc: wrong content type" 415 "$(curl -s -o /dev/null -w '%{http_code}' -d '{}' "$(url 0)")"
same "rpc: GET" 405 "$(curl -s -o /dev/null -w '%{http_code}' "$(url 0)/")"
same "rpc: foreign Host" 403 "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example' "$(url 0)/livez")"
same "rpc: chunked request" 501 "$(curl -s -o /dev/null -w '%{http_code}' -H 'Transfer-Encoding: chunked' -H 'Content-Type: application/json' -d '{}' "$(url 0)")"
expect "rpc: discovery lists the operations" 'op_freeze_create' "$(rpc 0 rpc.discover '{}')"

snapshot() { "$build/equity" snapshot 100001 --json --node "$(url "$1")" | jq -r .root; }
same "rpc: two nodes have one snapshot root" "$(snapshot 0)" "$(snapshot 3)"
expect "rpc: no snapshot of an unknown security" 'NOT_FOUND' \
    "$(rpc 0 security_snapshot '{"security":"NONE"}')"
expect "rpc: no claim where there is none" 'NOT_FOUND' \
    "$(rpc 0 claim_get '{"security":"100001","number":"1"}')"
expect "cli: a security has effect and totals" 'legal_effect           true' \
    "$("$build/equity" security 100001 --node "$(url 0)")"

# ---- transactions that are wrong ----
holders=$(rpc 0 events_list '{"security":"100001","limit":"1000"}' |
    jq -r '[.result.events[]|select(.kind=="transferred")][0]|"\(.account) \(.other)"')
from=${holders% *} to=${holders#* }
tx() { # tx QUANTITY [flags]
    q=$1
    shift
    "$build/equity" tx transfer --node "$(url 0)" --wallet "$work/net/wallet" \
        --passphrase-file "$work/net/passphrase" --security 100001 \
        --from "$from" --to "$to" --quantity "$q" --price-fen 4300 \
        --payment "$(printf 1%.0s $(seq 64))" "$@"
}
tx 7 --out "$work/tx.hex"
hex=$(cat "$work/tx.hex")
submit() { rpc "${2:-0}" tx_submit "{\"tx\":\"$1\"}"; }
flip() { # flip OFFSET: the byte at this place, changed
    b=${hex:$(($1 * 2)):2}
    printf '%s%02x%s' "${hex:0:$(($1 * 2))}" $((0x$b ^ 1)) "${hex:$(($1 * 2 + 2))}"
}
expect "tx truncated" E_MALFORMED "$(submit "${hex:0:200}")"
expect "tx with bytes after it" E_MALFORMED "$(submit "${hex}00")"
expect "tx of another chain" E_CHAIN "$(submit "$(flip 5)")"
expect "tx with a changed signature" E_SIG_INVALID "$(submit "$(flip $((${#hex} / 2 - 3)))")"
expect "tx of another version" E_MALFORMED "$(submit "$(flip 0)")"
{ printf '{"jsonrpc":"2.0","id":1,"method":"tx_submit","params":{"tx":"'
  head -c 70000 /dev/zero | xxd -p | tr -d '\n'
  printf '"}}'; } >"$work/big.json"
expect "tx oversized" '-32602' "$(post "@$work/big.json")"
expect "tx simulated" '"name": "OK"' "$(tx 7 --simulate)"
id=$(submit "$hex" | jq -r .result.id)
expect "tx final" FINAL "$(rpc 0 tx_wait "{\"id\":\"$id\"}")"
expect "tx repeated is the same tx" FINAL "$(submit "$hex")"
# (another node may be a block behind)
eventually "tx repeated elsewhere" FINAL submit "$hex" 1
expect "tx too large a quantity" E_AVAILABLE "$(tx 999999999)"

# ---- what is certain: another transaction with the reference of this one, asked
# of a node that never saw it ----
little() { # little OFFSET BYTES: a number of the transaction
    v=
    for k in $(seq $(($2 - 1)) -1 0); do v=$v${hex:$((($1 + k) * 2)):2}; done
    echo $((0x$v))
}
other=${id:0:62}$([ "${id:62}" = 00 ] && echo 01 || echo 00)
day=$(little 35 4)
reference="\"institution\":\"$(little 33 2)\",\"day\":\"$day\""
serial=${hex:78:24}
asked="{\"id\":\"$other\",$reference,\"serial\":\"$serial\"}"
free="{\"id\":\"$other\",$reference,\"serial\":\"000000000000000000000000\""
until_true 30 has FINAL rpc 2 tx_get "{\"id\":\"$id\"}"
expect "tx unknown" UNKNOWN "$(rpc 2 tx_get "{\"id\":\"$other\"}")"
same "tx void: another has its reference" "VOID $id" \
    "$(rpc 2 tx_get "$asked" | jq -r '.result|"\(.state) \(.by)"')"
expect "tx void: waiting ends" VOID "$(rpc 2 tx_wait "$asked")"
expect "tx with a free reference" UNKNOWN "$(rpc 2 tx_get "$free}")"
expect "tx expired by a final date" EXPIRED \
    "$(rpc 2 tx_wait "$free,\"valid_until\":\"$((day - 1))\"}")"
expect "tx final, asked with its bytes" FINAL \
    "$(rpc 2 tx_get "{\"id\":\"$id\",\"tx\":\"$hex\"}")"
expect "tx: bytes of another" 'params.tx' \
    "$(rpc 2 tx_get "{\"id\":\"$other\",\"tx\":\"$hex\"}")"
expect "tx: half a reference" 'params.serial' \
    "$(rpc 2 tx_get "{\"id\":\"$other\",$reference}")"

# ---- strangers at the peers' port ----
garbage() { printf "$1" | timeout 2 bash -c "cat >/dev/tcp/127.0.0.1/$port" 2>/dev/null; }
garbage 'GET / HTTP/1.0\r\n\r\n'
garbage '\xff\xff\xff\xff\x0a\x01'
openssl s_client -connect "127.0.0.1:$port" -tls1_2 </dev/null >/dev/null 2>&1
openssl s_client -connect "127.0.0.1:$port" -tls1_3 </dev/null >/dev/null 2>&1
sleep 0.5
expect "peers: a stranger is refused" "connection refused" "$(cat "$work/net/node0.log")"
ready 0 5 && ok "peers: the node goes on" || no "peers: the node goes on"

# ---- signatures gather in a file ----
mkdir -m 700 "$work/maker" "$work/checker"
cp "$work/net/wallet/"*.key "$work/maker"
mv "$work/maker/"*checker.key "$work/checker"
tx 5 --document "$(printf 2%.0s $(seq 64))" --wallet "$work/maker" --partial --out "$work/part.hex"
from_file() { "$build/equity" tx "$@" --node "$(url 0)" 2>&1; }
expect "tx file: what is missing is told" '"signed": false' "$(from_file show "$work/part.hex")"
expect "tx file: half signed is refused" E_SIG_MISSING "$(from_file submit "$work/part.hex")"
expect "tx file: the other signs" '"complete": true' \
    "$(from_file sign "$work/part.hex" --wallet "$work/checker" --passphrase-file "$work/net/passphrase")"
expect "tx file: then it is final" '"final": true' "$(from_file submit "$work/part.hex" --json)"
expect "tx file: a needless signature is not added" "no key here is needed" \
    "$(from_file sign "$work/part.hex" --wallet "$work/checker" --passphrase-file "$work/net/passphrase")"
head -c 301 "$work/part.hex" >"$work/cut.hex"
expect "tx file: cut" "not " "$(from_file show "$work/cut.hex")"
head -c 300000 /dev/zero | tr '\0' a >"$work/long.hex"
expect "tx file: too long" "not the hex of a transaction" "$(from_file show "$work/long.hex")"

# ---- who validates: shown, announced, ready, and a change prepared ----
gov() { "$build/equity" gov "$@" --node "$(url 0)" 2>&1; }
wallet=(--wallet "$work/net/wallet" --passphrase-file "$work/net/passphrase")
op() { # op OPERATION [flags]
    "$build/equity" tx "$@" --node "$(url 0)" "${wallet[@]}" 2>&1
}
set_of() { rpc 0 validators_get '{}' | jq -c ".result.validators.validators[]|select(.institution==$1)|{institution,key}"; }
expect "gov: the set, its quorum, who may be down" \
    "epoch 0 since height 0: 4 validators, quorum 3, 1 may be down" "$(gov show)"
expect "gov: a thin quorum is refused with its margin" \
    "3 stay - 1 that may be down + 0 join = 2, quorum of the new set 3: margin -1" \
    "$(gov change --leave 4)"
expect "gov: by its name" "E_MARGIN (806)" "$(gov change --leave 4)"
expect "gov: a node says the same" '"margin": -1' \
    "$(op validators_change --leave "[$(set_of 4)]" --simulate)"
expect "gov: none announced" "has announced no validator" "$(gov change --join 2 --leave 2)"
key=$("$build/equity" keys new next --dir "$work/net/wallet" \
    --passphrase-file "$work/net/passphrase" | awk '{ print $3 }')
announce() { op validator_announce --number 2 --key "$key" --spki-hash "$1"; }
expect "gov: another's transport key" E_VALIDATOR \
    "$(announce "$(rpc 0 validators_get '{}' | jq -r '.result.validators.validators[]|select(.institution==1).spki_hash')")"
expect "gov: announced by an operator" "final at height" "$(announce "$(printf 'ab%.0s' $(seq 32))")"
expect "gov: not ready yet" E_NOT_READY "$(gov change --join 2 --leave 2)"
expect "gov: READY for another institution" E_UNKNOWN \
    "$(op validator_ready --key "$key" --version 65536 --institution 1)"
expect "gov: READY by the key alone" "final at height" \
    "$(op validator_ready --key "$key" --version 65536 --institution 2)"
expect "gov: the candidate is shown" "software 1.0.0" "$(gov show)"
expect "gov: a rotation can be made" "margin 0" \
    "$(gov change --join 2 --leave 2 --signers 1,3,4 --out "$work/gov.hex")"
expect "gov: nobody has signed it yet" '"complete": false' \
    "$("$build/equity" tx show "$work/gov.hex" --node "$(url 0)")"
mkdir -p "$work/two" && cp "$work/net/wallet"/inst[14]-*.key "$work/two"
expect "gov: two of three operators are too few" '"complete": false' \
    "$(gov sign "$work/gov.hex" --wallet "$work/two" --passphrase-file "$work/net/passphrase")"
expect "gov: two of three are refused" E_SIG_MISSING \
    "$("$build/equity" tx submit "$work/gov.hex" --simulate --node "$(url 0)")"
expect "gov: the third operator signs" '"complete": true' \
    "$(gov sign "$work/gov.hex" "${wallet[@]}")"
expect "gov: now it would take effect" '"name": "OK"' \
    "$("$build/equity" tx submit "$work/gov.hex" --simulate --node "$(url 0)")"
zeros() { printf '00%.0s' $(seq "$1"); }
vote() { echo "{\"kind\":\"$1\",\"parent_view\":\"0\",\"height\":\"0\",\"block\":\"$(zeros 32)\",\"sig\":\"$(zeros 64)\"}"; }
expect "gov: evidence that nobody signed" E_SIG_INVALID \
    "$(op evidence --epoch 0 --view 1 --validators-hash "$(rpc 0 validators_get '{}' | jq -r .result.hash)" \
        --key "$(set_of 4 | jq -r .key)" --first "$(vote nullify)" --second "$(vote finalize)")"
expect "gov: no evidence" '"evidence":[]' "$(rpc 0 evidence_list '{}')"
expect "gov: no such epoch" NOT_FOUND "$(rpc 0 validators_get '{"epoch":"1"}')"
expect "gov: taken back" "final at height" "$(op validator_withdraw --number 2)"
expect "gov: nobody is announced" '"candidates":[]' "$(rpc 0 candidate_list '{}')"

# ---- start-up faults: what it is and what to do ----
run() { echo "$build/equityd" run --config "$work/net/node$1.ini"; }
fails "second process" 78 "another process uses the data directory" $(run 0)
mkdir -m 700 "$work/other"
"$build/equity" devnet --dir "$work/other/net" --base-port $((port + 500)) \
    >"$work/other/log" 2>&1 &
other=$!
for _ in $(seq 1 200); do grep -q running "$work/other/log" && break; sleep 0.1; done
kill -TERM $other && wait $other
expect "devnet stops cleanly" "stopped" "$(cat "$work/other/log")"
kill -9 "$(cat "$work/net/node3.pid")"
sleep 0.3
fails "another chain's directory" 78 "belongs to another chain" \
    $(run 3) --node-genesis "$work/other/net/genesis.json"
cp -r "$work/other/net/node3" "$work/mixed"
rm -rf "$work/mixed/keys" && cp -r "$work/net/node3/keys" "$work/mixed/keys"
fails "another chain's data" 78 "belongs to another chain" \
    $(run 3) --node-dir "$work/mixed"
printf 'wrong\n' >"$work/wrong" && chmod 600 "$work/wrong"
fails "wrong passphrase" 78 "cannot be opened" $(run 3) --node-passphrase_file "$work/wrong"
fails "missing passphrase" 78 "passphrase file cannot be used" $(run 3) --node-passphrase_file "$work/none"
cp -p "$work/wrong" "$work/wrong.600"
chmod 644 "$work/wrong"
fails "readable passphrase" 78 "chmod 600" $(run 3) --node-passphrase_file "$work/wrong"
fails "port for peers in use" 78 "port for peers is in use" $(run 3) --peers-listen "127.0.0.1:$port"
fails "port in use" 78 "port for clients is in use" $(run 3) --rpc-listen "127.0.0.1:$((port + 100))"
init="$build/equityd init --config $work/net/node3.ini --node-dir $work/again"
mkdir -m 700 "$work/again" && cp -r "$work/net/node3/keys" "$work/again/keys"
fails "init, wrong passphrase" 78 "cannot be opened" $init --node-passphrase_file "$work/wrong.600"
fails "init, then the right one" 0 "initialised" $init
fails "init twice" 78 "initialised already" $init
printf '[node]\nbogus = 1\n' >"$work/bad.ini"
fails "unknown key" 78 "bad.ini:2" "$build/equityd" run --config "$work/bad.ini"

# ---- a journal that was damaged in the middle ----
cp -r "$work/net/node3" "$work/node3.saved"
printf '\xff' | dd of="$work/net/node3/journal/journal-00000000.log" bs=1 seek=160 conv=notrunc 2>/dev/null
fails "damaged journal" 86 "vote journal is damaged" $(run 3)
fails "damaged journal: the way on" 86 "move journal/ away, then run equityd init" $(run 3)
mv "$work/net/node3/journal" "$work/node3.journal"
fails "lost journal" 86 "vote journal is missing" $(run 3)
fails "init keeps the blocks" 0 "this key signs nothing any more" \
    "$build/equityd" init --config "$work/net/node3.ini"
start 3
for _ in $(seq 1 100); do [ "$(root 3)" != "" ] && [ "$(root 3)" = "$(root 0)" ] && break; sleep 0.1; done
same "an observer follows" "$(root 0)" "$(root 3)"
expect "an observer says so" "join with a new key" "$(curl -s "$(url 3)/readyz")"
kill -9 "$(cat "$work/net/node3.pid")"
sleep 0.3
rm -rf "$work/net/node3" && mv "$work/node3.saved" "$work/net/node3"
start 3
ready 3 20 && ok "restored node is ready" || no "restored node is ready"

# ---- kill -9: two nodes, no progress, no harm ----
kill -9 "$(cat "$work/net/node2.pid")" "$(cat "$work/net/node3.pid")"
tx 11 --out "$work/tx2.hex"
id2=$(submit "$(cat "$work/tx2.hex")" | jq -r .result.id)
waited=$(rpc 0 tx_wait "{\"id\":\"$id2\",\"timeout_ms\":\"3000\"}")
expect "two of four down: no progress" PENDING "$waited"
expect "pending says its last verdict" '"name":"OK"' "$waited"
start 2; start 3
expect "they are back: it goes on" FINAL "$(rpc 0 tx_wait "{\"id\":\"$id2\",\"timeout_ms\":\"30000\"}")"
ready 2 20; ready 3 20
equal_roots && ok "roots equal" || no "roots equal"

# ---- kill -9 of all four under load, three times ----
acknowledged=
for round in 1 2 3; do
    for i in 1 2 3 4; do tx $((round * 10 + i)) --out "$work/load$i.hex"; done
    for i in 1 2 3 4; do
        ( submit "$(cat "$work/load$i.hex")" $((i - 1)) | jq -r '.result.id' >"$work/load$i.id"
          rpc $((i - 1)) tx_wait "{\"id\":\"$(cat "$work/load$i.id")\"}" >"$work/load$i.out" ) &
        loads[$i]=$!
    done
    sleep 0.0$((round * 2))
    kill -9 $(cat "$work"/net/node?.pid)
    wait "${loads[@]}" 2>/dev/null
    ends 0 1 2 3
    for i in 1 2 3 4; do
        grep -q FINAL "$work/load$i.out" && acknowledged="$acknowledged $(cat "$work/load$i.id")"
    done
    for i in 0 1 2 3; do start $i; done
    for i in 0 1 2 3; do ready $i 30 || no "node$i ready after kill of all"; done
done
lost=0
for a in $acknowledged $id $id2; do
    # (a node may be ready a block before one that it has not heard of yet)
    rpc 2 tx_wait "{\"id\":\"$a\",\"timeout_ms\":\"20000\"}" | grep -q FINAL || lost=$((lost + 1))
done
same "kill of all under load: nothing acknowledged is lost" 0 "$lost"
equal_roots && ok "roots equal after it" || no "roots equal after it"
expect "and it goes on" "final at height" "$(tx 3)"

# ---- SIGTERM to all four under load, three times: each ends by itself, soon ----
stopped=0
for round in 1 2 3; do
    for i in 1 2 3 4; do tx $((60 + round * 10 + i)) --out "$work/load$i.hex"; done
    for i in 1 2 3 4; do
        ( submit "$(cat "$work/load$i.hex")" $((i - 1)) | jq -r '.result.id' >"$work/load$i.id"
          rpc $((i - 1)) tx_wait "{\"id\":\"$(cat "$work/load$i.id")\"}" >"$work/load$i.out" ) &
        loads[$i]=$!
    done
    sleep "0.0$((round * 2))"
    kill -TERM $(cat "$work"/net/node?.pid)
    for i in 0 1 2 3; do
        for _ in $(seq 1 200); do kill -0 "$(cat "$work/net/node$i.pid")" 2>/dev/null || break; sleep 0.1; done
        kill -0 "$(cat "$work/net/node$i.pid")" 2>/dev/null || stopped=$((stopped + 1))
    done
    wait "${loads[@]}" 2>/dev/null
    for i in 1 2 3 4; do
        grep -q FINAL "$work/load$i.out" && acknowledged="$acknowledged $(cat "$work/load$i.id")"
    done
    for i in 0 1 2 3; do start $i; done
    for i in 0 1 2 3; do ready $i 30 || no "node$i ready after SIGTERM"; done
done
same "SIGTERM under load: all end within 20 s" 12 "$stopped"
lost=0
for a in $acknowledged; do
    rpc 1 tx_wait "{\"id\":\"$a\",\"timeout_ms\":\"20000\"}" | grep -q FINAL || lost=$((lost + 1))
done
same "SIGTERM under load: nothing acknowledged is lost" 0 "$lost"
equal_roots && ok "SIGTERM under load: roots equal" || no "SIGTERM under load: roots equal"

# ---- kill -9 of one node after the other while transactions go on ----
final=0
for i in 0 1 2 3; do
    other=$(((i + 1) % 4))
    tx $((100 + i)) --out "$work/one.hex"
    id1=$(submit "$(cat "$work/one.hex")" $other | jq -r .result.id)
    kill -9 "$(cat "$work/net/node$i.pid")"
    rpc $other tx_wait "{\"id\":\"$id1\",\"timeout_ms\":\"30000\"}" | grep -q FINAL && final=$((final + 1))
    ends $i
    start $i
    ready $i 30 || no "node$i ready after kill -9"
    # It may be ready a block before the one that it has not heard of yet.
    rpc $i tx_wait "{\"id\":\"$id1\",\"timeout_ms\":\"30000\"}" | grep -q FINAL ||
        no "node$i has what was final without it"
done
same "one of four down: it goes on" 4 "$final"
equal_roots && ok "one after the other: roots equal" || no "one after the other: roots equal"

# ---- a full disk ----
if [ "$(id -u)" = 0 ] && mkdir -p "$work/small" && mount -t tmpfs -o size=80m tmpfs "$work/small" 2>/dev/null; then
    mounted="$work/small"
    kill -TERM "$(cat "$work/net/node3.pid")"
    for _ in $(seq 1 50); do kill -0 "$(cat "$work/net/node3.pid")" 2>/dev/null || break; sleep 0.1; done
    cp -r "$work/net/node3" "$work/small/node3"
    $(run 3) --node-dir "$work/small/node3" --node-disk_reserve_mib 1 \
        >"$work/full.log" 2>&1 &
    full=$!
    echo $full >"$work/net/node3.pid"
    ready 3 20
    head -c 100m /dev/zero >"$work/small/filler" 2>/dev/null
    tx 101 >/dev/null
    tx 102 >/dev/null
    wait $full
    same "full disk: exit 86" 86 $?
    expect "full disk: says what to do" "free space on the data directory" "$(cat "$work/full.log")"
    fails "start on a full disk" 74 "the disk is full" $(run 3) --node-dir "$work/small/node3"
    rm "$work/small/filler"
    $(run 3) --node-dir "$work/small/node3" --node-disk_reserve_mib 1 \
        >>"$work/net/node3.log" 2>&1 &
    echo $! >"$work/net/node3.pid"
    ready 3 20 && ok "full disk: goes on when there is room" || no "full disk: goes on when there is room"
    equal_roots && ok "full disk: nothing is lost" || no "full disk: nothing is lost"
else
    echo "skip a full disk: needs root and tmpfs"
fi

result
