#!/bin/sh
# check-pure.sh LEDGER.a CONSENSUS.a
# The rules and the consensus step are pure functions: their libraries call
# nothing but these names of the layers below, none of which allocates, reads a
# clock or does I/O, and the C library's functions on memory.  What a sanitizer
# or the stack protector adds is let pass.
set -eu
allowed='
check_failed
hash_of hash_byte_tagged hash_tagged institution_number key_is_valid
schema_decode schema_encode schema_read
reader_bool reader_copy reader_count reader_fail reader_finish reader_hash
reader_of reader_u32 reader_u64 reader_u8 reader_vec
writer_be32 writer_be64 writer_copy writer_hash writer_u8 writer_u16 writer_u32
writer_u64 writer_vec
num_date_of_days num_days_of_date
institution_id principal_cmp tx_sort_principals
genesis_valset valset_change_max valset_check valset_faulty valset_find
valset_hash valset_leader valset_margin_of valset_quorum validator_id
vote_conflict_of vote_digest vote_shape_ok
genesis_params_check genesis_params_hash genesis_params_schema
candidate_eq cert_check cert_encode cert_read header_decode header_hash
vote_encode vote_read
mtree_leaf mtree_log_append mtree_log_peak_count mtree_log_root
authority_type_names institution_key_schema institution_role_names
validator_schema valset_schema vote_conflict_names
memcmp memcpy memmove memset strcmp strlen bcmp
__memcpy_chk __memmove_chk __memset_chk __stack_chk_fail _GLOBAL_OFFSET_TABLE_
__popcountdi2
'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "$allowed" | tr ' ' '\n' | sort -u >"$work/allowed"
for library do
    nm -u "$library" | awk '$1 == "U" { print $2 }' |
        grep -Ev '^__(asan|ubsan|tsan|sanitizer|gcov|llvm|start|stop)' |
        sort -u >"$work/used"
    nm --defined-only "$library" | awk 'NF == 3 { print $3 }' | sort -u >"$work/own"
    bad=$(comm -23 "$work/used" "$work/own" | comm -23 - "$work/allowed")
    if [ -n "$bad" ]; then
        echo "$library calls what is not a pure function:"
        echo "$bad"
        exit 1
    fi
    # Nor does it keep anything from one call to the next: no variables.
    state=$(objdump -t "$library" | awk 'NF > 3 && ($(NF-2) == ".data" || $(NF-2) == ".bss" ||
        $(NF-2) == "*COM*") { if ($NF !~ /^\./ && $NF !~ /^__/) print $NF }')
    if [ -n "$state" ]; then
        echo "$library has variables:"
        echo "$state"
        exit 1
    fi
done
