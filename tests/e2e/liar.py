#!/usr/bin/env python3
"""liar.py PORT NODE METHOD KEY=VALUE...: a node that answers another question.

Passes JSON-RPC on to the node at NODE (an URL).  What METHOD is asked, it asks
with these parameters in place of those given (KEY=, without it); what it gets,
it answers.  METHOD! puts KEY=VALUE into the result of METHOD instead.
"""
import json
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, node, method = int(sys.argv[1]), sys.argv[2], sys.argv[3]
lies = dict(a.split("=", 1) for a in sys.argv[4:])
in_result = method.endswith("!")
method = method.rstrip("!")


def bend(values):
    for key, value in lies.items():
        if value == "":
            values.pop(key, None)
        elif in_result and value.isdigit():
            values[key] = int(value)
        else:
            values[key] = value


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["method"] == method and not in_result:
            bend(asked.setdefault("params", {}))
        request = urllib.request.Request(
            node, json.dumps(asked).encode(), {"Content-Type": "application/json"})
        answer = json.loads(urllib.request.urlopen(request, timeout=60).read())
        if asked["method"] == method and in_result:
            bend(answer["result"])
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
