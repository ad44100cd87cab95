"""What all parts of the chaos share: where things are, who runs where, what happened when."""

import os
import subprocess
import threading
import time

WORLD, NET, ROOT, BIN = (os.environ[name] for name in ("WORLD", "NET", "ROOT", "LK_BIN"))
AGENTS = os.environ["AGENTS"].split()
HOSTS = dict(zip(["coordinator"] + AGENTS + ["registry", "proxy", "clients", "watcher"], "cabderpkw"))
REGISTRY = "10.211.0.6:5000"     # itself
NAME = "10.211.0.7:5000"         # what everybody calls it: the proxy; to the watcher, a proxy without faults
LEASE = 4
PACKAGES = {"p0": ["amd64", "arm64"], "p1": ["amd64", "arm64", "s390x"],
            "p2": ["amd64", "arm64"], "p3": ["amd64", "s390x"]}


def now():
    return time.time()


def argv_on(name, *argv):
    return ["nsenter", f"--net=/run/netns/{NET}{HOSTS[name]}", "--", *argv]


def run(name, *argv, timeout=30):
    """Gives (exit status, stdout, stderr); status None if there was no end in time."""
    try:
        done = subprocess.run(argv_on(name, *argv), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return None, "", ""


class Diary:
    """What was done to the world, and what was found wrong.  Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.faults = []         # dicts: kind, target, begin, end
        self.violations = []
        self.file = open(f"{WORLD}/log/diary", "a", buffering=1, encoding="utf-8")

    def say(self, text):
        print(f"{now():.3f} {text}", file=self.file)

    def begin(self, kind, target, note=""):
        fault = {"kind": kind, "target": target, "begin": now(), "end": None}
        with self.lock:
            self.faults.append(fault)
        self.say(f"{kind} {target} {note}".rstrip())
        return fault

    def end(self, fault):
        fault["end"] = now()
        self.say(f"{fault['kind']} {fault['target']} is over")

    def struck(self, kinds, targets, begin, end):
        """Was there such a fault then?  What it did may show a moment later."""
        with self.lock:
            return any(f["kind"] in kinds and (targets is None or f["target"] in targets) and
                       f["begin"] <= end and (f["end"] or end) + 2 * LEASE >= begin for f in self.faults)

    def violation(self, kind, text):
        with self.lock:
            if (kind, text) in self.violations:
                return
            self.violations.append((kind, text))
        self.say(f"VIOLATION {kind}: {text}")
        print(f"violation: {kind}: {text}", flush=True)


class Daemon(threading.Thread):
    """One process that is started again when it ends, unless somebody holds it down."""

    def __init__(self, name, diary, *argv):
        super().__init__(daemon=True)
        self.name, self.diary, self.argv = name, diary, argv
        self.lock = threading.RLock()
        self.holders, self.starts, self.restores = 0, [], []
        self.over = self.ended_by_us = False
        self.process = None
        self.begin()
        self.start()

    def begin(self):
        with open(f"{WORLD}/log/{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(argv_on(self.name, *self.argv), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        self.starts.append(int(time.monotonic() * 1000))
        self.ended_by_us = False
        with open(f"{WORLD}/pids/{self.name}", "w", encoding="ascii") as file:
            print(self.process.pid, file=file)

    def run(self):
        while not self.over:
            time.sleep(0.1)
            with self.lock:
                status = self.process.poll()
                if status is None:
                    continue
                if not self.over and self.holders == 0:
                    if not self.ended_by_us:
                        self.judge(status)
                    self.begin()
            time.sleep(1)    # as systemd would

    def judge(self, status):
        """An end of its own accord: only for want of a disk, and then with an error."""
        self.diary.say(f"{self.name} ended with {status}")
        if status != 1 or not self.diary.struck({"fill", "restore"}, {self.name}, now() - 5, now()):
            self.diary.violation("crash", f"{self.name} ended with {status}")

    def signal(self, number):
        with self.lock:
            if self.process.poll() is None:
                self.process.send_signal(number)

    def hold(self, number):
        with self.lock:
            self.holders += 1
            self.ended_by_us = True
            self.signal(number)
            self.signal(18)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.signal(9)
            self.process.wait()

    def release(self):
        with self.lock:
            self.holders -= 1

    def finish(self):
        self.over = True
        self.hold(15)
        return self.process.returncode
