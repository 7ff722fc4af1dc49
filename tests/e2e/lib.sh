# lib.sh - what the end-to-end scripts share; sourced, with BUILD as $1.
# Sets build, work (a folder that goes at the end) and port (E2E_PORT, or one
# that another run at the same time is not likely to have).
build=$(realpath "$1")
export LC_ALL=C.UTF-8
work=$(mktemp -d /tmp/equity-e2e-XXXXXX)
port=${E2E_PORT:-$((12000 + $$ % 20 * 1000 + ${port_offset:-0}))}
passed=0 failed=0

ok() { passed=$((passed + 1)); echo "ok   $1"; }
no() { failed=$((failed + 1)); echo "FAIL $1"; [ -n "${2:-}" ] && echo "     $2"; }
# expect NAME WANTED TEXT: TEXT must contain WANTED
expect() {
    case "$3" in
    *"$2"*) ok "$1" ;;
    *) no "$1" "wanted \"$2\", got \"$(echo "$3" | tail -n 3 | cut -c1-300)\"" ;;
    esac
}
same() { if [ "$2" = "$3" ]; then ok "$1"; else no "$1" "wanted $2, got $3"; fi; }
fails() { # fails NAME EXIT WANTED command...: it ends with EXIT and says WANTED
    fails_name=$1 wanted_code=$2 wanted=$3
    shift 3
    out=$(timeout 20 "$@" 2>&1 </dev/null)
    code=$?
    same "$fails_name: exit $wanted_code" "$wanted_code" "$code"
    expect "$fails_name: says it" "$wanted" "$out"
}
result() { # the last line, and the exit code
    echo
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}

# ---- a network in $work/net ----
url() { echo "http://127.0.0.1:$((port + 100 + $1))"; }
rpc() { # rpc NODE METHOD [PARAMS]
    rpc_params=${3:-}
    curl -s -m 30 -H 'Content-Type: application/json' "$(url "$1")" \
        -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$2\",\"params\":${rpc_params:-"{}"}}"
}
status() { rpc "$1" node_status | jq -r ".result.$2"; } # status NODE FIELD
start() { # start NODE [flags]; what the script has open as 9 stays its own
    start_node=$1
    shift
    "$build/equityd" run --config "$work/net/node$start_node.ini" "$@" \
        >>"$work/net/node$start_node.log" 2>&1 9>&- &
    echo $! >"$work/net/node$start_node.pid"
}
until_true() { # until_true SECONDS COMMAND...
    until_tries=$(($1 * 10))
    shift
    for _ in $(seq 1 $until_tries); do "$@" && return 0; sleep 0.1; done
    return 1
}
gone() { # gone PID: it has ended, also one that nobody waits for
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}
ends() { # ends NODE...: their locks and ports are free again
    for ends_node; do
        until_true 60 gone "$(cat "$work/net/node$ends_node.pid")" || no "node $ends_node ends"
    done
}
has() { # has WANTED COMMAND...: it prints WANTED
    has_wanted=$1
    shift
    case "$("$@" 2>&1)" in *"$has_wanted"*) ;; *) return 1 ;; esac
}
eventually() { # eventually NAME WANTED COMMAND...: within 30 s it prints WANTED
    eventually_name=$1 eventually_wanted=$2
    shift 2
    until_true 30 has "$eventually_wanted" "$@"
    expect "$eventually_name" "$eventually_wanted" "$("$@" 2>&1)"
}
ready() { # ready NODE [SECONDS]
    for _ in $(seq 1 $((${2:-30} * 10))); do
        curl -s -m 2 -f "$(url "$1")/readyz" >/dev/null && return 0
        sleep 0.1
    done
    return 1
}
root() { rpc "$1" chain_getHeader '{}' | jq -r '.result.header|"\(.height) \(.state_root)"'; }
equal_roots() { # all four, within 20 s
    for _ in $(seq 1 100); do
        [ "$(root 0)" != "" ] && [ "$(root 0)" = "$(root 1)" ] &&
            [ "$(root 0)" = "$(root 2)" ] && [ "$(root 0)" = "$(root 3)" ] &&
            return 0
        sleep 0.2
    done
    return 1
}
devnet() { # devnet [flags]: in the background, until it runs
    "$build/equity" devnet --dir "$work/net" --base-port "$port" "$@" \
        >"$work/devnet.log" 2>&1 </dev/null &
    devnet=$!
    for _ in $(seq 1 600); do
        grep -q running "$work/devnet.log" && return 0
        sleep 0.1
    done
    no "the network starts" "$(tail -n 3 "$work/devnet.log")"
}
