"""Coordinator, agents, registry and clients, and all that may happen to them: chaos.py SECONDS SEED (started by run.sh)."""

import collections
import os
import subprocess
import sys
import time

import schedule
from checker import Checker
from clients import Client, Stream
from faults import Faults
from history import History
from world import AGENTS, BIN, NAME, REGISTRY, ROOT, WORLD, Daemon, Diary, argv_on, now, run

END_SECONDS = 120    # for all to come to its end when nothing goes wrong any more


def start_daemons(diary):
    proxy = ["python3", f"{ROOT}/tests/tools/faulty-proxy.py"]
    found = {"registry": Daemon("registry", diary, "docker-registry", "serve", f"{WORLD}/registry/config.yml"),
             "proxy": Daemon("proxy", diary, *proxy, f"{WORLD}/proxy", REGISTRY, NAME),
             "watcher": Daemon("watcher", diary, *proxy, f"{WORLD}/view", REGISTRY, NAME),
             "coordinator": Daemon("coordinator", diary, f"{BIN}/lkcoordd", "--config", f"{WORLD}/lkcoordd.yml")}
    for name in AGENTS:
        found[name] = Daemon(name, diary, f"{BIN}/lkagentd", "--config", f"{WORLD}/{name}.yml")
    return found


def wait_for_agents():
    until = now() + 60
    while run("clients", f"{BIN}/lkcoord", "agents")[1].count("  there  ") < len(AGENTS):
        if now() > until:
            sys.exit("chaos: the agents did not come in; nothing was tried")
        time.sleep(0.3)


def start_watcher():
    return subprocess.Popen(argv_on("watcher", "python3", f"{ROOT}/tests/e2e/chaos/watcher.py"), text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)


def end_watcher(watcher, diary):
    watcher.terminate()
    out, _ = watcher.communicate(timeout=60)
    *wrong, last = out.splitlines() or [""]
    for line in wrong:
        diary.violation("watcher", line)
    if not last.startswith("looks ") or last == "looks 0":
        diary.violation("watcher", f"it did not see to the end: {last}")
        return "0"
    return last.split()[1]


def leftovers():
    """What agents still have when all is done; None if nothing."""
    for name in AGENTS:
        for place in ("work", "built"):
            path = f"{WORLD}/{name}/state/{place}"
            found = os.listdir(path) if os.path.isdir(path) else []
            if found:
                return f"{name} still has {place}/{found}"
    busy = [line for line in run("clients", f"{BIN}/lkcoord", "agents")[1].splitlines() if "  0 of " not in line]
    return f"not idle: {busy}" if busy else None


def settle(stream, history, diary):
    """Clients and pushes end; agents have nothing; what is asked for once more is done."""
    for client in stream.finish(END_SECONDS):
        diary.violation("endless", f"{client.path} {client.how} {client.what} does not end")
        client.kill()
    for push in history.finish(END_SECONDS):
        diary.violation("endless", f"push {push} does not end")
    until = now() + 60
    while leftovers() and now() < until:
        time.sleep(0.5)
    if leftovers():
        diary.violation("left over", leftovers())


def newest(stream):
    """The newest version of each package that no outsider touched."""
    touched = {tuple(line.split()[:2]) for line in open(f"{WORLD}/outsider", encoding="ascii")}
    found = {}
    for repository, tag, what, *_ in map(str.split, open(f"{WORLD}/tags", encoding="ascii")):
        if (repository, tag) not in touched:
            found[what.split("/")[0]] = what.split("/")[1]
    return found


def push_once_more(stream, diary):
    for name, version in newest(stream).items():
        client = Client(len(stream.clients), "last", name, int(version))
        stream.clients.append(client)
        if not client.wait(END_SECONDS) or client.status != 0:
            diary.violation("not well", f"{client.what} pushed in peace: exit {client.status}")


def check_journal(daemons, diary):
    daemons["coordinator"].finish()
    status, out, err = run("coordinator", f"{BIN}/lkcoordd", "fsck", "--state", f"{WORLD}/coordinator")
    if status != 0:
        diary.violation("journal", f"fsck: {status} {out} {err}")


def counted(words):
    return ", ".join(f"{count} {word}" for word, count in sorted(collections.Counter(words).items())) or "none"


def outcome(client):
    names = {0: "done", 1: "build failed", 4: "infrastructure", 5: "refused", 130: "cancelled", None: "endless"}
    return "left or killed" if client.killed else names.get(client.status, f"exit {client.status}")


def report(stream, history, checker, diary, struck, looks, seed):
    print(f"clients: {counted(map(outcome, stream.clients))}")
    print(f"pushes: {counted(push['state'] for _, push in history.ends.values())}, {len(history.gone)} forgotten by a restore")
    print(f"faults: {counted(fault['kind'] for fault in diary.faults)}; of the proxy's {struck} struck")
    print(f"chaos: seed {seed}: {len(stream.clients)} clients, {len(history.ends)} pushes ended, {checker.builds} builds, "
          f"{checker.indexes} indexes, {len(diary.faults)} faults, {looks} looks by the watcher, "
          f"violations: {len(diary.violations)}", flush=True)


def main(seconds, seed):
    diary = Diary()
    open(f"{WORLD}/outsider", "w", encoding="ascii").close()
    open(f"{WORLD}/tags", "w", encoding="ascii").close()
    daemons = start_daemons(diary)
    wait_for_agents()
    watcher, started = start_watcher(), now()
    stream = Stream(schedule.clients(seed, seconds), diary, started, seconds)
    history = History(stream, diary)
    faults = Faults(daemons, stream, diary, seed)
    faults.play(schedule.faults(seed, seconds), started)
    time.sleep(max(0, started + seconds - now()))
    faults.finish()
    diary.say("no more faults")
    settle(stream, history, diary)
    push_once_more(stream, diary)
    looks = end_watcher(watcher, diary)
    checker = Checker(diary, stream.clients, history, daemons["coordinator"].starts, daemons["coordinator"].restores)
    checker.check()
    check_journal(daemons, diary)
    with open(f"{WORLD}/proxy/requests", encoding="utf-8") as file:
        struck = sum(line.split()[3] != "-" for line in file)
    for daemon in daemons.values():
        daemon.finish()
    report(stream, history, checker, diary, struck, looks, seed)
    return 1 if diary.violations else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
