#!/usr/bin/env python3
"""spoil_archive.py IN OUT WHAT HEIGHT: an archive (docs/FORMAT.md) in which one
thing is wrong and every digest is right, as somebody would make it who wants it
to be believed.

  drop      the block is left out
  swap      it stands behind the next one
  short     its certificate has one signature less, and says so
  double    its certificate has the first signature in place of the last
  state     another state root in its header, and the certificate names that
  tx        the last byte of its body, one of a signature, is changed
  body      it has the body of the block before it
  genesis   the genesis, and with it the chain, is another (HEIGHT is not used)
  end       the end counts one block more (HEIGHT is not used)
"""
import hashlib
import struct
import sys

ARCHIVE, BLOCK, GENESIS = b"equity/ARCHIVE/v1", b"equity/BLOCK/v1", b"equity/GENESIS/v1"
STATE_ROOT = 2 + 2 + 32 + 8 + 8 + 8 + 8 + 2 + 32 + 8 + 32 + 32 + 4 + 4  # in a header
CERT_BLOCK = 1 + 8 + 8 + 8 + 8  # of a certificate: the block's hash
CERT_BITMAP = CERT_BLOCK + 32


def sha(b):
    return hashlib.sha256(b).digest()


def tagged(tag, b):
    return sha(sha(tag) + sha(tag) + b)


def vec(b):
    return struct.pack("<I", len(b)) + b


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def vec(self):
        return self.take(struct.unpack("<I", self.take(4))[0])


def read(data):
    r = Reader(data)
    head = {"magic": r.take(8), "chain": r.take(32), "first": r.take(8), "genesis": r.vec()}
    r.take(32)
    blocks = []
    while r.take(1) == b"\1":
        blocks.append([r.vec(), r.vec(), r.vec()])
        r.take(32)
    return head, blocks


def write(head, blocks, more):
    out, digest = b"", bytes(32)

    def add(item):
        nonlocal out, digest
        digest = tagged(ARCHIVE, digest + sha(item))
        out += item + digest

    add(head["magic"] + head["chain"] + head["first"] + vec(head["genesis"]))
    for b in blocks:
        add(b"\1" + b"".join(vec(p) for p in b))
    add(b"\0" + struct.pack("<Q", len(blocks) + more) + tagged(BLOCK, blocks[-1][0]))
    return out


def spoil(what, head, blocks, i):
    header, cert, body = blocks[i]
    if what == "drop":
        del blocks[i]
    elif what == "swap":
        blocks[i], blocks[i + 1] = blocks[i + 1], blocks[i]
    elif what in ("short", "double"):
        bitmap, count = struct.unpack("<II", cert[CERT_BITMAP:CERT_BITMAP + 8])
        if what == "short":
            bitmap, count, sigs = bitmap & (bitmap - 1), count - 1, cert[CERT_BITMAP + 8 + 64:]
        else:
            sigs = cert[CERT_BITMAP + 8:-64] + cert[CERT_BITMAP + 8:CERT_BITMAP + 8 + 64]
        blocks[i][1] = cert[:CERT_BITMAP] + struct.pack("<II", bitmap, count) + sigs
    elif what == "state":
        blocks[i][0] = header = (header[:STATE_ROOT] + bytes([header[STATE_ROOT] ^ 1]) +
                                 header[STATE_ROOT + 1:])
        blocks[i][1] = cert[:CERT_BLOCK] + tagged(BLOCK, header) + cert[CERT_BITMAP:]
    elif what == "tx":
        blocks[i][2] = body[:-1] + bytes([body[-1] ^ 1])
    elif what == "body":
        blocks[i][2] = blocks[i - 1][2]
    elif what == "genesis":
        g = head["genesis"]  # the last byte of the calendar; no origin follows
        head["genesis"] = g[:-5] + bytes([g[-5] ^ 1]) + g[-4:]
        head["chain"] = tagged(GENESIS, head["genesis"])
    return 1 if what == "end" else 0


def main():
    source, target, what, height = sys.argv[1:]
    with open(source, "rb") as f:
        head, blocks = read(f.read())
    more = spoil(what, head, blocks, int(height))
    with open(target, "wb") as f:
        f.write(write(head, blocks, more))


main()
