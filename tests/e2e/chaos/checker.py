"""The judge, when all is over: registry, history, builds and the proxy's book against what is promised."""

import collections
import re

import registry
from world import AGENTS, WORLD

HURT = {"kill", "stop", "cut", "slow", "fill"}
PERMIT = re.compile(r'msg="permit granted" push=(\d+) job=(\d+) arch=(\w+) fence=(\d+) repository="?[^/]*/([^" ]+)')


def lines_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


class Checker:
    def __init__(self, diary, clients, history, starts, restores):
        self.diary, self.clients, self.history = diary, clients, history
        self.starts = starts      # of the coordinator, in the proxy's milliseconds
        self.restores = restores  # the same
        self.tags = {(repository, tag): (what, arches) for repository, tag, what, *arches in
                     map(str.split, lines_of(f"{WORLD}/tags"))}
        self.outsider = {tuple(line.split()) for line in lines_of(f"{WORLD}/outsider")}
        self.touched = {(repository, tag) for repository, tag, _ in self.outsider}
        self.indexes = self.builds = 0

    def bad(self, kind, text):
        self.diary.violation(kind, text)

    def check(self):
        self.check_indexes()
        self.check_outcomes()
        self.check_pushes()
        self.check_builds()
        self.check_fences()
        self.check_tag_after_signature()

    def touched_what(self, what):
        return any(self.tags[key][0] == what for key in self.touched)

    # Every index that a tag ever named is whole; none names two, unless somebody else was there too.

    def check_indexes(self):
        for repository in {repository for repository, _ in self.tags}:
            for tag, digests in registry.tags(repository).items():
                if (repository, tag) in self.tags:
                    self.check_tag(repository, tag, digests)

    def check_tag(self, repository, tag, digests):
        what, arches = self.tags[repository, tag]
        ours = [digest for digest in digests if (repository, tag, digest) not in self.outsider]
        self.indexes += len(ours)
        # A push that was under way when the backup was made does its work again.
        restores = sum(fault["kind"] == "restore" for fault in self.diary.faults)
        if len(ours) > 1 + restores and (repository, tag) not in self.touched:
            self.bad("two indexes", f"{what} was tagged as {ours}")
        for digest in ours:
            wrong = registry.wrong_with_index(registry.blob(digest), what, arches) or \
                registry.verify(repository, tag, digest, arches)
            if wrong:
                self.bad("index", f"{what} {repository}:{tag}@{digest}: {wrong}")

    # Whoever was told something was told the truth.

    def check_outcomes(self):
        for client in self.clients:
            key = next((key for key, (what, _) in self.tags.items() if what == client.what), None)
            digest = client.published()
            if digest and (digest not in registry.tags(key[0]).get(key[1], []) or (*key, digest) in self.outsider):
                self.bad("told", f"{client.path}: {digest} was never {client.what}'s")
            if client.status == 0 and not digest and client.how != "detach":
                self.bad("told", f"{client.path}: exit 0 without a reference")
            if not client.killed and client.status not in (0, 4) and not self.explained(client):
                self.bad("outcome", f"{client.path} {client.how} {client.what}: exit {client.status}: "
                         f"{client.words('err').strip().splitlines()[-1:]}")

    def explained(self, client):
        if client.status == 130:
            return client.how == "cancel"
        # A coordinator that has no room for sources refuses them.
        return client.status == 5 and (self.touched_what(client.what) or self.diary.struck(
            {"fill"}, {"coordinator"}, client.begin, client.end))

    # An accepted push ends and is not forgotten, unless an older journal was restored.

    def check_pushes(self):
        for client in self.clients:
            push = client.id()
            if push in self.history.gone and not self.diary.struck({"restore"}, None, client.begin, self.history.gone[push]):
                self.bad("lost", f"push {push} of {client.path} is not known any more")
        numbers = [client.id() for client in self.clients if client.id()]
        for push, count in collections.Counter(numbers).items():
            if count > 1:
                self.bad("mixed", f"push {push} was promised to {count} clients")

    # What was built is not built again, unless something happened to it.

    def read_builds(self):
        """what and arch -> its builds in order: agent, begin, status of the end."""
        found = collections.defaultdict(list)
        for agent in AGENTS:
            running = {}
            for line in lines_of(f"{WORLD}/{agent}/state/storage/builds"):
                words = line.split()
                if len(words) < 5 or words[0] not in ("begun", "ended") or not words[1].isdigit():
                    continue     # cut by a full disk, or the rest of one that was
                event, when, arch, what, pid, *status = words
                if event == "begun":
                    running[pid] = {"agent": agent, "begin": int(when) / 1000, "status": None}
                    found[what, arch].append(running[pid])
                elif pid in running and status:
                    running.pop(pid)["status"] = status[0]
        return found

    def check_builds(self):
        for (what, arch), builds in self.read_builds().items():
            builds.sort(key=lambda build: build["begin"])
            self.builds += len(builds)
            for one, two in zip(builds, builds[1:]):
                if not self.built_again_for_a_reason(what, one, two):
                    self.bad("double work", f"{what} {arch}: {one}, then {two}")

    def built_again_for_a_reason(self, what, one, two):
        span = one["begin"], two["begin"]
        return one["status"] not in ("0",) or \
            self.diary.struck(HURT, {one["agent"]}, *span) or \
            self.diary.struck({"restore", "outsider"}, None, *span) or \
            self.diary.struck({"cut", "slow"}, {"coordinator"}, *span) or \
            any(client.what == what and span[0] - 1 <= self.ended_badly(client) <= span[1] + 1 for client in self.clients)

    def ended_badly(self, client):
        """When that push ended without being published; else never."""
        if client.status == 130 or client.how == "cancel":
            return client.cancelled or client.end or 0
        when, push = self.history.ends.get(client.id(), (0, None))
        return when if push and push["exit"] != 0 else 0

    # Tags of architectures are written in the order of the fences, whoever writes.

    def read_permits(self):
        """repository -> (fence, tag and arch) in the order of the log."""
        jobs = {job["job"]: (package["tag"], job["arch"]) for _, push in self.history.ends.values()
                for package in push["packages"] for job in package["jobs"]}
        found = collections.defaultdict(list)
        for line in lines_of(f"{WORLD}/log/coordinator.log"):
            match = PERMIT.search(line)
            if match:
                _, job, arch, fence, repository = match.groups()
                tag, _ = jobs.get(int(job), (None, None))
                permit = int(fence), f"{tag}-{arch}" if tag else None
                # An agent that came back is told again what it has.
                if permit != (found[repository] or [None])[-1]:
                    found[repository].append(permit)
        return found

    def check_fences(self):
        writes = collections.defaultdict(list)
        for words in map(str.split, lines_of(f"{WORLD}/proxy/requests")):
            method, status, _, _, path, program, _, began, joined = words
            match = re.match(r"/v2/(.+)/manifests/([0-9a-f]{40}-\w+)$", path)
            # What a dead one had sent may arrive late, and nobody can hold it back.
            is_late = any(int(joined) < start <= int(began) for start in self.starts)
            if match and method == "PUT" and program == "lkcoordd" and status in ("201", "0") and not is_late:
                writes[match.group(1)].append((int(began), match.group(2)))
        permits = self.read_permits()
        for repository, done in writes.items():
            self.check_order(repository, sorted(done), permits[repository])

    def check_order(self, repository, writes, permits):
        fences = [fence for fence, _ in permits]
        if fences != sorted(set(fences)):
            self.bad("fence", f"{repository}: fences do not grow: {fences}")
        at, previous, restores = 0, None, sorted(self.restores)
        for began, tag in writes:
            # In a restored state a permit of long ago may be the last one: what was put under it is looked at again.
            while restores and restores[0] <= began:
                at = 0
                del restores[0]
            # Jobs of pushes that nobody remembers may be anybody's.
            after = next((i for i in range(at, len(permits)) if permits[i][1] in (tag, None)), None)
            if after is None:
                self.bad("fence", f"{repository}: {tag} was written at {began}, after {previous}, without a permit in its turn")
            else:
                at, previous = after, tag

    # Nothing is tagged before its signature was on its way.

    def check_tag_after_signature(self):
        signed = {}
        # Lines stand in the order in which requests ended.
        requests = map(str.split, lines_of(f"{WORLD}/proxy/requests"))
        for words in sorted(requests, key=lambda words: int(words[7])):
            method, status, _, fault, path, _, _, began, _ = words
            match = re.match(r"/v2/(.+)/manifests/(.+)$", path)
            if not match or method != "PUT" or status not in ("201", "0") or fault == "reset":
                continue
            repository, name = match.groups()
            if name.endswith(".sig"):
                signed.setdefault((repository, name), int(began))
            elif (repository, name) in self.tags and (repository, name) not in self.touched:
                digests = registry.tags(repository).get(name, [])
                sent = signed.get((repository, digests[0].replace(":", "-") + ".sig")) if digests else None
                if len(digests) == 1 and (sent is None or sent > int(began)):
                    self.bad("unsigned", f"{repository}:{name} was tagged before {digests[0]} was signed")
