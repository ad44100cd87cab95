#!/usr/bin/python3
"""A trust server that lies: TLS in front of a real one.

trust-liar.py URL CA-FILE DIR - listens on a free loopback port, with DIR/cert.pem and DIR/key.pem; writes its port to
DIR/port.  Files in DIR say how it lies, asked anew for each request:

  keep-nothing  a publication is answered with 200 and thrown away
  garble        the same, but what is stored is another form of the same metadata (a space more)
  replay        answers to GET of timestamp.json are those that `remember` saw
  remember      notes what timestamp.json is now
  corrupt       one byte of each file that is named by its hash is another one
"""
import http.server
import os
import ssl
import sys
import urllib.error
import urllib.request

upstream, ca_file, directory = sys.argv[1:4]
context = ssl.create_default_context(cafile=ca_file)


def is_told(what):
    return os.path.exists(os.path.join(directory, what))


class Liar(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    remembered = {}

    def log_message(self, *words):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def forward(self, body=None):
        headers = {k: v for k, v in self.headers.items() if k.lower() in ("content-type", "authorization")}
        request = urllib.request.Request(upstream + self.path, data=body, headers=headers, method=self.command)
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        if name == "timestamp.json" and is_told("replay"):
            return self.answer(200, self.remembered[self.path])
        status, body = self.forward()
        if name == "timestamp.json" and is_told("remember"):
            self.remembered[self.path] = body
        if len(name) > 64 and is_told("corrupt"):
            body = body.replace(b'"version":', b'"version": ', 1)
        return self.answer(status, body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if is_told("keep-nothing"):
            return self.answer(200, b"")
        if is_told("garble"):
            body = body.replace(b'{"signed":', b'{ "signed":')
        return self.answer(*self.forward(body))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem"))
server.socket = tls.wrap_socket(server.socket, server_side=True)
with open(os.path.join(directory, "port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
server.serve_forever()
