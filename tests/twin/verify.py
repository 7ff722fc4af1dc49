#!/usr/bin/env python3
"""An independent verifier of receipts, written from docs/FORMAT.md.

It shares no code with the C one and needs nothing but the standard library:
where the two disagree about a file, one of them, or the format's description,
is wrong.  It is slow and plain on purpose.

    verify.py FILE --trust TRUST.json [--json]

Exit codes as equity-verify's: 0 proven, 65 refuted or malformed, 78 the trust
file does not name the anchor, 64 usage.
"""
import hashlib
import json
import sys

PROVEN, REFUTED, OUT_OF_REACH = "proven", "refuted", "out_of_reach"
EXIT = {PROVEN: 0, REFUTED: 65, OUT_OF_REACH: 78}


class Refuted(Exception):
    """The receipt is malformed, or something in it is not so."""


class OutOfReach(Exception):
    """The trust file does not name the anchor."""


def need(condition, why):
    if not condition:
        raise Refuted(why)


# ---- hashes ----

def sha(*parts):
    h = hashlib.sha256()
    for p in parts:
        h.update(p)
    return h.digest()


def tagged(tag, data):
    t = sha(tag.encode())
    return sha(t, t, data)


ZERO = bytes(32)


def u16(v):
    return v.to_bytes(2, "little")


def u32(v):
    return v.to_bytes(4, "little")


def u64(v):
    return v.to_bytes(8, "little")


# ---- secp256k1 ----

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
GX = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
GY = 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8


def point_of(key):
    """The affine point of a compressed key, or None."""
    if len(key) != 33 or key[0] not in (2, 3):
        return None
    x = int.from_bytes(key[1:], "big")
    if x >= P:
        return None
    y2 = (pow(x, 3, P) + 7) % P
    y = pow(y2, (P + 1) // 4, P)
    if y * y % P != y2:
        return None
    if y & 1 != key[0] & 1:
        y = P - y
    return x, y


def double(p):
    x, y, z = p
    if z == 0 or y == 0:
        return (0, 1, 0)
    s = 4 * x * y * y % P
    m = 3 * x * x % P
    x3 = (m * m - 2 * s) % P
    y3 = (m * (s - x3) - 8 * pow(y, 4, P)) % P
    return x3, y3, 2 * y * z % P


def add(p, q):
    if p[2] == 0:
        return q
    if q[2] == 0:
        return p
    z1, z2 = p[2] * p[2] % P, q[2] * q[2] % P
    u1, u2 = p[0] * z2 % P, q[0] * z1 % P
    s1, s2 = p[1] * z2 * q[2] % P, q[1] * z1 * p[2] % P
    if u1 == u2:
        return double(p) if s1 == s2 else (0, 1, 0)
    h, r = u2 - u1, s2 - s1
    h2 = h * h % P
    h3, v = h * h2 % P, u1 * h2 % P
    x3 = (r * r - h3 - 2 * v) % P
    return x3, (r * (v - x3) - s1 * h3) % P, h * p[2] * q[2] % P


seen_signatures = {}


def signature_ok(key, digest, sig):
    """ECDSA with s in its lower half; answers are remembered."""
    asked = (key, digest, sig)
    if asked not in seen_signatures:
        seen_signatures[asked] = ecdsa_ok(key, digest, sig)
    return seen_signatures[asked]


def ecdsa_ok(key, digest, sig):
    q = point_of(key)
    r, s = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")
    if q is None or not 0 < r < N or not 0 < s <= N // 2:
        return False
    w = pow(s, -1, N)
    a, b = int.from_bytes(digest, "big") * w % N, r * w % N
    g, k = (GX, GY, 1), (q[0], q[1], 1)
    both = add(g, k)
    out = (0, 1, 0)
    for i in range(255, -1, -1):
        out = double(out)
        bits = (a >> i & 1) + 2 * (b >> i & 1)
        if bits:
            out = add(out, (g, k, both)[bits - 1])
    if out[2] == 0:
        return False
    return out[0] * pow(out[2] * out[2], -1, P) % P % N == r


# ---- reading ----

DAY_LAST = 2932896
CODE_CHARS = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        need(self.at + n <= len(self.data), "truncated")
        out = self.data[self.at:self.at + n]
        self.at += n
        return out

    def num(self, n):
        return int.from_bytes(self.take(n), "little")

    def u8(self):
        return self.num(1)

    def u16(self):
        return self.num(2)

    def u32(self):
        return self.num(4)

    def u64(self):
        return self.num(8)

    def hash(self):
        return self.take(32)

    def vec(self, most, least=1):
        n = self.u32()
        need(least <= n <= most, "size of a vector")
        return self.take(n)

    def count(self, most, least=0):
        n = self.u32()
        need(least <= n <= most, "count")
        return n

    def enum(self, first, last):
        v = self.u8()
        need(first <= v <= last, "enum")
        return v

    def flags(self, bits):
        v = self.u16()
        need(v >> bits == 0, "flags")
        return v

    def bool(self):
        v = self.u8()
        need(v <= 1, "bool")
        return v == 1

    def day(self):
        v = self.u32()
        need(v <= DAY_LAST, "day")
        return v

    def code(self):
        v = self.vec(16)
        need(set(v) <= CODE_CHARS, "code")
        return v

    def end(self):
        need(self.at == len(self.data), "trailing bytes")


def whole(data, read):
    r = Reader(data)
    out = read(r)
    r.end()
    return out


# ---- what stands in a receipt ----

def read_header(r):
    h = {"version": r.u16(), "flags": r.u16(), "chain": r.hash(),
         "epoch": r.u64(), "view": r.u64(), "height": r.u64(),
         "time": r.u64(), "proposer": r.u16(), "parent": r.hash(),
         "log_size": r.u64(), "log_root": r.hash(), "tx_root": r.hash(),
         "tx_count": r.u32(), "body_bytes": r.u32(), "state": r.hash(),
         "changes": r.hash(), "set": r.hash(), "next": r.hash(),
         "params": r.hash()}
    return h


def read_set(r):
    start = r.at
    epoch = r.u64()
    members = []
    for _ in range(r.count(32, 1)):
        members.append((r.take(33), r.hash(), r.u16()))
    return {"epoch": epoch, "members": members,
            "hash": tagged("equity/VALSET/v1", r.data[start:r.at])}


def set_sound(s):
    keys = [m[0] for m in s["members"]]
    spki = {m[1] for m in s["members"]}
    return (all(point_of(k) for k in keys) and
            all(a < b for a, b in zip(keys, keys[1:])) and
            len(spki) == len(keys))


def quorum(n):
    return n - (n - 1) // 3


def read_cert(r):
    c = {"kind": r.u8(), "epoch": r.u64(), "view": r.u64(),
         "parent_view": r.u64(), "height": r.u64(), "block": r.hash(),
         "bits": r.u32()}
    n = r.count(32)
    need(n == bin(c["bits"]).count("1"), "signatures and bits")
    c["sigs"] = [r.take(64) for _ in range(n)]
    return c


def read_account(r):
    a = {"custodian": r.u16(), "kind": r.enum(1, 4), "status": r.enum(1, 3),
         "authority": r.enum(1, 2), "threshold": r.u8()}
    for _ in range(r.count(8)):
        r.take(33)
    for _ in range(r.count(8)):
        r.take(33)
    r.day()
    r.u8()
    for _ in range(r.count(8)):
        r.take(33)
    r.code()
    r.bool()
    r.u32()
    r.enum(0, 5)
    r.day()
    r.day()
    r.u32()
    r.u32()
    a["identity"] = r.hash()
    r.hash()
    r.hash()
    return a


def read_security(r):
    s = {"code": r.code()}
    r.hash()
    r.u16()
    r.enum(1, 3)
    s["status"] = r.enum(1, 6)
    r.u8()
    r.u8()
    r.flags(2)
    r.flags(5)
    r.u32()
    r.hash()
    r.code()
    r.code()
    for _ in range(r.count(8)):
        r.enum(1, 2)
        r.day()
        r.day()
        r.day()
    for name in ("holders", "positions"):
        s[name] = r.u32()
    for name in ("issued", "pledged", "frozen", "queued"):
        s[name] = r.u64()
    for _ in range(4):
        r.u32()
    for _ in range(6):
        r.u64()
    r.hash()
    r.hash()
    return s


def read_holding(r):
    h = {"kind": r.enum(1, 4), "held": r.bool(), "weight": r.u32()}
    h["segments"] = []
    for _ in range(r.count(128)):
        s = {"q": r.u64(), "nature": r.u8(), "lock": r.day(),
             "trade": r.day()}
        s["pledges"] = [r.u64() for _ in range(r.count(4))]
        s["freeze"] = r.u64()
        h["segments"].append(s)
    h["freezes"] = [{"number": r.u64(), "rank": r.u64(), "effective": r.u64(),
                     "queued": r.u64()} for _ in range(r.count(64))]
    r.day()
    r.day()
    r.day()
    r.u16()
    r.u64()
    r.u64()
    r.u64()
    h["chain"] = r.hash()
    return h


def read_event(r):
    e = {"kind": r.u8()}
    r.u32()
    r.u16()
    r.flags(2)
    r.bool()
    e["security"] = r.code()
    e["account"] = r.hash()
    e["other"] = r.hash()
    r.u64()
    e["quantity"] = r.u64()
    r.u64()
    r.day()
    r.hash()
    return e


def read_tx(r):
    t = {}
    need(r.u8() == 1, "version of the transaction")
    t["chain"], t["institution"], t["day"] = r.hash(), r.u16(), r.day()
    r.take(12)
    r.day()
    r.take(16)
    last = b""
    for _ in range(r.count(72, 1)):
        kind, ident = r.u8(), r.hash()
        need(kind in (1, 2, 3), "kind of a principal")
        need(kind != 1 or (ident[:2] != b"\0\0" and not any(ident[2:])),
             "number of an institution")
        need(bytes([kind]) + ident > last, "order of principals")
        last = bytes([kind]) + ident
        t["principals"] = t.get("principals", 0) + 1
    for _ in range(r.count(64, 1)):
        r.vec(65536)  # what operations mean is not this program's business
    t["id"] = tagged("equity/TX/v1", r.data[:r.at])
    last = b""
    t["sigs"] = []
    for _ in range(r.count(160)):
        principal, kind, key, sig = r.u8(), r.u8(), r.take(33), r.take(64)
        need(principal < t["principals"], "principal of a signature")
        need(bytes([principal]) + key > last, "order of signatures")
        last = bytes([principal]) + key
        t["sigs"].append((kind, key, sig))
    return t


# ---- sections ----

def read_log_path(r):
    return [r.hash() for _ in range(r.count(65))]


def read_tree_path(r):
    return [(r.u8(), r.hash()) for _ in range(r.count(256))]


def read_slots(r):
    return [r.hash() for _ in range(5)]


HEADER_MAX, CERT_MAX, ROW_MAX = 512, 2121, 24576


def read_row(r):
    return {"row": r.vec(ROW_MAX), "path": read_tree_path(r),
            "slots": read_slots(r)}


def read_security_leaf(r):
    out = {"row": r.vec(ROW_MAX), "roots": [r.hash() for _ in range(3)]}
    out["path"], out["slots"] = read_tree_path(r), read_slots(r)
    return out


def read_holding_leaf(r):
    form = r.enum(1, 3)
    if form == 1:
        return {"form": 1, "row": r.vec(ROW_MAX), "path": read_tree_path(r)}
    if form == 2:
        return {"form": 2, "key": r.hash(), "row_hash": r.hash(),
                "path": read_tree_path(r)}
    return {"form": 3}


def read_position(r):
    return {"account": r.hash(), "account_row": read_row(r),
            "security": read_security_leaf(r),
            "holding": read_holding_leaf(r)}


def read_certified(r):
    return {"header": r.vec(HEADER_MAX), "cert": r.vec(CERT_MAX)}


def read_anchor(r):
    return {"kind": r.enum(1, 2), "header": r.vec(HEADER_MAX),
            "set": read_set(r)}


def read_epochs(r):
    out = []
    for _ in range(r.count(1024)):
        e = read_certified(r)
        e["next"] = read_set(r)
        out.append(e)
    return out


def read_link(r):
    return {"header": r.vec(HEADER_MAX), "path": read_log_path(r)}


def text(data):
    try:
        s = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refuted("text")
    for c in map(ord, s):
        need(c >= 0x20 and not 0x7f <= c < 0xa0 and
             c not in (0x200e, 0x200f) and not 0x2028 <= c <= 0x202e and
             not 0x2066 <= c <= 0x2069, "character")
    return s


def read_disclosure(r):
    salt = r.take(16)
    texts = [r.vec(255) for _ in range(3)]
    for t in texts:
        text(t)
    return {"salt": salt, "texts": texts}


def read_statement_of_account(r):
    out = {"position": read_position(r), "opening": r.enum(1, 2)}
    if out["opening"] == 2:
        out["header"], out["path"] = r.vec(HEADER_MAX), read_log_path(r)
        out["security"] = read_security_leaf(r)
        out["holding"] = read_holding_leaf(r)
        need(out["holding"]["form"] == 1, "opening without a row")
    out["events"] = [{"salt": r.take(16), "height": r.u64(),
                      "index": r.u32(), "event": r.vec(320)}
                     for _ in range(r.count(1 << 20))]
    return out


def read_statement(kind):
    if kind == 1:
        return lambda r: {"index": r.u32(), "path": read_log_path(r),
                          "tx": r.vec(65536)}
    if kind in (2, 3, 4):
        return read_position
    if kind == 5:
        return lambda r: {"security": read_security_leaf(r),
                          "lines": [(r.hash(), r.vec(ROW_MAX))
                                    for _ in range(r.count(1 << 22))]}
    if kind == 6:
        return read_statement_of_account
    if kind == 7:
        return lambda r: {"header": r.vec(HEADER_MAX),
                          "inclusion": read_log_path(r),
                          "consistency": read_log_path(r)}
    return read_set


KINDS = [None, "transaction", "holding", "absence", "unencumbered", "register",
         "statement", "consistency", "validators"]
LINK, AS_OF, DISCLOSURE = 1, 2, 4


def decode(data):
    need(len(data) <= 1 << 30, "too large")
    r = Reader(data)
    need(r.take(7) == b"EQRECPT", "no receipt")
    need(r.u8() == 1, "version")
    kind, parts = r.u8(), r.u8()
    out = {"kind": kind, "parts": parts, "chain": r.hash()}
    need(1 <= kind <= 8 and parts <= 7, "kind or parts")
    need(parts & 3 != 3, "link and as-of")
    need(not parts & LINK or kind != 8, "link")
    need(not parts & AS_OF or kind in (2, 3, 4, 5, 6), "as-of")
    need(not parts & DISCLOSURE or kind in (2, 3, 4, 6), "disclosure")
    need(len(data) >= r.at + 32 and sha(data[:-32]) == data[-32:], "digest")
    r.data = data[:-32]
    sections = [(1, "anchor", read_anchor, True),
                (2, "epochs", read_epochs, True),
                (3, "block", read_certified, True),
                (4, "link", read_link, parts & LINK),
                (5, "as_of", read_certified, parts & AS_OF),
                (16 + kind, "statement", read_statement(kind), True),
                (32, "disclosure", read_disclosure, parts & DISCLOSURE)]
    for ident, name, read, there in sections:
        if there:
            need(r.u8() == ident, "order of sections")
            out[name] = whole(r.vec(1 << 30, 0), read)
    r.end()
    return out


# ---- trees ----

def bit(key, i):
    return key[i // 8] >> (7 - i % 8) & 1


def fold_tree(table, key, leaf_key, row_hash, path):
    bits = [b for b, _ in path]
    need(all(a < b for a, b in zip(bits, bits[1:])), "order of bits")
    need(all(bit(key, b) == bit(leaf_key, b) for b in bits), "other path")
    h = sha(bytes([0x60 + table]), leaf_key, row_hash)
    for b, sibling in reversed(path):
        pair = (sibling, h) if bit(key, b) else (h, sibling)
        h = sha(bytes([0x40 + table]), b.to_bytes(2, "big"), *pair)
    return h


def fold_slots(table, h, slots):
    for i, sibling in enumerate(slots):
        pair = (sibling, h) if table >> i & 1 else (h, sibling)
        h = sha(b"\x30", *pair)
    return h


def list_root(table, leaves):
    """By the definition: split at the first bit in which keys differ."""
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        return sha(bytes([0x60 + table]), *leaves[0])
    first, last = leaves[0][0], leaves[-1][0]
    b = next(i for i in range(256) if bit(first, i) != bit(last, i))
    cut = next(i for i, (k, _) in enumerate(leaves) if bit(k, b))
    return sha(bytes([0x40 + table]), b.to_bytes(2, "big"),
               list_root(table, leaves[:cut]), list_root(table, leaves[cut:]))


def log_node(a, b):
    return sha(b"\x01", a, b)


def log_includes(root, size, index, leaf, path):
    """RFC 9162 section 2.1.3.2."""
    need(index < size, "index in the log")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        need(sn != 0, "length of a log path")
        if fn & 1 or fn == sn:
            r = log_node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = log_node(r, p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and r == root, "log path")


def log_continues(first, first_root, second, second_root, path):
    """RFC 9162 section 2.1.4.2."""
    need(first <= second, "sizes of logs")
    if first == 0 or first == second:
        need(not path, "consistency of nothing")
        need(first != 0 or first_root == sha(), "root of nothing")
        need(first != second or first_root == second_root, "roots")
        return
    need(path, "consistency")
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        need(sn != 0, "length of a consistency proof")
        if fn & 1 or fn == sn:
            fr, sr = log_node(c, fr), log_node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = log_node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and fr == first_root and sr == second_root, "consistency")


# ---- trust ----

class Trust:
    def __init__(self, data):
        t = json.loads(data)
        self.chain = bytes.fromhex(t["chain_id"])
        self.offset = t["offset_ms"]
        self.hashes = {int(p["height"]): bytes.fromhex(p["hash"])
                       for p in t.get("pinned", [])}
        self.members = None
        if "genesis" in t:
            self.hashes[0] = bytes.fromhex(t["genesis"]["hash"])
            if "validators" in t["genesis"]:
                self.members = [(bytes.fromhex(v["key"]),
                                 bytes.fromhex(v["spki_hash"]),
                                 v["institution"])
                                for v in t["genesis"]["validators"]]

    def only(self, anchor_kind):
        """The same with the anchors of one kind: genesis 1, pinned 2."""
        out = Trust.__new__(Trust)
        out.chain, out.offset, out.members = (self.chain, self.offset,
                                              self.members)
        out.hashes = {h: x for h, x in self.hashes.items()
                      if (h == 0) == (anchor_kind == 1)}
        return out

    def date(self, header):
        return (header["time"] + self.offset) // 86400000


# ---- the checks ----

class Check:
    def __init__(self, receipt, trust):
        self.r, self.t = receipt, trust
        self.certificates = []  # (cert, set), looked at last
        self.facts = {}

    def header(self, data):
        h = whole(data, read_header)
        need(h["version"] == 1 and h["flags"] <= 1, "header")
        need(h["log_size"] == h["height"], "log size")
        need(h["time"] + self.t.offset < 253402300800000, "time")
        need(h["flags"] or h["set"] == h["next"], "next set without SEAL")
        need(h["chain"] == self.t.chain, "chain")
        h["hash"] = tagged("equity/BLOCK/v1", data)
        known = self.t.hashes.get(h["height"])
        need(known is None or known == h["hash"], "another block than trusted")
        return h

    def next_set(self, s, h):
        need(s["epoch"] == h["epoch"] + h["flags"], "epoch of a set")
        need(s["hash"] == h["next"] and set_sound(s), "set")

    def cert(self, data, h, s):
        c = whole(data, read_cert)
        need(c["kind"] == 3 and c["view"] > c["parent_view"] and
             c["epoch"] == h["epoch"] and c["height"] == h["height"] and
             c["block"] == h["hash"] and c["view"] >= h["view"],
             "certificate of another block")
        self.certificates.append((c, s))
        return c

    def of_set(self, h, s):
        need(h["epoch"] == s["epoch"] and h["set"] == s["hash"], "epoch")

    def anchor(self):
        a = self.r["anchor"]
        h = self.header(a["header"])
        need((a["kind"] == 1) == (h["height"] == 0), "kind of anchor")
        if h["height"] not in self.t.hashes:
            raise OutOfReach()
        self.next_set(a["set"], h)
        need(h["height"] != 0 or self.t.members is None or
             (self.t.members == a["set"]["members"] and
              a["set"]["epoch"] == 0), "set of the trust file")
        self.set, self.before, self.seal = a["set"], None, None
        self.height = h["height"]
        self.facts["anchor"] = {"kind": ("", "genesis", "pinned")[a["kind"]],
                                "height": str(h["height"]),
                                "hash": h["hash"].hex()}

    def epochs(self):
        for e in self.r["epochs"]:
            h = self.header(e["header"])
            need(h["height"] > self.height, "height of an epoch's end")
            self.of_set(h, self.set)
            need(h["flags"] == 1, "SEAL")
            self.cert(e["cert"], h, self.set)
            self.next_set(e["next"], h)
            self.before, self.set, self.seal = self.set, e["next"], h["hash"]
            self.height = h["height"]
        self.facts["changes_of_validators"] = len(self.r["epochs"])

    def block(self, b):
        h = self.header(b["header"])
        s = self.set
        if h["hash"] == self.seal and self.r["parts"] & AS_OF:
            s = self.before
        else:
            need(h["height"] > self.height, "height of the block")
            self.of_set(h, s)
        self.height = h["height"]
        return h, self.cert(b["cert"], h, s), s

    def as_of(self, h):
        n, _, _ = self.block(self.r["as_of"])
        need(n["epoch"] == h["epoch"] + h["flags"], "epoch of the successor")
        need(n["height"] == h["height"] + 1 and n["parent"] == h["hash"] and
             n["time"] > h["time"] and self.t.date(n) > self.t.date(h),
             "successor")
        self.facts["as_of"] = {"from": day_text(self.t.date(h)),
                               "to": day_text(self.t.date(n) - 1)}

    def in_log(self, data, of, path):
        h = self.header(data)
        need(h["height"] < of["height"], "older block")
        log_includes(of["log_root"], of["log_size"], h["height"], h["hash"],
                     path)
        return h

    # ---- rows ----

    def under_root(self, leaf, table, key, row_hash, root):
        h = fold_tree(table, key, key, row_hash, leaf["path"])
        need(fold_slots(table, h, leaf["slots"]) == root, "state root")

    def security(self, x, root):
        s = whole(x["row"], read_security)
        row_hash = sha(b"\x15", x["row"], *x["roots"])
        self.under_root(x, 3, s["code"].ljust(32, b"\0"), row_hash, root)
        return s

    def holding(self, x, account, root):
        if x["form"] == 3:
            need(root == ZERO, "tree that is not empty")
            return None
        if x["form"] == 2:
            need(x["key"] != account, "another key")
            need(fold_tree(4, account, x["key"], x["row_hash"], x["path"]) ==
                 root, "absence")
            return None
        row_hash = sha(b"\x15", x["row"])
        need(fold_tree(4, account, account, row_hash, x["path"]) == root,
             "holding")
        return possible(whole(x["row"], read_holding))

    def position(self, p, root):
        self.under_root(p["account_row"], 1, p["account"],
                        sha(b"\x15", p["account_row"]["row"]), root)
        a = whole(p["account_row"]["row"], read_account)
        s = self.security(p["security"], root)
        h = self.holding(p["holding"], p["account"], p["security"]["roots"][0])
        return a, s, h

    # ---- statements ----

    def statement(self, h):
        kind, x = self.r["kind"], self.r["statement"]
        if kind == 1:
            return self.transaction(x, h)
        if kind in (2, 3, 4):
            return self.position_kind(kind, x, h)
        if kind == 5:
            return self.register(x, h)
        if kind == 6:
            return self.account_statement(x, h)
        if kind == 7:
            e = self.in_log(x["header"], h, x["inclusion"])
            log_continues(e["log_size"], e["log_root"], h["log_size"],
                          h["log_root"], x["consistency"])
            return {"earlier": block_facts(e)}
        need(h["flags"] == 1, "SEAL")
        self.next_set(x, h)
        return {"after": {"epoch": str(x["epoch"]),
                          "list": [{"key": m[0].hex()} for m in x["members"]]}}

    def transaction(self, x, h):
        log_includes(h["tx_root"], h["tx_count"], x["index"],
                     sha(b"\0", x["tx"]), x["path"])
        t = whole(x["tx"], read_tx)
        need(t["chain"] == self.t.chain, "chain of the transaction")
        for kind, key, sig in t["sigs"]:
            need(kind == 1 and signature_ok(key, t["id"], sig),
                 "signature of the transaction")
        return {"id": t["id"].hex(), "index": x["index"],
                "count": h["tx_count"], "institution": t["institution"],
                "day": day_text(t["day"])}

    def position_kind(self, kind, x, h):
        a, s, holding = self.position(x, h["state"])
        self.identity(x["account"], a)
        held = holding is not None and holding["held"]
        need(held == (kind != 3), "held or not")
        if kind == 4:
            need(not any(g["pledges"] or g["freeze"]
                         for g in holding["segments"]) and
                 not holding["freezes"] and a["status"] != 2, "encumbered")
        return position_facts(x, s, holding)

    def register(self, x, h):
        s = self.security(x["security"], h["state"])
        keys = [k for k, _ in x["lines"]]
        need(all(a < b for a, b in zip(keys, keys[1:])), "order of lines")
        rows = [possible(whole(row, read_holding)) for _, row in x["lines"]]
        leaves = [(k, sha(b"\x15", row)) for k, row in x["lines"]]
        need(list_root(4, leaves) == x["security"]["roots"][0], "lines")
        sums = [sums_of(r) for r in rows]
        need(all(sum(q[i] for q in sums) < 2**63 for i in range(4)), "sums")
        need([sum(q[i] for q in sums) for i in range(4)] ==
             [s["issued"], s["pledged"], s["frozen"], s["queued"]] and
             sum(r["weight"] for r in rows) == s["holders"] and
             sum(r["held"] for r in rows) == s["positions"], "totals")
        return {"security": s["code"].decode(), "entries": len(keys),
                "lines": [{"account": k.hex(), "total": str(q[0])}
                          for k, q in zip(keys, sums)]}

    def account_statement(self, x, h):
        account = x["position"]["account"]
        a, s, now = self.position(x["position"], h["state"])
        need(now is not None, "no row")
        self.identity(account, a)
        chain, above, code = ZERO, 0, s["code"]
        facts = position_facts(x["position"], s, now)
        if x["opening"] == 2:
            e = self.in_log(x["header"], h, x["path"])
            code = self.security(x["security"], e["state"])["code"]
            then = self.holding(x["holding"], account,
                                x["security"]["roots"][0])
            chain, above = then["chain"], e["height"]
            facts["opening"] = {"block": block_facts(e),
                                "security": code.decode(),
                                "shares": shares(then)}
        last, moved = (above, 2**32 - 1), False
        for e in x["events"]:
            event = whole(e["event"], read_event)
            need(last < (e["height"], e["index"]) and
                 e["height"] <= h["height"], "order of events")
            last = (e["height"], e["index"])
            moved = moved or (event["kind"] == 63 and
                              event["account"] == account)
            chain = sha(b"\x13", chain, e["salt"], u64(e["height"]),
                        u32(e["index"]), e["event"])
        need(chain == now["chain"], "chain of events")
        need(code == s["code"] or moved, "another security")
        facts["events"] = [{"height": str(e["height"]), "index": e["index"]}
                           for e in x["events"]]
        return facts

    def identity(self, account, account_row):
        d = self.r.get("disclosure")
        if d is not None:
            data = account + d["salt"] + b"".join(u32(len(t)) + t
                                                  for t in d["texts"])
            need(tagged("equity/IDENTITY/v1", data) == account_row["identity"],
                 "identity")

    def signatures(self):
        for c, s in self.certificates:
            n = len(s["members"])
            need(c["bits"] >> n == 0, "signer")
            need(len(c["sigs"]) == quorum(n), "quorum")
            vote = tagged("equity/BFT/VOTE/v1",
                          self.t.chain + u64(c["epoch"]) + s["hash"] +
                          bytes([c["kind"]]) + u64(c["view"]) +
                          u64(c["parent_view"]) + u64(c["height"]) +
                          c["block"])
            signers = [i for i in range(n) if c["bits"] >> i & 1]
            for i, sig in zip(signers, c["sigs"]):
                need(signature_ok(s["members"][i][0], vote, sig), "signature")

    def all(self):
        need(self.r["chain"] == self.t.chain, "chain")
        self.anchor()
        self.epochs()
        certified, cert, s = self.block(self.r["block"])
        h = certified
        if self.r["parts"] & LINK:
            link = self.r["link"]
            h = self.in_log(link["header"], certified, link["path"])
        if self.r["parts"] & AS_OF:
            self.as_of(certified)
        self.facts["kind"] = KINDS[self.r["kind"]]
        self.facts["chain_id"] = self.r["chain"].hex()
        self.facts["certified"] = dict(
            block_facts(certified), epoch=str(s["epoch"]),
            view=str(cert["view"]), signed=len(cert["sigs"]),
            validators=len(s["members"]))
        self.facts["block"] = dict(block_facts(h),
                                   date=day_text(self.t.date(h)))
        self.facts["statement"] = self.statement(h)
        if "disclosure" in self.r:
            names = ("id_type", "id_number", "name")
            self.facts["identity"] = {
                n: t.decode() for n, t in
                zip(names, self.r["disclosure"]["texts"])}
        self.signatures()


def day_text(day):
    y, m = 1970, 0
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

    def leap(y):
        return y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    while day >= 365 + leap(y):
        day -= 365 + leap(y)
        y += 1
    while day >= lengths[m] + (m == 1 and leap(y)):
        day -= lengths[m] + (m == 1 and leap(y))
        m += 1
    return "%04d-%02d-%02d" % (y, m + 1, day + 1)


def block_facts(h):
    return {"height": str(h["height"]), "hash": h["hash"].hex(),
            "time_ms": str(h["time"])}


def sums_of(h):
    return (sum(s["q"] for s in h["segments"]),
            sum(s["q"] for s in h["segments"] if s["pledges"]),
            sum(s["q"] for s in h["segments"] if s["freeze"]),
            sum(f["queued"] for f in h["freezes"]))


def shares(h):
    q = sums_of(h) if h is not None else (0, 0, 0, 0)
    return dict(zip(("total", "pledged", "frozen", "queued"), map(str, q)))


def position_facts(x, s, h):
    return {"account": x["account"].hex(), "security": s["code"].decode(),
            "has_entry": h is not None, "shares": shares(h)}


def possible(h):
    """A row that the register can have."""
    last = None
    for s in h["segments"]:
        need(s["q"] > 0, "segment without a share")
        need(0 not in s["pledges"] and
             len(set(s["pledges"])) == len(s["pledges"]), "pledges")
        key = (s["nature"], s["lock"], s["trade"], len(s["pledges"]),
               s["pledges"], s["freeze"])
        need(last is None or last < key, "order of segments")
        last = key
    total = sums_of(h)[0]
    need(max(sums_of(h)) < 2**63, "sum of a holding")
    last = None
    for f in h["freezes"]:
        on = sum(s["q"] for s in h["segments"] if s["freeze"] == f["number"])
        need(f["number"] != 0 and f["effective"] == on and
             f["queued"] <= total - on and on + f["queued"] > 0, "freeze")
        key = (f["rank"], f["number"])
        need(last is None or last < key, "order of freezes")
        last = key
    numbers = [f["number"] for f in h["freezes"]]
    need(len(set(numbers)) == len(numbers), "freeze twice")
    need(all(s["freeze"] in numbers for s in h["segments"] if s["freeze"]),
         "freeze that is not listed")
    need(h["held"] == (total > 0), "held")
    counts = h["held"] and h["kind"] == 1
    need((h["weight"] > 0) == counts, "weight")
    return h


def verify(data, trust):
    """(outcome, facts or reason)"""
    check = None
    try:
        check = Check(decode(data), trust)
        check.all()
    except Refuted as e:
        return REFUTED, str(e)
    except OutOfReach:
        return OUT_OF_REACH, ""
    return PROVEN, check.facts


def main(argv):
    files = [a for a in argv if not a.startswith("--")]
    if "--trust" not in argv or len(files) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    trust_name = argv[argv.index("--trust") + 1]
    files.remove(trust_name)
    with open(trust_name, "rb") as f:
        trust = Trust(f.read())
    with open(files[0], "rb") as f:
        outcome, facts = verify(f.read(), trust)
    if outcome == PROVEN:
        print(json.dumps(dict(facts, verdict=PROVEN), indent=2))
    else:
        print(json.dumps({"verdict": outcome, "reason": facts}, indent=2))
    return EXIT[outcome]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
