#!/usr/bin/env python3
"""Real nodes in network namespaces, under load, while everything goes wrong.

chaos.py BUILD [--nodes N] [--hold S] [--rounds N] [--kills N] [--only WORD]

Each node has an address of its own on a simulated wire (wire.c).  A load of
signed transfers goes on all the time (load.c) and keeps the ids that a node
called final.  Each scenario breaks something, holds it, heals it, and asks:
  - is the network final again within two capped time-outs of the healing?
  - did a node end that should not have?
At the end: every acknowledged transaction is final on every node, and the
state roots of all nodes are equal.  Needs root.
"""
import argparse
import ctypes
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

T_CAP = 10.0  # t_cap_ms of the genesis that `equity devnet` makes
BOUND = 2 * T_CAP
START = 10.0  # what a start may take beside: database, journal, handshakes
CLONE_NEWNET = 0x40000000
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
libc = ctypes.CDLL(None, use_errno=True)


def fail_hard(text):
    sys.exit(f"chaos: {text}")


def copy_directory(src, dst):
    """A data directory of a node that is down; a dead node's socket stays."""
    shutil.copytree(src, dst, ignore=shutil.ignore_patterns("control"))


class Namespace:
    """Sockets made inside `with` belong to a node's network namespace."""

    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self):
        if libc.setns(self.fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def __exit__(self, *_):
        libc.setns(self.home, CLONE_NEWNET)

    def delete(self):
        os.close(self.fd)
        subprocess.run(["ip", "netns", "del", self.name], check=False)


class Network:
    def __init__(self, build, nodes, work):
        self.build = build
        self.n = nodes
        self.f = (nodes - 1) // 3
        self.work = work
        self.dir = os.path.join(work, "net")
        self.process = [None] * nodes
        self.expected_end = [False] * nodes
        self.spaces = []
        self.wire = None
        self.load = None
        self.make()

    # ---- making ----

    def make(self):
        port = 12000 + os.getpid() % 20 * 1000 + 700
        log = open(os.path.join(self.work, "devnet.log"), "w+")
        made = subprocess.Popen(
            [f"{self.build}/equity", "devnet", "--dir", self.dir,
             "--nodes", str(self.n), "--base-port", str(port)],
            stdout=log, stderr=subprocess.STDOUT)
        for _ in range(1200):
            if "running" in open(log.name).read() or made.poll() is not None:
                break
            time.sleep(0.1)
        made.send_signal(signal.SIGTERM)
        if made.wait() != 0:
            fail_hard(open(log.name).read())
        tag = f"eqc{os.getpid()}"
        self.spaces = [Namespace(f"{tag}n{i}") for i in range(self.n)]
        arguments = []
        for i in range(self.n):
            arguments += [self.spaces[i].name, f"{self.address(i)}/24"]
            self.write_config(i)
        self.wire = subprocess.Popen(
            [f"{self.build}/tests/chaos/wire", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.wire.stdout.readline() != "ok\n":
            fail_hard("the wire between the nodes cannot be made: "
                      "this needs root and /dev/net/tun")

    @staticmethod
    def address(i):
        return f"10.77.0.{i + 1}"

    def ini(self, i):
        return os.path.join(self.dir, f"node{i}.ini")

    def data(self, i):
        return os.path.join(self.dir, f"node{i}")

    def write_config(self, i):
        text = open(self.ini(i)).read()
        text = re.sub(r"(\[rpc\]\nlisten = ).*", r"\g<1>127.0.0.1:7500", text)
        text = re.sub(r"(\[peers\]\nlisten = ).*",
                      rf"\g<1>{self.address(i)}:7400", text)
        text = re.sub(r"peer\.(\d+) = .*",
                      lambda m: f"peer.{m[1]} = "
                                f"{self.address(int(m[1]))}:7400", text)
        open(self.ini(i), "w").write(text)

    # ---- nodes ----

    def start(self, i, flags=(), environment=None):
        env = dict(os.environ, **(environment or {}))
        log = open(os.path.join(self.work, f"node{i}.log"), "a")
        self.expected_end[i] = False
        self.process[i] = subprocess.Popen(
            ["ip", "netns", "exec", self.spaces[i].name,
             f"{self.build}/equityd", "run", "--config", self.ini(i), *flags],
            stdout=log, stderr=log, env=env)

    def end(self, i, how=signal.SIGKILL):
        """Ends it and returns its exit code."""
        self.expected_end[i] = True
        self.process[i].send_signal(how)
        return self.process[i].wait(60)

    def up(self):
        return [i for i in range(self.n)
                if self.process[i] is not None
                and self.process[i].poll() is None]

    def died(self):
        return [i for i in range(self.n)
                if self.process[i] is not None and not self.expected_end[i]
                and self.process[i].poll() is not None]

    def log(self, i):
        return open(os.path.join(self.work, f"node{i}.log")).read()

    # ---- questions ----

    def ask(self, i, request, body=None, timeout=2.0):
        with self.spaces[i]:
            s = socket.socket()
        s.settimeout(timeout)
        try:
            with self.spaces[i]:
                s.connect(("127.0.0.1", 7500))
            c = http.client.HTTPConnection("127.0.0.1", 7500)
            c.sock = s
            c.request("POST" if body else "GET", request, body,
                      {"Content-Type": "application/json"})
            r = c.getresponse()
            return r.status, r.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            s.close()

    def rpc(self, i, method, params=None, timeout=2.0):
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                           "params": params or {}})
        status, reply = self.ask(i, "/", text, timeout)
        try:
            return json.loads(reply).get("result") if status == 200 else None
        except ValueError:
            return None

    def height(self, i):
        s = self.rpc(i, "node_status")
        return int(s["height"]) if s else -1

    def ready(self, i):
        return self.ask(i, "/readyz")[0] == 200

    def why_not_ready(self, i):
        try:
            checks = json.loads(self.ask(i, "/readyz")[1])["checks"]
            return "; ".join(f"{c['check']}: {c['reason']}" for c in checks
                             if not c["ok"])
        except (ValueError, KeyError):
            return "no answer"

    def root(self, i, height):
        h = self.rpc(i, "chain_getHeader", {"height": str(height)})
        return h["header"]["state_root"] if h else None

    # ---- the wire ----

    def order(self, text):
        self.wire.stdin.write(text + "\n")
        self.wire.stdin.flush()
        if self.wire.stdout.readline() != "ok\n":
            fail_hard(f"the wire refused: {text}")

    def part(self, *groups):
        """Nothing passes between the groups."""
        side = {i: g for g, group in enumerate(groups) for i in group}
        for a in range(self.n):
            for b in range(self.n):
                if a != b and side.get(a) != side.get(b):
                    self.order(f"cut {a} {b}")

    # ---- load ----

    def start_load(self, rate):
        self.acks = os.path.join(self.work, "acknowledged")
        places = [f"{self.spaces[i].name}=http://127.0.0.1:7500"
                  for i in range(self.n)]
        self.load = subprocess.Popen(
            [f"{self.build}/tests/chaos/load", self.dir, self.acks, str(rate),
             *places],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.load.stdout.readline() != "ready\n":
            fail_hard("no market could be made on the network")

    def stop_load(self):
        self.load.stdin.close()
        line = self.load.stdout.readline().strip()
        self.load.wait()
        self.load = None
        return line

    def clear_up(self):
        for p in [self.load, self.wire, *self.process]:
            if p is not None and p.poll() is None:
                p.kill()
                p.wait()
        for s in self.spaces:
            s.delete()


class Run:
    def __init__(self, net, hold):
        self.net = net
        self.hold = hold
        self.passed = 0
        self.failed = 0
        self.slowest = 0.0
        self.random = random.Random(1)

    def say(self, good, text):
        self.passed += good
        self.failed += not good
        print(("ok   " if good else "FAIL ") + text, flush=True)
        return good

    def progress(self, name, bound=BOUND, nodes=None):
        """Every node (of `nodes`) is final beyond what any was at first."""
        net = self.net
        nodes = net.up() if nodes is None else nodes
        began = time.monotonic()
        goal = max([net.height(i) for i in nodes] + [0]) + 2
        waiting = set(nodes)
        while waiting and time.monotonic() - began < bound + 30:
            waiting = {i for i in waiting if net.height(i) < goal}
            if waiting:
                time.sleep(0.05)
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        text = f"{name}: final again after {took:.1f} s"
        if waiting:
            text = f"{name}: nodes {sorted(waiting)} are not final again"
        self.say(not waiting and took <= bound, text)
        for i in net.died():
            net.expected_end[i] = True
            self.say(False, f"{name}: node {i} ended with "
                            f"{net.process[i].returncode}")

    def wait_ready(self, name, i, seconds=START + BOUND):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.net.ready(i):
                return True
            time.sleep(0.1)
        return self.say(False, f"{name}: node {i} is not ready: "
                               + self.net.why_not_ready(i))

    # ---- scenarios ----

    def bad_links(self):
        self.net.order("link * * 60 60 100 50")
        time.sleep(self.hold)
        self.net.order("clear")
        self.progress("60-120 ms, 10 % lost, 5 % twice, out of order")

    def one_bad_link(self):
        self.net.order("link 0 * 250 200 250 0")
        time.sleep(self.hold)
        self.progress("one node behind 250-450 ms and 25 % loss: the others",
                      nodes=self.net.up()[1:])
        self.net.order("clear")
        self.progress("and then that one too")

    def halves(self):
        half = self.net.n // 2
        self.net.part(range(half), range(half, self.net.n))
        time.sleep(self.hold + 5)
        self.net.order("clear")
        self.progress(f"parted {half}|{self.net.n - half}")

    def minority(self):
        some = range(self.net.f)
        rest = range(self.net.f, self.net.n)
        self.net.part(some, rest)
        self.progress(f"parted {len(some)}|{len(rest)}: the others go on",
                      nodes=list(rest))
        time.sleep(self.hold)
        self.net.order("clear")
        self.progress(f"parted {len(some)}|{len(rest)}, healed")

    def one_way(self):
        for a in range(self.net.f):
            self.net.order(f"cut {a} *")
        time.sleep(self.hold)
        self.progress("heard by nobody: the others go on",
                      nodes=list(range(self.net.f, self.net.n)))
        self.net.order("clear")
        self.progress("heard by nobody, healed")
        self.net.order("cut * 1")
        time.sleep(self.hold)
        self.net.order("clear")
        self.progress("hears nobody, healed")

    def flapping(self):
        half = self.net.n // 2
        for k in range(int(self.hold)):
            self.net.part(range(half), range(half, self.net.n))
            time.sleep(1)
            self.net.order("clear")
            time.sleep(1)
        self.progress("parted and healed every second")

    def kill_each(self):
        for i in range(self.net.n):
            self.net.end(i)
            self.progress(f"node {i} killed: the others go on")
            self.net.start(i)
            self.progress(f"node {i} killed and back", START + BOUND)

    def kill_all(self):
        for i in range(self.net.n):
            self.net.end(i)
        order = list(range(self.net.n))
        self.random.shuffle(order)
        for i in order:
            self.net.start(i)
        self.progress("all killed at once and back", START + BOUND)

    def stopped(self):
        for i in range(self.net.n):
            self.net.process[i].send_signal(signal.SIGSTOP)
            time.sleep(5)
            self.net.process[i].send_signal(signal.SIGCONT)
        self.progress("each stopped for 5 s in turn")
        some = list(range(self.net.f))
        for i in some:
            self.net.process[i].send_signal(signal.SIGSTOP)
        self.progress(f"{self.net.f} stopped: the others go on",
                      nodes=[i for i in self.net.up() if i not in some])
        time.sleep(self.hold)
        for i in some:
            self.net.process[i].send_signal(signal.SIGCONT)
        self.progress(f"{self.net.f} stopped and back")

    def clocks(self):
        if not os.path.exists(FAKETIME):
            print("skip clocks: install faketime", flush=True)
            return
        skew = ["+30s", "-30s"][:self.net.f] if self.net.f > 1 else [None]
        for value in (["+30s", "-30s"] if skew == [None] else [skew]):
            values = [value] if isinstance(value, str) else value
            for k, v in enumerate(values):
                self.net.end(k, signal.SIGTERM)
                self.net.start(k, environment={
                    "LD_PRELOAD": FAKETIME, "FAKETIME": v,
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
            name = "clock " + " and ".join(values)
            self.progress(f"{name}: goes on", START + BOUND)
            time.sleep(self.hold)
            for k in range(len(values)):
                self.net.end(k, signal.SIGTERM)
                self.net.start(k)
            self.progress(f"{name}, right again", START + BOUND)

    def observes(self, name, i):
        end = time.monotonic() + START + BOUND
        while time.monotonic() < end:
            why = self.net.why_not_ready(i)
            if "join with a new key" in why or "the journal is old" in why:
                return self.say(True, f"{name}: it only observes, and says so")
            time.sleep(0.2)
        return self.say(False, f"{name}: it should only observe: "
                        + self.net.why_not_ready(i))

    def wiped(self):
        i = self.net.n - 1
        saved = self.net.data(i) + ".saved"
        self.net.end(i)
        copy_directory(self.net.data(i), saved)
        for part in ("db", "journal"):
            shutil.rmtree(os.path.join(self.net.data(i), part))
        r = subprocess.run([f"{self.net.build}/equityd", "init", "--config",
                            self.net.ini(i)], capture_output=True, text=True)
        self.say(r.returncode == 0, "wiped directory: made anew")
        self.net.start(i)
        self.observes("wiped directory", i)
        self.progress("wiped directory: it follows", START + BOUND)
        self.net.end(i)
        shutil.rmtree(self.net.data(i))
        os.rename(saved, self.net.data(i))
        self.net.start(i)
        self.wait_ready("the right directory again", i)
        self.progress("the right directory again", START + BOUND)

    def restored(self):
        i = self.net.n - 1
        data, old, new = (self.net.data(i) + x for x in ("", ".old", ".new"))
        self.net.end(i, signal.SIGTERM)
        copy_directory(data, old)
        self.net.start(i)
        self.wait_ready("old directory", i)
        time.sleep(self.hold)  # it votes: what the old journal does not know
        self.net.end(i)
        os.rename(data, new)
        os.rename(old, data)
        self.net.start(i)
        self.observes("old directory restored", i)
        self.net.end(i)
        shutil.rmtree(data)
        os.rename(new, data)
        self.net.start(i)
        self.wait_ready("the newest directory again", i)
        self.progress("the newest directory again", START + BOUND)

    def full_disk(self):
        i = self.net.n - 1
        small = os.path.join(self.net.work, "small")
        self.net.end(i, signal.SIGTERM)
        size = int(subprocess.run(["du", "-sm", self.net.data(i)],
                                  capture_output=True, text=True)
                   .stdout.split()[0]) + 64
        os.makedirs(small, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m",
                        "tmpfs", small], check=True)
        try:
            there = os.path.join(small, "data")
            copy_directory(self.net.data(i), there)
            flags = ["--node-dir", there, "--node-disk_reserve_mib", "1"]
            self.net.start(i, flags)
            self.wait_ready("full disk", i)
            with open(os.path.join(small, "filler"), "wb") as filler:
                try:
                    while True:
                        filler.write(bytes(1 << 16))
                        filler.flush()
                except OSError:
                    pass
            self.net.expected_end[i] = True
            try:
                code = self.net.process[i].wait(60)
            except subprocess.TimeoutExpired:
                code = None
            self.say(code == 86, f"full disk: it stops with 86 (got {code})")
            self.progress("full disk: the others go on",
                          nodes=[k for k in self.net.up() if k != i])
            os.remove(os.path.join(small, "filler"))
            self.net.start(i, flags)
            self.wait_ready("room again", i)
            self.progress("room again", START + BOUND)
            self.net.end(i, signal.SIGTERM)
            shutil.rmtree(self.net.data(i))
            copy_directory(there, self.net.data(i))
        finally:
            subprocess.run(["umount", "-l", small], check=False)
        self.net.start(i)
        self.progress("on its own disk again", START + BOUND)

    SCENARIOS = [bad_links, one_bad_link, halves, minority, one_way, flapping,
                 kill_each, kill_all, stopped, clocks, wiped, restored,
                 full_disk]

    def many_kills(self, count):
        """kill -9 of single nodes under load, as fast as they come back."""
        for k in range(count):
            i = self.random.randrange(self.net.n)
            time.sleep(self.random.random() * 0.5)
            self.net.end(i)
            self.net.start(i)
            end = time.monotonic() + START + BOUND
            back = self.net.ready(i)
            while not back and time.monotonic() < end:
                time.sleep(0.05)
                back = self.net.ready(i)
            if not back or self.net.died():
                self.say(False, f"kill {k + 1}: node {i} does not come back; "
                                f"ended: {self.net.died()}")
                return
            if (k + 1) % 50 == 0:
                print(f"     {k + 1} of {count} restarts", flush=True)
        self.progress(f"{count} kill -9 restarts of single nodes")

    # ---- the end ----

    def settle(self):
        net = self.net
        line = net.stop_load()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            heights = [net.height(i) for i in range(net.n)]
            if len(set(heights)) == 1 and heights[0] > 0:
                break
            time.sleep(0.5)
        self.say(len(set(heights)) == 1, f"all nodes are at height "
                                         f"{sorted(set(heights))}")
        roots = {net.root(i, min(heights)) for i in range(net.n)}
        self.say(len(roots) == 1 and None not in roots,
                 "the state roots of all nodes are equal")
        ids = open(net.acks).read().split()
        lost = []
        for k, name in enumerate(ids):
            for i in range(net.n):
                r = net.rpc(i, "tx_get", {"id": name}, 10.0)
                if not r or r.get("state") != "FINAL":
                    lost.append((name, i))
        self.say(not lost and len(ids) > 0,
                 f"none of {len(ids)} acknowledged transactions is lost on "
                 f"any node" + (f": {lost[:3]}" if lost else ""))
        print(f"     load: {line}; slowest to be final again "
              f"{self.slowest:.1f} s")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("build")
    p.add_argument("--nodes", type=int, default=4)
    p.add_argument("--hold", type=float, default=5.0,
                   help="seconds that a fault lasts")
    p.add_argument("--rate", type=int, default=40, help="transfers a second")
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--kills", type=int, default=0,
                   help="instead: so many kill -9 restarts of single nodes")
    p.add_argument("--only", help="scenarios whose name contains this")
    a = p.parse_args()
    if os.geteuid() != 0:
        fail_hard("needs root for network namespaces")
    work = tempfile.mkdtemp(prefix="equity-chaos-")
    net = None
    run = None
    try:
        print(f"{a.nodes} nodes, {a.rate} transfers a second, "
              f"bound {BOUND:.0f} s", flush=True)
        net = Network(os.path.abspath(a.build), a.nodes, work)
        run = Run(net, a.hold)
        for i in range(net.n):
            net.start(i)
        for i in range(net.n):
            run.wait_ready("start", i)
        net.start_load(a.rate)
        if a.kills:
            run.many_kills(a.kills)
        for _ in range(0 if a.kills else a.rounds):
            for scenario in Run.SCENARIOS:
                if a.only is None or a.only in scenario.__name__:
                    scenario(run)
        run.settle()
        print(f"\n{run.passed} passed, {run.failed} failed")
    finally:
        if net is not None:
            net.clear_up()
        if run is None or run.failed:
            print(f"logs are in {work}", file=sys.stderr)
        else:
            shutil.rmtree(work)
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
