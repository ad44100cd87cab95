#!/usr/bin/python3
"""Asks lkcoord-signd as its peers do, and as they should not.

  signd-ask.py SOCKET          sends the bytes of stdin as they are, and prints what comes back
  signd-ask.py SOCKET COUNT    the same, while COUNT peers who came before have sent half a line: then prints
                               how many of them still wait, and what they are told in the end
"""

import select
import socket
import sys


def connect():
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(sys.argv[1])
    return peer


def answer(peer):
    parts = []
    try:
        while part := peer.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts).decode()


def ask(request):
    peer = connect()
    try:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it may answer before it has heard all
    print(answer(peer), end="")


slow = [connect() for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0)]
for one in slow:
    one.sendall(b'{"manifest":"')
ask(sys.stdin.buffer.read())
if slow:
    told = select.select(slow, [], [], 0)[0]
    print("still waiting:", len(slow) - len(told))
    for one in slow:
        print(answer(one), end="")
