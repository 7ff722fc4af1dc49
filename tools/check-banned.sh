#!/bin/sh
# check-banned.sh layer ...
# Fails on a banned word, and names what to use instead.  An exception carries
# "banned-ok: why" on the same line.
status=0
ban() { # ban PATTERN REPLACEMENT layer...
    pattern=$1 instead=$2
    shift 2
    for layer do
        out=$(grep -nE "$pattern" "$layer"/*.[ch] 2>/dev/null |
            grep -v 'banned-ok:')
        [ -z "$out" ] && continue
        echo "$out" | sed "s|\$|   <- use $instead|"
        status=1
    done
}
ban '\b(strcpy|strcat|sprintf|vsprintf|gets)\(' 'snprintf or memcpy' "$@"
ban '\b(atoi|atol|atoll|strtol|strtoll|strtoul|strtoull)\(' 'num_parse_u64' "$@"
ban '\b(rand|random|srand|drand48)\(' 'random_bytes' "$@"
ban '\b(FIXME|TODO|XXX|HACK)\b' 'finished code, or a sentence in docs' "$@"
pure='chain ledger state consensus'
ban '\b(time|gettimeofday|clock_gettime|localtime|gmtime)\(' \
    'the time of the event' chain ledger state engine consensus
ban '\b(float|double)\b' 'integers' $pure
ban '\b(malloc|calloc|realloc)\(' 'the caller'"'"'s memory' chain ledger consensus
exit $status
