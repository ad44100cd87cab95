"""What goes wrong, carried out.  Each fault runs in a thread of its own and is undone by its end."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import registry
from world import BIN, HOSTS, NAME, NET, WORLD, now, run

BALLAST = "ballast"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def bend(name, on):
    """A slow and lossy line, both ways; netem where the kernel has it, else a narrow bucket."""
    for where, line in ((f"{NET}{HOSTS[name]}", "eth0"), (f"{NET}s", HOSTS[name])):
        tc = ["tc", "-n", where, "qdisc"]
        if not on:
            subprocess.run([*tc, "del", "dev", line, "root"], stderr=subprocess.DEVNULL, check=False)
        elif subprocess.run([*tc, "replace", "dev", line, "root", "netem", "delay", "150ms", "100ms", "loss", "5%"],
                            stderr=subprocess.DEVNULL, check=False).returncode != 0:
            subprocess.run([*tc, "replace", "dev", line, "root", "tbf", "rate", "96kbit", "burst", "4kb",
                            "limit", "8kb"], check=True)


class Faults:
    def __init__(self, daemons, stream, diary, seed):
        self.daemons, self.stream, self.diary = daemons, stream, diary
        self.dice = random.Random(f"choices {seed}")
        self.threads, self.backups = [], 0
        self.restoring = threading.Lock()

    def play(self, schedule, started):
        for when, kind, target, length, more in schedule:
            time.sleep(max(0, started + when - now()))
            thread = threading.Thread(target=self.strike, args=(kind, target, length, more), daemon=True)
            thread.start()
            self.threads.append(thread)

    def strike(self, kind, target, length, more):
        fault = self.diary.begin(kind, target, f"{length} {more}")
        try:
            getattr(self, "do_" + kind.replace("-", "_"))(target, length, more)
        except (OSError, subprocess.SubprocessError) as error:
            self.diary.say(f"{kind} {target} not possible: {error}")
        self.diary.end(fault)

    def do_kill(self, target, length, _):
        self.daemons[target].hold(signal.SIGKILL)
        time.sleep(length)
        self.daemons[target].release()

    def do_stop(self, target, length, _):
        self.daemons[target].signal(signal.SIGSTOP)
        time.sleep(length)
        self.daemons[target].signal(signal.SIGCONT)

    def do_cut(self, target, length, _):
        ip("-n", f"{NET}s", "link", "set", "dev", HOSTS[target], "down")
        time.sleep(length)
        ip("-n", f"{NET}s", "link", "set", "dev", HOSTS[target], "up")

    def do_slow(self, target, length, _):
        bend(target, True)
        time.sleep(length)
        bend(target, False)

    def do_fill(self, target, length, _):
        path = f"{WORLD}/{target}/{BALLAST}"
        try:
            with open(path, "ab", buffering=0) as file:
                end = now() + length
                while now() < end:
                    try:
                        file.write(bytes(1 << 20))
                    except OSError:
                        time.sleep(0.05)     # full; what becomes free is taken too
        finally:
            os.remove(path)

    def do_registry(self, target, length, how):
        if how == "stop":
            self.do_stop(target, length, "")
        else:
            self.do_kill(target, length, "")

    def do_proxy(self, _, __, line):
        with open(f"{WORLD}/proxy/faults", "a", encoding="ascii") as file:
            print(line, file=file)

    def do_lose_client(self, *_):
        self.stream.kill_one(self.dice)

    def do_backup(self, *_):
        path = f"{WORLD}/backup.{self.backups}"
        status, out, err = run("coordinator", f"{BIN}/lkcoordd", "backup", "--state", f"{WORLD}/coordinator", path)
        self.diary.say(f"backup: {status} {out} {err}")
        if status == 0:
            self.backups += 1
            self.is_whole(path)

    def is_whole(self, path):
        status, out, err = run("coordinator", f"{BIN}/lkcoordd", "fsck", path)
        if status != 0:
            self.diary.violation("backup", f"fsck of {path}: {status} {out} {err}")

    def do_restore(self, *_):
        if self.backups == 0:
            return
        state = f"{WORLD}/coordinator"
        with self.restoring:
            self.daemons["coordinator"].hold(signal.SIGTERM)
            status, out, err = run("coordinator", f"{BIN}/lkcoordd", "restore", "--replace", "--state", state,
                                   f"{WORLD}/backup.{self.backups - 1}")
            self.diary.say(f"restore: {status} {out} {err}")
            if status == 0:
                self.daemons["coordinator"].restores.append(int(time.monotonic() * 1000))
            for name in os.listdir(state):
                if ".replaced-" in name:
                    os.remove(f"{state}/{name}")
            self.daemons["coordinator"].release()

    def do_outsider(self, _, __, how):
        """Somebody else moves a final tag: to an index of one image that nobody signed, or to an older version."""
        tags = [line.split() for line in open(f"{WORLD}/tags", encoding="ascii")]
        repository, tag, _, *_ = self.dice.choice(tags[-8:])
        ours = {t: registry.tags(repository).get(t, []) for r, t, *_ in tags if r == repository and t != tag}
        older = [digests[0] for digests in ours.values() if digests]
        if not older:
            return
        data = registry.blob(older[-1])
        if how == "stranger":
            index = json.loads(data)
            index["manifests"] = index["manifests"][:1]
            data = json.dumps(index).encode()
        with open(f"{WORLD}/outsider", "a", encoding="ascii") as file:
            print(repository, tag, registry.digest_of(data), file=file)
        with open(f"{WORLD}/outsider.json", "wb") as file:
            file.write(data)
        run("watcher", "curl", "-sS", "-X", "PUT", "-H", f"Content-Type: {registry.TYPES[0]}", "--data-binary",
            f"@{WORLD}/outsider.json", f"http://{NAME}/v2/{repository}/manifests/{tag}")

    def finish(self):
        """Nothing goes wrong any more."""
        for thread in self.threads:
            thread.join()
        # The proxy may just be writing down what is left of its day.
        for _ in range(3):
            with open(f"{WORLD}/proxy/faults", "w", encoding="ascii"):
                pass
            time.sleep(0.2)
