"""The stream of clients: pushes, alone and several at once, some of which are cancelled, left, cut off or killed."""

import os
import re
import signal
import subprocess
import threading
import time

from world import BIN, NAME, PACKAGES, WORLD, argv_on, now, run

GIT = ["git", "-c", "user.name=chaos", "-c", "user.email=chaos@localhost"]
DOCKERFILE = """FROM base.lkcoord.example/busybox:1
LABEL chaos={what}
COPY what /what
{step}CMD ["/bin/true"]
"""
REPOSITORY = "demo/{}"


class Client:
    """One `lkcoord push`."""

    def __init__(self, number, how, name, version):
        self.how, self.what = how, f"{name}/{version}"
        self.path = f"{WORLD}/log/client-{number}"
        self.begin, self.end, self.status = now(), None, None
        self.killed, self.cancelled = False, None
        options = ["--detach"] if how == "detach" else ["--progress", "plain"]
        with open(self.path + ".out", "wb") as out, open(self.path + ".err", "wb") as err:
            self.process = subprocess.Popen(
                argv_on("clients", f"{BIN}/lkcoord", "push", "--allow-emulation", "--org", f"{NAME}/demo", *options, name),
                cwd=source_of(name, version), stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)

    def words(self, kind):
        with open(f"{self.path}.{kind}", encoding="utf-8", errors="replace") as file:
            return file.read()

    def id(self):
        """The push's number, as far as the client was told."""
        found = re.search(r"^push (\d+)", self.words("err"), re.M) or \
            (self.how == "detach" and re.match(r"(\d+)$", self.words("out").strip()))
        return int(found.group(1)) if found else None

    def published(self):
        found = re.search(r"@(sha256:[0-9a-f]{64})", self.words("out"))
        return found.group(1) if found else None

    def kill(self):
        self.killed = True
        self.process.kill()

    def wait(self, seconds):
        try:
            self.status = self.process.wait(max(seconds, 0))
            self.end = self.end or now()
        except subprocess.TimeoutExpired:
            pass
        return self.status is not None


def source_of(name, version):
    return f"{WORLD}/source/{name}-{version}"


def make_source(name, version):
    """A repository of its own for each version; its tag is noted for those who look at the registry."""
    top, what = source_of(name, version), f"{name}/{version}"
    if os.path.isdir(top):
        return
    os.makedirs(f"{top}/{name}")
    # Half of the packages run something, which shows on what they were built.
    step = "RUN uname -m >/machine\n" if name in ("p0", "p1") else ""
    for file, text in (("what", what + "\n"), ("Dockerfile", DOCKERFILE.format(what=what, step=step)),
                       ("build.yml", f"image: {name}\norg: demo\narches: [{', '.join(PACKAGES[name])}]\n")):
        with open(f"{top}/{name}/{file}", "w", encoding="ascii") as out:
            out.write(text)
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", what]):
        subprocess.run(GIT + words, cwd=top, check=True)
    tag = subprocess.run([f"{BIN}/lkcoord", "show-tag", name], cwd=top, check=True, capture_output=True,
                         text=True).stdout.strip().rpartition(":")[2]
    with open(f"{WORLD}/tags", "a", encoding="ascii") as file:
        print(REPOSITORY.format(name), tag, what, *PACKAGES[name], file=file)


class Stream(threading.Thread):
    """Plays the clients' part of the schedule."""

    def __init__(self, schedule, diary, started, seconds):
        super().__init__(daemon=True)
        self.schedule, self.diary, self.started = schedule, diary, started
        self.until = started + seconds
        self.clients, self.leavers = [], []
        self.start()

    def run(self):
        for when, how, name, version, patience in self.schedule:
            time.sleep(max(0, self.started + when - now()))
            # More at once than the agents can take makes only a queue.
            while sum(client.process.poll() is None for client in self.clients) >= 16:
                time.sleep(0.5)
            if now() > self.until:
                return               # a slow machine does not get through them all
            make_source(name, version)
            for _ in range({"twins": 3}.get(how, 1)):
                client = Client(len(self.clients), how, name, version)
                self.clients.append(client)
                self.diary.say(f"client {client.path[len(WORLD) + 5:]} {how} {client.what}")
            if how in ("cancel", "leave"):
                leaver = threading.Timer(patience, self.cancel if how == "cancel" else self.leave, [client])
                leaver.daemon = True
                leaver.start()
                self.leavers.append(leaver)

    def cancel(self, client):
        if client.id():
            client.cancelled = now()
            run("clients", f"{BIN}/lkcoord", "cancel", str(client.id()))

    def leave(self, client):
        """Ctrl-C: the push goes on without its client."""
        if client.process.poll() is None:
            client.killed = True
            client.process.send_signal(signal.SIGINT)

    def kill_one(self, dice):
        running = [client for client in self.clients if client.process.poll() is None]
        if running:
            dice.choice(running).kill()
        return bool(running)

    def finish(self, seconds):
        """All clients have to end by themselves."""
        self.join()
        for leaver in self.leavers:
            leaver.join()
        until = now() + seconds
        return [client for client in self.clients if not client.wait(until - now())]
