#!/usr/bin/python3
"""A gate in front of a registry: holds the requests of agents at points that a test names.

  gate.py REGISTRY DIR [ADDRESS]     listens on a free port (of loopback), which it writes to DIR/port

A file DIR/before-METHOD-KIND or DIR/after-METHOD-KIND, such as before-PUT-manifests or after-PUT-manifests,
stops the next request of that kind that an agent makes: not yet seen by the registry, or carried out by it but
not yet answered.  KIND is manifests, uploads or blobs.  The file is then named DIR/at-..., and when that is
removed the request goes on.  Everybody else passes.
"""

import http.client
import http.server
import os
import re
import sys
import time

registry, directory = sys.argv[1:3]
KINDS = re.compile(r"/(manifests|blobs/uploads|blobs)/")


class Gate(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def hold(self, when):
        kind = KINDS.search(self.path)
        if not kind or not self.headers.get("User-Agent", "").startswith("lkagentd"):
            return
        point = f"{when}-{self.command}-{kind.group(1).split('/')[-1]}"
        held = os.path.join(directory, f"at-{point}")
        try:
            os.rename(os.path.join(directory, point), held)
        except FileNotFoundError:
            return
        while os.path.exists(held):
            time.sleep(0.02)

    def forward(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else None
        self.hold("before")
        upstream = http.client.HTTPConnection(registry, timeout=60)
        try:
            # With the Host that the client used: the registry's Locations then lead through the gate again.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            data = answer.read()
        except OSError:
            self.close_connection = True
            return
        finally:
            upstream.close()
        self.hold("after")
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        if self.command == "HEAD":
            self.send_header("Content-Length", answer.getheader("Content-Length", "0"))
        elif answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else data)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = forward

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients that die in the middle are what this is for."""


server = Server((sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1", 0), Gate)
with open(os.path.join(directory, "port.new"), "w", encoding="ascii") as out:
    out.write(str(server.server_port))
os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
server.serve_forever()
