"""A seed makes a schedule: what goes wrong when, and what clients do.  A longer one begins like a shorter one."""

import random

from world import AGENTS, PACKAGES

# Lines of faulty-proxy.py without their count.
BAD_DAYS = ["* . status 503", "GET . status 500", "HEAD . status 502", "PUT /manifests/ status 503",
            "PUT /manifests/ lose", "PUT /manifests/[0-9a-f]{40}$ lose", "PUT /manifests/[0-9a-f]{40}-.*$ lose",
            "PUT /manifests/sha256-.*sig$ lose", "PATCH /uploads/ reset 500", "PUT /uploads/ lose",
            "PUT /manifests/ slow 3", "GET /manifests/ slow 2", "* . slow 1", "PUT /manifests/ busy 2",
            "GET /manifests/ cut 100", "PUT /manifests/ doubt", "PUT /manifests/[0-9a-f]{40}$ hide 2",
            "PUT /manifests/sha256: hide 2", "POST /uploads/ redirect", "PATCH /uploads/ status 500"]

DAEMONS = ["coordinator"] * 2 + AGENTS
HOSTS = DAEMONS + ["registry", "proxy", "clients"]


def pick(dice):
    """One fault: (kind, target, how long, more)."""
    kind = dice.choices(["kill", "stop", "cut", "slow", "fill", "registry", "proxy", "outsider", "lose-client"],
                        [5, 4, 3, 2, 2, 2, 8, 1, 2])[0]
    length = round(dice.choice([0.3, 1, 2, 3, 5, 7]), 1)
    if kind in ("kill", "stop"):
        return kind, dice.choice(DAEMONS), length, ""
    if kind in ("cut", "slow"):
        return kind, dice.choice(HOSTS), length, ""
    if kind == "fill":
        return kind, dice.choice(DAEMONS), max(length, 2), ""
    if kind == "registry":
        return kind, "registry", min(length, 3), dice.choice(["kill", "kill", "stop"])
    if kind == "proxy":
        return kind, "proxy", 0, f"{dice.choice([1, 1, 2, 3, 6])} {dice.choice(BAD_DAYS)}"
    if kind == "outsider":
        return kind, "registry", 0, dice.choice(["stranger", "older"])
    return kind, "clients", 0, ""


def faults(seed, seconds):
    """(when, kind, target, how long, more), all over by the end.  Each minute has a backup that is restored."""
    dice = random.Random(f"faults {seed}")
    when, minute, found = 4.0, 0, []
    while when < seconds - 2:
        found.append((round(when, 2), *pick(dice)))
        when += dice.expovariate(1 / 1.3)
        if when > minute * 60 + 20:
            at = minute * 60 + 20
            found += [(at, "backup", "coordinator", 0, ""),
                      (at + dice.randint(3, 20), "restore", "coordinator", 0, "")]
            minute += 1
    return sorted(f for f in found if f[0] + f[3] < seconds)


def clients(seed, seconds):
    """(when, how, package, version, patience): versions grow; `again` takes one that was there before."""
    dice = random.Random(f"clients {seed}")
    versions = dict.fromkeys(PACKAGES, 0)
    when, found = 0.0, []
    while when < seconds:
        name = dice.choice(sorted(PACKAGES))
        how = dice.choices(["push", "twins", "again", "cancel", "detach", "leave"], [5, 3, 2, 2, 2, 2])[0]
        if how == "again" and versions[name] > 0:
            version = dice.randint(max(1, versions[name] - 2), versions[name])
        else:
            versions[name] += 1
            version = versions[name]
        found.append((round(when, 2), how, name, version, round(dice.uniform(0.2, 6), 1)))
        when += dice.expovariate(1 / 2.2)
    return found
