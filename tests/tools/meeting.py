#!/usr/bin/python3
"""Where builders of a test meet.  They come over loopback, as a builder in its jail sees few files.

  meeting.py DIR      listens on a free loopback port, which it writes to DIR/port

A builder sends one line and waits for the answer:
  begin, end          is noted, in order, in DIR/builds
  meet ROUND NAME     is answered when two different names have come for the round, both at once; then
                      DIR/met has a line: the round, and the names.  Who waits 30 s alone is told so.
"""

import os
import socketserver
import sys
import threading

directory = sys.argv[1]
change = threading.Condition()
present = {}


def note(file, line):
    with open(os.path.join(directory, file), "a", encoding="ascii") as out:
        out.write(line + "\n")


def meet(number, name):
    names = present.setdefault(number, set())
    if len(names) < 2:
        names.add(name)
        if len(names) == 2:
            note("met", " ".join([number, *sorted(names)]))
            change.notify_all()
    return "met" if change.wait_for(lambda: len(names) == 2, 30) else "alone"


class Builder(socketserver.StreamRequestHandler):
    def handle(self):
        words = self.rfile.readline().decode("ascii").split()
        with change:
            if words[0] == "meet":
                answer = meet(*words[1:])
            else:
                note("builds", words[0])
                answer = "noted"
        self.wfile.write(f"{answer}\n".encode("ascii"))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Builder)
with open(os.path.join(directory, "port.new"), "w", encoding="ascii") as file:
    file.write(str(server.server_address[1]))
os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
server.serve_forever()
