#!/usr/bin/python3
"""A registry's bad days: an HTTP proxy before a real registry, for tests.

  faulty-proxy.py DIR HOST:PORT [OWN-HOST:PORT]      itself on a free loopback port unless it is told where

Writes its own HOST:PORT to DIR/address.  DIR/faults says what shall go wrong, a line each:

  COUNT METHOD REGEX FAULT [ARGUMENT]

The first line that fits a request (METHOD may be *; REGEX is searched in the path with its query) strikes, and
COUNT goes down by one; at 0 the line is no more.

  reset N      N bytes of the request's body reach the registry, then both connections are reset
  keep N       the same before a registry that keeps what arrived (docker-registry 2.8 gives it up)
  slow N       the answer comes N seconds late
  late N       N milliseconds
  lose         the registry does its work, its answer is lost
  status CODE  the registry is not asked, CODE is answered
  doubt        the registry is not asked, 400 is answered with DIGEST_INVALID, as docker-registry does if it reads
               the link to a blob while another request writes it
  busy N       429 with Retry-After: N
  redirect     307 to another path of the same host
  moved        what the Location of the answer names lies at that other path
  relative     the Location of the answer is relative to the request's address
  cut N        the answer's body ends after N bytes
  flip         the first byte of the answer's body is another one
  hide N       a manifest is stored, 201 is answered, and for N seconds nobody finds it

While there is a file DIR/referrers it answers for a registry with the referrers API, of manifests that were put through it
since it started; with a number in it, in pages of so many.

DIR/requests has one line for each request that ended: METHOD STATUS BODY-BYTES FAULT PATH PROGRAM MS BEGAN-MS JOINED-MS.  STATUS is
0 where none was delivered, BODY-BYTES counts what was read of the request's body, FAULT is - where none struck, MS is when
it ended; then when it began, and when its connection was made.
"""

import hashlib
import http.client
import http.server
import json
import os
import re
import socket
import struct
import sys
import threading
import time

ELSEWHERE = "/elsewhere"
PIECE = 65536
INDEX = "application/vnd.oci.image.index.v1+json"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


def now_ms():
    return int(time.monotonic() * 1000)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.joined = now_ms()

    def handle_any(self):
        began = now_ms()
        self.got, self.status = 0, 0
        self.path = self.path.removeprefix(ELSEWHERE)
        fault, argument = self.server.strike(self.command, self.path)
        try:
            getattr(self, "do_" + fault, self.forward)(fault, argument)
        except (ConnectionError, http.client.HTTPException, TimeoutError):
            self.reset()
        self.server.note(self.command, self.status, self.got, fault, self.path,
                         self.headers.get("User-Agent", "?").split("/")[0],
                         now_ms(), began, self.joined)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

    # Faults that never ask the registry.

    def do_status(self, _, code):
        self.drop_body()
        self.answer(code, [])

    def do_doubt(self, _, __):
        self.drop_body()
        body = b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}'
        self.answer(400, [("Content-Type", "application/json")], body, len(body))

    def do_busy(self, _, seconds):
        self.drop_body()
        self.answer(429, [("Retry-After", str(seconds))])

    def do_redirect(self, _, __):
        self.close_connection = True
        self.answer(307, [("Location", ELSEWHERE + self.path)])

    # Faults on the way there.

    def do_reset(self, _, count):
        upstream = self.open_upstream(self.path, self.body_size())
        self.pass_body(upstream, count)
        upstream.close()
        self.reset()

    def do_keep(self, _, count):
        upstream = self.open_upstream(self.path, count)
        self.pass_body(upstream, count)
        location = upstream.getresponse().headers["Location"]
        self.server.keep(self.path, location)
        upstream.close()
        self.reset()

    # Faults on the way back, and none.

    def forward(self, fault, argument):
        if fault == "hide":
            self.server.hide(self.path, argument)
        if self.command in ("GET", "HEAD") and self.server.is_hidden(self.path):
            self.answer(404, [])
            return
        if self.command == "GET" and "/referrers/" in self.path and self.server.has_referrers():
            self.list_referrers()
            return
        path = self.server.kept_at(self.path) if self.command == "GET" else self.path
        upstream = self.open_upstream(path, self.body_size())
        put = self.pass_body(upstream, self.body_size())
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        subject = None
        if self.command == "PUT" and "/manifests/" in self.path and answer.status == 201 and self.server.has_referrers():
            subject = self.server.refer(self.path, put)
        if fault in ("slow", "late"):
            time.sleep(argument if fault == "slow" else argument / 1000)
        if fault == "lose":
            self.reset()
            return
        if fault == "hide":
            self.server.hide_digest(self.path, answer.headers["Docker-Content-Digest"], argument)
        if fault == "flip" and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        headers = [(name, self.located(fault, value) if name == "Location" else value)
                   for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
        if subject:
            headers.append(("OCI-Subject", subject))
        self.answer(answer.status, headers, body, argument if fault == "cut" else len(body))

    def list_referrers(self):
        entries, size = self.server.referrers_of(self.path), self.server.page_size()
        first = int(self.path.partition("?from=")[2] or 0)
        page = entries[first:first + size] if size else entries
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": page}).encode()
        headers = [("Content-Type", INDEX)]
        if size and first + size < len(entries):
            headers.append(("Link", f'<{self.path.partition("?")[0]}?from={first + size}>; rel="next"'))
        self.answer(200, headers, body, len(body))

    def located(self, fault, location):
        path = re.sub(r"^https?://[^/]*", "", location)
        if fault == "moved":
            return ELSEWHERE + path
        return path.rpartition("/uploads/")[2] if fault == "relative" else location

    def body_size(self):
        return int(self.headers.get("Content-Length", 0))

    def open_upstream(self, path, size):
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        upstream.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                upstream.putheader(name, value)
        upstream.putheader("Content-Length", str(size))
        upstream.endheaders()
        return upstream

    def read_body(self, size):
        piece = self.rfile.read1(min(size, PIECE))
        if not piece:
            raise ConnectionError("the client left")
        self.got += len(piece)
        return piece

    def pass_body(self, upstream, size):
        passed = b""
        while self.got < size:
            piece = self.read_body(size - self.got)
            upstream.send(piece)
            if "/manifests/" in self.path:
                passed += piece
        return passed

    def drop_body(self):
        while self.got < self.body_size():
            self.read_body(self.body_size() - self.got)

    def answer(self, status, headers, body=b"", shown=0):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers) and status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:shown])
        self.wfile.flush()
        self.status = status
        if shown < len(body):
            self.close_connection = True

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of the default 5 the rest would have to knock again, a second later

    def __init__(self, directory, upstream, own="127.0.0.1:0"):
        self.directory, self.upstream = directory, upstream
        self.lock = threading.Lock()
        self.kept, self.hidden, self.referrers = {}, {}, {}
        host, port = own.split(":")
        super().__init__((host, int(port)), Handler)

    def handle_error(self, request, client_address):
        pass  # a connection that we reset ourselves

    def strike(self, method, path):
        with self.lock:
            lines = self.read_faults()
            for i, words in enumerate(lines):
                if words[1] in ("*", method) and re.search(words[2], path):
                    words[0] = str(int(words[0]) - 1)
                    if words[0] == "0":
                        del lines[i]
                    self.write_faults(lines)
                    return words[3], int(words[4]) if len(words) > 4 else 0
        return "-", 0

    def read_faults(self):
        try:
            with open(f"{self.directory}/faults", encoding="utf-8") as file:
                return [line.split() for line in file if line.strip()]
        except FileNotFoundError:
            return []

    def write_faults(self, lines):
        with open(f"{self.directory}/faults.new", "w", encoding="utf-8") as file:
            file.writelines(" ".join(words) + "\n" for words in lines)
        os.rename(f"{self.directory}/faults.new", f"{self.directory}/faults")

    def note(self, *words):
        with self.lock, open(f"{self.directory}/requests", "a", encoding="utf-8") as file:
            print(*words, file=file)

    # An upload goes on at a new address after each piece; who was cut off knows only the old one.

    def keep(self, path, location):
        with self.lock:
            self.kept[path] = re.sub(r"^https?://[^/]*", "", location)

    def kept_at(self, path):
        with self.lock:
            return self.kept.pop(path, path)

    def hide(self, path, seconds):
        with self.lock:
            self.hidden[path] = time.monotonic() + seconds

    def hide_digest(self, path, digest, seconds):
        self.hide(f"{path.rpartition('/')[0]}/{digest}", seconds)

    def has_referrers(self):
        return os.path.exists(f"{self.directory}/referrers")

    def page_size(self):
        with open(f"{self.directory}/referrers", encoding="utf-8") as file:
            return int(file.read() or 0)

    def refer(self, path, body):
        manifest = json.loads(body)
        if "subject" not in manifest:
            return None
        subject = manifest["subject"]["digest"]
        entry = {"mediaType": manifest["mediaType"], "digest": "sha256:" + hashlib.sha256(body).hexdigest(),
                 "size": len(body), "artifactType": manifest.get("artifactType", manifest["config"]["mediaType"]),
                 "annotations": manifest.get("annotations", {})}
        with self.lock:
            entries = self.referrers.setdefault(f"{path.partition('/manifests/')[0]}/referrers/{subject}", [])
            if entry not in entries:
                entries.append(entry)
        return subject

    def referrers_of(self, path):
        with self.lock:
            return list(self.referrers.get(path.partition("?")[0], []))

    def is_hidden(self, path):
        with self.lock:
            return self.hidden.get(path, 0) > time.monotonic()


def main():
    server = Server(*sys.argv[1:])
    with open(f"{server.directory}/address.new", "w", encoding="utf-8") as file:
        print("%s:%d" % server.server_address, file=file)
    os.rename(f"{server.directory}/address.new", f"{server.directory}/address")
    server.serve_forever()


main()
