"""Looks at the final tags all the time, as anybody on the net would; runs in a host of its own until it is told to end.

Reads WORLD/tags (what was ever asked for) and WORLD/outsider (what somebody else put there).  Prints a line for
each thing that is wrong, and at its end how often it has looked."""

import json
import signal
import sys
import time

from registry import ask, digest_of, verify, wrong_with_index
from world import WORLD


def read_lines(name):
    try:
        with open(f"{WORLD}/{name}", encoding="ascii") as file:
            return [line.split() for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def signature_tag(digest):
    return digest.replace(":", "-") + ".sig"


def is_there(path):
    """False only if the registry says so."""
    return ask(path, "HEAD")[0] != 404


def look(repository, tag, what, arches, verified):
    """One look; gives (answered, what is wrong)."""
    status, data = ask(f"{repository}/manifests/{tag}")
    if status != 200:
        return status == 404, None
    digest = digest_of(data)
    if [repository, tag, digest] in read_lines("outsider"):
        return True, None
    for part in [digest] + [entry["digest"] for entry in json.loads(data).get("manifests", [])]:
        if not is_there(f"{repository}/manifests/{part}"):
            return True, f"incomplete: {part} is missing"
        if not is_there(f"{repository}/manifests/{signature_tag(part)}"):
            return True, f"unsigned: {part} has no signature"
    if (tag, digest) in verified:
        return True, None
    wrong = wrong_with_index(data, what, arches) or verify(repository, tag, digest, arches)
    if wrong is None:
        verified.add((tag, digest))
    # The registry may have been away in the meantime: that is no verdict.
    return True, None if wrong and wrong.startswith("exit 4") else wrong


def watch():
    seen, looks, verified, ended = set(), 0, set(), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while not ended:
        known = read_lines("tags")
        # Those of the last minute at each round, the others now and then.
        old = known[:-24]
        for repository, tag, what, *arches in known[-24:] + (old[looks % len(old):][:4] if old else []):
            answered, wrong = look(repository, tag, what, arches, verified)
            looks += answered
            if wrong and (tag, wrong) not in seen:
                seen.add((tag, wrong))
                print(f"{repository}:{tag} {what}: {wrong}", flush=True)
        time.sleep(0.05)
    print(f"looks {looks}")


if __name__ == "__main__":
    sys.exit(watch())
