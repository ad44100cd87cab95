#!/usr/bin/python3
"""A token server for docker-registry on a free loopback port, for tests.

  token-server.py DIR SERVICE USER PASSWORD

Makes DIR/key.pem and DIR/cert.pem, then serves http://127.0.0.1:PORT/token and writes PORT to DIR/port.
Whoever shows USER and PASSWORD gets a token for every scope asked for.  DIR/asked has one line for each
question: "granted|refused USER PROGRAM LIFETIME SCOPE..."; DIR/tokens every token, so that a test can look
whether one of them lies anywhere.  Each line of DIR/lifetimes, if it is there, is a lifetime in seconds for one
of the next tokens, and is used up by it.  With TOKEN_TLS set it speaks TLS with that directory's cert.pem and key.pem.
"""

import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

ISSUER = "token-server"
LIFETIME = 300
LEEWAY = 60  # docker-registry takes a token for so many seconds longer (registry/auth/token)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, **options):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, **options).stdout


class Signer:
    def __init__(self, directory):
        self.key = f"{directory}/key.pem"
        cert = f"{directory}/cert.pem"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                f"/CN={ISSUER}", "-keyout", self.key, "-out", cert)
        der = openssl("x509", "-in", cert, "-outform", "DER")
        self.header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}

    def sign(self, claims):
        text = ".".join(encode(json.dumps(part).encode()) for part in (self.header, claims))
        return f"{text}.{encode(openssl('dgst', '-sha256', '-sign', self.key, input=text.encode()))}"


def access_of(scope):
    kind, rest = scope.split(":", 1)
    name, actions = rest.rsplit(":", 1)
    return {"type": kind, "name": name, "actions": actions.split(",")}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        scopes = [scope for value in query.get("scope", []) for scope in value.split()]
        user, password = self.credentials()
        if (user, password) != self.server.account:
            self.note("refused", user, 0, scopes)
            self.answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
            return
        lifetime = self.server.take_lifetime()
        self.note("granted", user, lifetime, scopes)
        self.answer(200, {"token": self.token(user, lifetime, scopes), "expires_in": max(lifetime, 1)})

    def credentials(self):
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return "nobody", ""
        user, _, password = base64.b64decode(text).decode().partition(":")
        return user, password

    def token(self, user, lifetime, scopes):
        now = int(time.time())
        token = self.server.signer.sign({
            "iss": ISSUER, "sub": user, "aud": self.server.service, "jti": uuid.uuid4().hex,
            "iat": now, "nbf": now - LEEWAY, "exp": now + lifetime - LEEWAY,
            "access": [access_of(scope) for scope in scopes]})
        self.server.write("tokens", token)
        return token

    def note(self, what, user, lifetime, scopes):
        program = self.headers.get("User-Agent", "?").split("/")[0]
        self.server.write("asked", " ".join([what, user, program, str(lifetime), *scopes]))

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, directory, service, user, password):
        self.directory, self.service, self.account = directory, service, (user, password)
        self.lock = threading.Lock()
        self.signer = Signer(directory)
        super().__init__(("127.0.0.1", 0), Handler)
        if "TOKEN_TLS" in os.environ:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(f"{os.environ['TOKEN_TLS']}/cert.pem", f"{os.environ['TOKEN_TLS']}/key.pem")
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def write(self, name, line):
        with self.lock, open(f"{self.directory}/{name}", "a", encoding="utf-8") as file:
            print(line, file=file)

    def take_lifetime(self):
        path = f"{self.directory}/lifetimes"
        with self.lock:
            if not os.path.exists(path):
                return LIFETIME
            with open(path, "r+", encoding="utf-8") as file:
                lines = file.readlines()
                file.seek(0)
                file.truncate()
                file.writelines(lines[1:])
            return int(lines[0]) if lines else LIFETIME


def main():
    server = Server(*sys.argv[1:])
    with open(f"{server.directory}/port.new", "w", encoding="utf-8") as file:
        print(server.server_address[1], file=file)
    os.rename(f"{server.directory}/port.new", f"{server.directory}/port")
    server.serve_forever()


main()
