#!/usr/bin/env bash
# import.sh BUILD: registers on their way onto the ledger, good ones and bad
# ones, killed in the middle; and what stays with the custodian.
set -u
cd "$(dirname "$0")/../.."
port_offset=400
. tests/e2e/lib.sh

finish() {
    [ -n "${devnet:-}" ] && kill "$devnet" 2>/dev/null && wait "$devnet" 2>/dev/null
    rm -rf "$work"
}
[ -n "${E2E_KEEP:-}" ] || trap finish EXIT

wallet=$work/net/wallet
keys=(--wallet "$wallet" --passphrase-file "$work/net/passphrase")
exempt=(--holder-cap 0 --cap-approval "$(printf '11%.0s' $(seq 32))")
import() { # import FILE [flags]
    file=$1
    shift
    "$build/equity" register import "$file" --node "$(url 0)" "${keys[@]}" \
        "${exempt[@]}" "$@" 2>&1
}
import_behind() { # the same in the background, as process $!
    : >"$work/behind.out"
    "$build/equity" register import "$1" --node "$(url 0)" "${keys[@]}" \
        "${exempt[@]}" >"$work/behind.out" 2>&1 &
}
H='证券代码,证券简称,股东名称,证件类型,证件号码,持股数量,股份性质,取得日期'
register() { # register CODE HOLDERS: a register of synthetic people, UTF-8
    echo "$H"
    awk -v code="$1" -v n="$2" 'BEGIN {
        split("赵 钱 孙 李 周 吴 郑 王", family, " ")
        for (i = 1; i <= n; i++)
            printf "%s,北海实业,%s%d,居民身份证,999999%s%06d,%d,自然人股,2015-%02d-%02d\n",
                code, family[i % 8 + 1], i, code, i, 1000 + i, i % 12 + 1, i % 28 + 1
    }'
    echo ",,合计,,,$(($2 * 1000 + $2 * ($2 + 1) / 2)),,"
}
status_of() { rpc 0 security_get "{\"security\":\"$1\"}" | jq -r '.result.security.status // .error.data.name'; }
height() { rpc 0 node_status '{}' | jq -r .result.height; }

devnet
"$build/equity" keys new issuer --dir "$wallet" \
    --passphrase-file "$work/net/passphrase" >/dev/null

# ---- bad registers: refused with their line, and nothing is registered ----
register 200001 5 >"$work/good.csv"
before=$(height)
bad() { # bad NAME WANTED SED: the good register, changed, with no --check
    sed "$3" "$work/good.csv" >"$work/bad.csv"
    out=$(import "$work/bad.csv")
    same "import $1: exit 65" 65 $?
    expect "import $1: file, line, reason" "$2" "$out"
    expect "import $1: says so" "nothing was registered" "$out"
}
bad "wrong column" "bad.csv:1: column 持股数量 is missing" '1s/持股数量/股数/'
bad "duplicate holder" "bad.csv:4: the same holder stands in line 3" '4s/999999200001000003/999999200001000002/'
bad "other sum" "bad.csv:7: 合计 is not the sum" '7s/5015/5016/'
bad "negative quantity" "bad.csv:3: 持股数量" '3s/,1002,/,-1002,/'
bad "fraction" "bad.csv:3: 持股数量" '3s/,1002,/,1002.5,/'
bad "invalid UTF-8" "bad.csv:5: not UTF-8" '5s/王/\xff\xfe/;5s/吴/\xff\xfe/;5s/周/\xff\xfe/;5s/李/\xff\xfe/'
out=$(import "$work/good.csv" --issued 6000)
expect "import: not the declared sum" "good.csv:8: the lines add up to 5015, not to 6000" "$out"
same "import: nothing was sent" "$before" "$(height)"
same "import: nothing is registered" NOT_FOUND "$(status_of 200001)"
[ ! -e "$wallet/vault.eqv" ] && ok "import: nothing is in the vault" || no "import: nothing is in the vault"
out=$("$build/equity" register import "$work/good.csv" --node "$(url 0)" "${keys[@]}" --holder-cap 3 2>&1)
same "import above the cap: exit 65" 65 $?
expect "import above the cap: says what to do" "5 holders are more than the cap of 3" "$out"
same "import above the cap: nothing was sent" "$before" "$(height)"

# ---- 650 holders in UTF-8, 620 in GB18030 ----
register 200002 650 >"$work/utf8.csv"
out=$(import "$work/utf8.csv")
same "650 holders in UTF-8: exit 0" 0 $?
expect "650 holders in UTF-8" "200002: 650 holders, 861575 shares, confirmed at height" "$out"
expect "progress on long work" "holders 65/650" "$out"
register 200003 620 | iconv -f UTF-8 -t GB18030 >"$work/gb.csv"
out=$(import "$work/gb.csv" --json)
[ -n "${E2E_KEEP:-}" ] && echo "$out"
same "620 holders in GB18030" "200003 620" \
    "$(echo "$out" | sed -n '/^{/,$p' | jq -r '"\(.security) \(.holders)"')"
expect "its control total" "620 holders, 812510 shares, issued 812510: equal" \
    "$("$build/equity" register show 200003 --most 0 --node "$(url 3)")"
expect "names come from the vault" "钱1" \
    "$("$build/equity" register show 200003 --node "$(url 0)" --wallet "$wallet" \
        --passphrase-file "$work/net/passphrase" | cat)"
same "as JSON, all of it" "620 true" \
    "$("$build/equity" register show 200003 --json --node "$(url 1)" |
        jq -r '"\(.holdings|length) \(.equal)"')"
out=$(import "$work/utf8.csv")
same "imported twice: exit 1" 1 $?
expect "imported twice: says so" "its register was confirmed before" "$out"

# ---- killed in the middle, again and again, until it is done ----
register 200004 900 >"$work/killed.csv"
kills=0
for attempt in $(seq 1 60); do
    import_behind "$work/killed.csv"
    pid=$!
    # every time a little later, so that it is cut in every phase
    sleep "$(awk -v a="$attempt" 'BEGIN { print 0.05 + a * 0.1 }')"
    kill -9 "$pid" 2>/dev/null && kills=$((kills + 1))
    wait "$pid" 2>/dev/null
    [ "$(status_of 200004)" = registered ] && break
done
same "killed: it ends all the same" registered "$(status_of 200004)"
[ "$kills" -gt 1 ] && ok "killed: more than once" || no "killed: more than once" "$kills"
expect "killed: every share is there once" "900 holders, 1305450 shares, issued 1305450: equal" \
    "$("$build/equity" register show 200004 --most 0 --node "$(url 2)")"
expect "killed: repeated once more, it says that it is done" "confirmed before" \
    "$(import "$work/killed.csv")"

# ---- the vault ----
exec 9<"$wallet/vault.eqv"
flock 9
fails "a vault in use" 69 "the vault is in use" \
    "$build/equity" register show 200003 --node "$(url 0)" "${keys[@]}"
exec 9<&-
mkdir -m 700 "$work/other"
fails "a vault of another key" 66 "the passphrase is missing or wrong" \
    "$build/equity" register show 200003 --node "$(url 0)" --wallet "$work/other" \
    --passphrase-file "$work/net/passphrase" --vault "$wallet/vault.eqv"
found=$(grep -rlaF -e 999999200002000001 -e 999999200004000900 -e 孙2 "$work/net" 2>/dev/null | head -n 3)
same "no name or number stands anywhere in the clear" "" "$found"
same "roots are equal" "" "$(equal_roots || echo differ)"
kill -TERM "$devnet" && wait "$devnet"
devnet=

result
