#!/bin/sh
# run.sh BUILD N: the golden receipts, the program and the twin.
#
# The story makes the stored files byte for byte; equity-verify proves each and
# refutes each receipt that the unit tests spoil, with its reason and exit code;
# the twin in tests/twin agrees with the stored facts, with every refutation and
# on N receipts mutated at random.
set -u
build=$1 n=$2
stored=tests/vectors/receipts
program=$build/equity-verify
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
failed=0
bad() {
    echo "receipts: $*"
    failed=1
}
expect() { # expect CODE WHAT command...
    wanted=$1 what=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err"
    code=$?
    [ $code = "$wanted" ] || bad "$what: exit code $code, not $wanted"
}

mkdir "$work/made" "$work/bad"
"$build/tests/receipts/make" "$work/made" >/dev/null || bad 'the story fails'
diff -r "$work/made" "$stored" >"$work/diff" || {
    head -20 "$work/diff"
    bad "the receipts of the story are not those of $stored. If a format has" \
        'changed on purpose: make receipts-vectors'
}

proven=0
for file in "$stored"/*.bin; do
    name=${file%.bin}
    expect 0 "$name" "$program" "$file" --trust "$stored/trust.json" --json
    cmp -s "$work/out" "$name.json" || bad "$name: another report than stored"
    expect 0 "$name" "$program" "$file" --trust "$stored/trust.json"
    grep -q '^PROVEN: ' "$work/out" || bad "$name: does not say PROVEN"
    grep -q '^Not proven$' "$work/out" || bad "$name: does not say what not"
    proven=$((proven + 1))
done

for test in verify statement; do
    RECEIPTS_BAD=$work/bad "$build/tests/unit/audit/test_$test" \
        >"$work/out" 2>&1 || bad "test_$test fails"
done
refuted=0
for file in "$work"/bad/*.bin; do
    name=$(basename "$file" .bin)
    anchor=${name##*-} reason=${name%-*} reason=${reason##*-}
    expect 65 "$name" "$program" "$file" --json \
        --trust "$work/bad/trust-$anchor.json"
    grep -q "^  \"reason\": \"$reason\",\$" "$work/out" ||
        bad "$name: another reason than $reason"
    refuted=$((refuted + 1))
done
[ $refuted -gt 100 ] || bad "only $refuted bad receipts"

# Cut, extended, sections swapped, repeated or gone: as files, to the program.
python3 - "$stored" "$work/files" <<'PYTHON' || bad 'no spoilt files'
import glob, hashlib, os, sys
os.mkdir(sys.argv[2])
def put(name, data, sign):
    if sign:
        data += hashlib.sha256(data).digest()
    open("%s/%s" % (sys.argv[2], name), "wb").write(data)
for path in glob.glob(sys.argv[1] + "/*.bin"):
    name, b = os.path.basename(path)[:-4], open(path, "rb").read()
    front, body, parts, at = b[:42], b[42:-32], [], 0
    while at < len(body):
        n = 5 + int.from_bytes(body[at + 1:at + 5], "little")
        parts.append(body[at:at + n])
        at += n
    for cut in (0, 1, 7, 9, 41, 42, 74, len(b) // 2, len(b) - 33, len(b) - 1):
        put("%s-cut-%d" % (name, cut), b[:cut], False)
    put(name + "-cut-signed", b[:-33], True)
    put(name + "-longer", b + b"\0", False)
    put(name + "-longer-signed", b[:-32] + b"\0", True)
    for i in range(len(parts)):
        put("%s-twice-%d" % (name, i), front + b"".join(parts[:i + 1] + parts[i:]), True)
        put("%s-gone-%d" % (name, i), front + b"".join(parts[:i] + parts[i + 1:]), True)
        if i > 0:
            swapped = parts[:i - 1] + [parts[i], parts[i - 1]] + parts[i + 1:]
            put("%s-swapped-%d" % (name, i), front + b"".join(swapped), True)
PYTHON
for file in "$work/files"/*; do
    "$program" "$file" --trust "$stored/trust.json" >"$work/out" 2>&1
    code=$?
    if [ $code != 65 ] || ! grep -q '^REFUTED: [a-z_]*, in section ' "$work/out"; then
        bad "$(basename "$file"): exit code $code, $(head -n 1 "$work/out")"
    fi
    refuted=$((refuted + 1))
done
[ $refuted -gt 600 ] || bad "only $refuted bad receipts"

good=$stored/holding.bin trust=$stored/trust.json
expect 0 --help "$program" --help
expect 0 --version "$program" --version
expect 64 'no trust file' "$program" "$good"
expect 64 'no receipt' "$program" --trust "$trust"
expect 64 'two receipts' "$program" "$good" "$good" --trust "$trust"
expect 64 'unknown option' "$program" "$good" --trust "$trust" --x
expect 66 'missing receipt' "$program" "$work/none" --trust "$trust"
expect 66 'missing trust file' "$program" "$good" --trust "$work/none"
expect 74 'a directory' "$program" "$work" --trust "$trust"
expect 65 'not a receipt' "$program" "$trust" --trust "$trust"
expect 65 'an empty file' "$program" /dev/null --trust "$trust"
expect 78 'a bad trust file' "$program" "$good" --trust "$good"
[ -e /dev/full ] && {
    "$program" "$good" --trust "$trust" >/dev/full 2>"$work/err"
    [ $? = 74 ] || bad 'a full disk is not noticed'
}
"$program" - --trust "$trust" <"$good" >"$work/out" || bad 'standard input'
# From a pinned block, by a trust file that names only the genesis.
expect 78 'out of reach' "$program" "$stored/holding-pinned.bin" \
    --trust "$work/bad/trust-genesis.json"
grep -q '^UNDECIDED: out_of_reach' "$work/out" || bad 'out of reach: no reason'

case $build in *dev | *release)
    size=$(wc -c <"$program")
    [ "$size" -lt 2000000 ] || bad "equity-verify has $size bytes, over 2 MB"
    file_type=$(od -An -tx1 -N4 "$program" | tr -d ' ')
    [ "$file_type" = 7f454c46 ] || bad 'equity-verify is no program'
    ldd "$program" >/dev/null 2>&1 && bad 'equity-verify is not static'
    ;;
esac

"$build/tests/receipts/mutate" "$stored" --reshape "$((n * 10))" >"$work/out" 2>&1 ||
    bad "a receipt with one thing changed: $(tail -n 1 "$work/out")"
python3 tests/twin/differ.py "$stored" "$build/tests/receipts/mutate" "$n" ||
    bad 'the twin disagrees'
python3 tests/twin/differ.py --bad "$work/bad" || bad 'the twin disagrees'
[ $failed = 0 ] && echo "receipts: $proven proven, $refuted refuted"
exit $failed
