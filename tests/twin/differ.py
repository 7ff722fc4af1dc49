#!/usr/bin/env python3
"""The two verifiers side by side.

    differ.py DIR MUTATE N [SEED]
    differ.py --bad BAD

DIR holds the golden receipts.  First each is read by the twin: it must prove it
and say nothing that DIR/NAME.json, which the C program wrote, says otherwise.
Then N receipts, mutated at random, are given to both (MUTATE DIR --judge is the
C one): proven, refuted or out of reach, they must agree on every one.  So they
must on N / 4 receipts in which the C program changed one thing where it means
something (MUTATE DIR --reshaped).

With --bad every receipt of the directory must be refuted, by BAD/trust-genesis
or BAD/trust-pinned.json as its name ends.
"""
import json
import os
import random
import subprocess
import sys

import verify


def says_otherwise(mine, theirs, path=""):
    """Where the C program's facts differ from the twin's; None if nowhere."""
    if isinstance(mine, dict):
        for k, v in mine.items():
            if not isinstance(theirs, dict) or k not in theirs:
                return path + "." + k
            where = says_otherwise(v, theirs[k], path + "." + k)
            if where:
                return where
        return None
    if isinstance(mine, list):
        if not isinstance(theirs, list) or len(mine) != len(theirs):
            return path
        for i, (a, b) in enumerate(zip(mine, theirs)):
            where = says_otherwise(a, b, "%s[%d]" % (path, i))
            if where:
                return where
        return None
    return None if mine == theirs else path


def golden(vectors, trust, directory):
    bad = 0
    for name, data in vectors:
        outcome, facts = verify.verify(data, trust)
        with open(os.path.join(directory, name + ".json"), "rb") as f:
            theirs = json.loads(f.read())
        where = facts if outcome != verify.PROVEN else says_otherwise(
            dict(facts, verdict="proven"), theirs)
        if where:
            print("differ: %s: %s %s" % (name, outcome, where))
            bad += 1
    return bad


def sections(data):
    at, out = 42, []
    while at < len(data) - 32:
        size = int.from_bytes(data[at + 1:at + 5], "little")
        out.append(data[at:at + 5 + size])
        at += 5 + size
    return out


def mutate(rng, data, others):
    b = bytearray(data)
    how = rng.randrange(9)
    at = rng.randrange(len(b))
    if how <= 2:
        for _ in range(rng.randint(1, 3)):
            b[rng.randrange(len(b))] ^= 1 << rng.randrange(8)
    elif how == 3:
        b[at] = rng.choice((0, 1, 2, 127, 128, 255, rng.randrange(256)))
    elif how == 4:
        del b[at:at + rng.randint(1, 60)]
    elif how == 5:
        other = rng.choice(others)[1]
        k = rng.randrange(len(other))
        b[at:at] = other[k:k + rng.randint(1, 60)]
    elif how == 6:
        other = rng.choice(others)[1]
        k, n = rng.randrange(len(other)), rng.randint(1, 60)
        b[at:at + len(other[k:k + n])] = other[k:k + n]
    elif how == 7:
        k = rng.randrange(max(1, len(b) - 66))
        b[k:k + 33], b[k + 33:k + 66] = b[k + 33:k + 66], b[k:k + 33]
    else:
        parts = sections(data)
        i, k = rng.randrange(len(parts)), rng.randrange(len(parts))
        what = rng.randrange(4)
        if what == 0:
            parts[i], parts[k] = parts[k], parts[i]
        elif what == 1:
            parts.insert(i, parts[k])
        elif what == 2:
            del parts[i]
        else:
            parts[i] = rng.choice(sections(rng.choice(others)[1]))
        b = bytearray(data[:42] + b"".join(parts) + bytes(32))
    if rng.randrange(10) and len(b) >= 32:
        b[-32:] = verify.sha(bytes(b[:-32]))
    return bytes(b)


def ask(judge, data):
    judge.stdin.write(len(data).to_bytes(4, "little") + data)
    judge.stdin.flush()
    return judge.stdout.readline().split()[0].decode()


def reshaped(directory, program, trust, n, seed):
    """How many of them the two judge otherwise."""
    out = subprocess.Popen([program, directory, "--reshaped", str(n), str(seed)],
                           stdout=subprocess.PIPE).stdout
    codes = {0: verify.PROVEN, 65: verify.REFUTED, 78: verify.OUT_OF_REACH}
    count = dict.fromkeys(codes.values(), 0)
    bad = 0
    for i in range(n):
        data = out.read(int.from_bytes(out.read(4), "little"))
        theirs = codes[out.read(1)[0]]
        mine, why = verify.verify(data, trust)
        count[mine] += 1
        if mine != theirs:
            print("differ: reshaped, %d: the twin says %s (%s), the C program %s; "
                  "see differs.bin" % (i, mine, why, theirs))
            with open("differs.bin", "wb") as f:
                f.write(data)
            bad += 1
    print("receipts-differ: reshaped=%d proven=%d refuted=%d out_of_reach=%d "
          "disagreements=%d" % (n, count[verify.PROVEN], count[verify.REFUTED],
                                count[verify.OUT_OF_REACH], bad))
    return bad


def refute_all(directory):
    trusts = {}
    for kind in ("genesis", "pinned"):
        with open(os.path.join(directory, "trust-%s.json" % kind), "rb") as f:
            trusts[kind] = verify.Trust(f.read())
    names = sorted(n for n in os.listdir(directory) if n.endswith(".bin"))
    bad = 0
    for name in names:
        with open(os.path.join(directory, name), "rb") as f:
            outcome, why = verify.verify(
                f.read(), trusts[name[:-4].rsplit("-", 1)[1]])
        if outcome != verify.REFUTED:
            print("differ: %s is %s by the twin" % (name, outcome))
            bad += 1
    print("receipts-differ: %d bad receipts, %d not refuted by the twin" %
          (len(names), bad))
    return 1 if bad or not names else 0


def main(argv):
    if len(argv) == 2 and argv[0] == "--bad":
        return refute_all(argv[1])
    if len(argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 64
    directory, program, n = argv[0], argv[1], int(argv[2])
    seed = int(argv[3]) if len(argv) == 4 else 1
    with open(os.path.join(directory, "trust.json"), "rb") as f:
        trust = verify.Trust(f.read())
    vectors = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".bin"):
            with open(os.path.join(directory, name), "rb") as f:
                vectors.append((name[:-4], f.read()))
    bad = golden(vectors, trust, directory)
    rng = random.Random(seed)
    count = {verify.PROVEN: 0, verify.REFUTED: 0, verify.OUT_OF_REACH: 0}
    judge = subprocess.Popen([program, directory, "--judge"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for i in range(n):
        name, data = rng.choice(vectors)
        b = mutate(rng, data, vectors)
        mine, why = verify.verify(b, trust)
        theirs = ask(judge, b)
        count[mine] += 1
        if mine != theirs:
            print("differ: %s, mutation %d: the twin says %s (%s), the C "
                  "program %s; see differs.bin" % (name, i, mine, why, theirs))
            with open("differs.bin", "wb") as f:
                f.write(b)
            bad += 1
            break
    judge.stdin.close()
    judge.wait()
    print("receipts-differ: seed=%d vectors=%d mutations=%d proven=%d "
          "refuted=%d out_of_reach=%d disagreements=%d" %
          (seed, len(vectors), n, count[verify.PROVEN],
           count[verify.REFUTED], count[verify.OUT_OF_REACH], bad))
    bad += reshaped(directory, program, trust, n // 4, seed)
    return 1 if bad or not vectors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
