#!/bin/sh
# check-model.sh VIEWS | any-order
# Spin checks tests/model/simplex.pml over so many views, every state of it: the
# safety properties for each place of the Byzantine validator in the rotation,
# then the liveness properties; that the model gets somewhere (GOAL); and that
# each planted bug is found, by name of the property it breaks.
# any-order: votes of all views in any order, as the model is without its
# reduction: two views exhaustively, three by bitstate hashing for ten minutes.
set -eu
views=${1:-4}
model=$(pwd)/tests/model/simplex.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v spin >/dev/null || { echo "check-model: install spin (make deps)"; exit 1; }

# One run: "EXPECTED FLAG ...", EXPECTED "none" or the properties that may fail.
cat >"$work/one" <<'ONE'
#!/bin/sh
set -eu
model=$1 work=$2
set -- $3
expected=$1
shift
dir=$(mktemp -d "$work/run.XXXXXX")
cd "$dir"
spin "$@" -a "$model" >log 2>&1 || { cat log; exit 255; }
case $expected in none) compile=-O2 ;; *) compile=-O1 ;; esac
run=-w24
case " $* " in *" -DANY_ORDER -DVIEWS=3 "*) compile="-O2 -DBITSTATE" run="-w33 -k3 -Q10" ;; esac
# shellcheck disable=SC2086
${CC:-cc} -w $compile -DSAFETY -DNOREDUCE -DNOFAIR -DMEMLIM=8000 -o pan pan.c
# shellcheck disable=SC2086
./pan -m1000000 $run >log 2>&1 || true
states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log)
seconds=$(sed -n 's/^pan: elapsed time \([0-9.e+-]*\) seconds.*/\1/p' log)
megabytes=$(sed -n 's/^ *\([0-9.]*\).total actual memory usage.*/\1/p' log)
broken=$(sed -n 's/.*assertion violated \([a-z_]*\).*/\1/p' log | head -1)
verdict=wrong
if [ "$expected" = none ]; then
    grep -q 'errors: 0$' log &&
        ! grep -q 'search depth too small\|out of memory\|MEMLIM bound' log &&
        verdict=ok
    ! grep -q 'Search not completed' log || verdict=unfinished
    case "$run $verdict" in *-Q*unfinished) verdict=ok ;; esac
else
    case " $(echo "$expected" | tr , ' ') " in
    *" ${broken:-nothing} "*) verdict=ok ;;
    esac
fi
echo "$verdict: $* states=${states:-?} seconds=${seconds:-?}" \
    "mbytes=${megabytes:-?} broken=${broken:-none}"
[ $verdict = ok ] || { tail -40 log; exit 255; }
ONE
chmod +x "$work/one"

safety=one_notarization,notarised_first,exclusion,agreement
if [ "$views" = any-order ]; then
    for byz in 1 2 3; do
        echo "none -DANY_ORDER -DVIEWS=2 -DBYZ=$byz"
    done
    echo "none -DANY_ORDER -DVIEWS=3 -DBYZ=1"
    echo "none -DANY_ORDER -DVIEWS=3 -DBYZ=2"
else
    for byz in 4 3 2 1; do
        echo "none -DVIEWS=$views -DBYZ=$byz"
        # The property of the last view needs a correct leader there.
        [ $((byz % 4)) -eq $((views % 4)) ] ||
            echo "none -DVIEWS=$views -DBYZ=$byz -DLIVE"
    done
    echo "never_here -DVIEWS=4 -DBYZ=2 -DGOAL"
    echo "$safety -DVIEWS=3 -DBYZ=2 -DBUG_QUORUM"
    echo "exclusion -DVIEWS=3 -DBYZ=2 -DBUG_FINALIZE_AFTER_NULLIFY"
    echo "exclusion -DVIEWS=3 -DBYZ=2 -DBUG_NULLIFY_AFTER_FINALIZE"
    echo "one_notarization -DVIEWS=3 -DBYZ=2 -DBUG_NOTARIZE_TWICE"
    echo "agreement -DVIEWS=3 -DBYZ=2 -DBUG_NO_NULLIFY_CHECK"
    echo "$safety -DVIEWS=3 -DBYZ=2 -DBUG_SEND_BEFORE_SYNC"
    echo "$safety -DVIEWS=3 -DBYZ=2 -DBUG_OWN_VOTE_EARLY"
    echo "exclusion -DVIEWS=3 -DBYZ=2 -DBUG_NULLIFY_NOT_PERSISTED"
    echo "one_notarization -DVIEWS=3 -DBYZ=2 -DBUG_NOTARIZE_NOT_PERSISTED"
    echo "every_view_ends -DVIEWS=3 -DBYZ=2 -DLIVE -DBUG_NO_NULLIFY_AFTER_NOTARIZE"
    echo "every_view_ends -DVIEWS=3 -DBYZ=2 -DLIVE -DBUG_REFUSE_LATE_NOTARIZATION"
    echo "finality -DVIEWS=3 -DBYZ=2 -DLIVE -DBUG_NO_CARRY"
    echo "every_view_ends,finality -DVIEWS=3 -DBYZ=2 -DLIVE -DBUG_NO_RESEND"
fi >"$work/runs"
xargs -d '\n' -n 1 -P 2 "$work/one" "$model" "$work" <"$work/runs"
echo "model: $(wc -l <"$work/runs") runs, views=$views," \
    "$(grep -c BUG_ "$work/runs" || true) planted bugs, each found"
