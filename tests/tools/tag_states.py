#!/usr/bin/env python3
"""
Makes git repositories and states of their work trees at random (from a fixed seed), and compares the hash that
lkcoord gives with what plain git commands give by the rules of `linuxkit pkg`: git rev-parse, show, ls-tree, diff,
ls-files, and SHA-1 and SHA-256 of Python's library.  What would be built is compared too: with the index that
`git add` makes of the same files, and extra sources laid over it.

    tag_states.py TAG_ANSWERS [ROUNDS [SEED]]

Prints "N states agree" or, for the first that does not, how to make it; then the exit status is 1.
"""
import functools
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile

STATES_A_ROUND = 12

NAMES = ["a", "b", "z", "name with blanks", " leading", "trailing ", 'quo"te', "back\\slash", "tab\tname",
         "uml\u00e4ut", "UPPER", "upper", "dash-a", "dot.a", "-option", "star*", "q?", "[x]", "colon:x", "#hash",
         "!bang", "x.o", "keep.o", "nl\nname", "\u65e5\u672c", "text.txt", "data.bin", ".hidden"]
DIRECTORIES = ["sub", "sub dir", "sub-a", "sub.a", "deep", "\u00fcber", "build", ".dir", "dir*"]
CONTENTS = [b"", b"x\n", b"y\n", b"a\r\nb\r\n", b"a\nb\n", b"\0binary\r\n", b"x" * 70000, b"$Id$\n"]


def git(directory, *arguments, check=True):
    done = subprocess.run(["git", "-C", directory, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          close_fds=False)
    if check and done.returncode:
        raise RuntimeError(f"git {arguments}: {done.stderr.decode(errors='replace')}")
    return done.returncode, done.stdout


@functools.lru_cache(maxsize=None)
def asked(directory, *arguments):
    """What git says of the state as it is now."""
    return git(directory, *arguments, check=False)


class Refused(Exception):
    pass


def lines_of(output):
    return output.decode("utf-8", "surrogateescape")


# The rules, as `linuxkit pkg` runs them.

def tree_of(path, commit, where):
    code, top = asked(where, "rev-parse", "--prefix", path, "--show-toplevel")
    if code:
        raise Refused("not in git")
    if lines_of(top).strip() == path:
        code, found = asked(where, "show", "--format=%T", "-s", commit)
        if code:
            raise Refused("no such commit")
        return lines_of(found).strip()
    code, found = asked(where, "ls-tree", "--full-tree", commit, "--", path)
    if code or not found:
        raise Refused("not in git")
    return lines_of(found).split("\t")[0].split(" ")[2]


def is_dirty(path, where):
    if asked(where, "diff", "--no-ext-diff", "--exit-code", "--quiet", "HEAD", "--", path)[0]:
        return True
    return asked(where, "ls-files", "--exclude-standard", "--others", "--error-unmatch", "--", path)[0] == 0


def add_file(digest, path):
    if os.path.islink(path) or not os.path.isfile(path):
        return
    with open(path, "rb") as content:
        digest.update(content.read())


def add_directory(digest, directory):
    tracked = lines_of(asked(directory, "ls-files")[1])
    untracked = lines_of(asked(directory, "ls-files", "--exclude-standard", "--others")[1])
    for name in (tracked + "\n" + untracked).strip().split("\n"):
        add_file(digest, os.path.join(directory, name).encode("utf-8", "surrogateescape"))


def expected(package, hash_path, commit, force, sources):
    ids, dirty_sources = [], []
    for source in sources:
        src = source.split(":")[0]
        src = os.path.normpath(os.path.join(package, src))
        where = src if os.path.isdir(src) else os.path.dirname(src)
        ids.append(tree_of(src, commit, where))
        if commit == "HEAD" and is_dirty(src, where):
            dirty_sources.append(src)
    dirty = force or bool(dirty_sources) or (commit == "HEAD" and is_dirty(hash_path, package))
    text = tree_of(hash_path, commit, package)
    if ids:
        text = hashlib.sha1((text + "".join(ids)).encode()).hexdigest()
    if dirty:
        digest = hashlib.sha256()
        add_directory(digest, package)
        for src in dirty_sources:
            (add_directory if os.path.isdir(src) else add_file)(digest, src)
        text += "-dirty-" + digest.hexdigest()[:7]
    return text, "dirty" if dirty else "clean"


# What is built: what git would have if all of it were committed.

def listed(directory, *arguments, environment=None):
    """{path below directory: "MODE ID"} of `git ls-files -s` or `git ls-tree -r`."""
    out = subprocess.run(["git", "-C", directory, *arguments], stdout=subprocess.PIPE, check=True,
                         env=environment).stdout
    files = {}
    for line in out.split(b"\0")[:-1]:
        words, path = line.split(b"\t", 1)
        words = words.split(b" ")
        files[path] = (words[0] + b" " + words[2 if words[1] in (b"blob", b"commit") else 1]).decode()
    return files


def would_be_committed(path, scratch):
    directory = path if os.path.isdir(path) and not os.path.islink(path) else os.path.dirname(path)
    index, where = git_paths(directory)
    environment = dict(os.environ, GIT_INDEX_FILE=os.path.join(scratch, "index"),
                       GIT_OBJECT_DIRECTORY=os.path.join(scratch, "objects"),
                       GIT_ALTERNATE_OBJECT_DIRECTORIES=where)
    os.makedirs(os.path.join(scratch, "objects"), exist_ok=True)
    shutil.copyfile(index, environment["GIT_INDEX_FILE"])
    added = subprocess.run(["git", "-C", directory, "add", "-A", "--", os.path.basename(path) if directory != path
                            else "."], env=environment, stderr=subprocess.PIPE, check=False)
    if added.returncode:
        raise Refused(added.stderr.decode())
    if directory == path:
        return listed(directory, "ls-files", "-s", "-z", environment=environment)
    return {b"": list(listed(directory, "ls-files", "-s", "-z", "--", path, environment=environment).values())[0]}


def at_head(path):
    if os.path.isdir(path) and not os.path.islink(path):
        return listed(path, "ls-tree", "-r", "-z", "HEAD")
    return {b"": list(listed(os.path.dirname(path), "ls-tree", "-z", "HEAD", "--", path).values())[0]}


def lay_over(files, others, destination):
    for path, entry in others.items():
        whole = b"/".join(part for part in (destination, path) if part)
        for other in list(files):
            if other.startswith(whole + b"/") or whole.startswith(other + b"/"):
                del files[other]
        files[whole] = entry


def expected_context(package, sources, scratch):
    files = {}
    for source in [":", *sources]:
        src, dst = source.split(":")
        src = os.path.normpath(os.path.join(package, src))
        where = src if os.path.isdir(src) else os.path.dirname(src)
        others = would_be_committed(src, scratch) if is_dirty(src, where) else at_head(src)
        dst = dst.strip("/").encode()
        lay_over(files, others, dst)
    return files


class World:
    """Some repositories, and the random choices."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="lk-tags-"))
        self.log = []
        self.changed = set()
        self.contexts = 0
        self.repository = os.path.join(self.directory, "one")
        self.other = os.path.join(self.directory, "other repo")
        self.linked = os.path.join(self.directory, "linked")
        self.packages = []
        self.make(self.repository)
        self.make(self.other)
        self.add_extras()

    def close(self):
        shutil.rmtree(self.directory)

    def write(self, path, content):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)

    def fill(self, directory, depth=2):
        for name in self.random.sample(NAMES, self.random.randint(1, 6)):
            path = os.path.join(directory, name)
            kind = self.random.random()
            if os.path.lexists(path):
                continue
            if kind < 0.12:
                os.makedirs(directory, exist_ok=True)
                os.symlink(self.random.choice(["a", "../x", "sub", "/etc"]), path)
            else:
                self.write(path, self.random.choice(CONTENTS))
                if kind > 0.85:
                    os.chmod(path, 0o755)
        if depth > 0:
            for name in self.random.sample(DIRECTORIES, self.random.randint(0, 2)):
                self.fill(os.path.join(directory, name), depth - 1)

    def make(self, repository):
        git(self.directory, "init", "-q", repository)
        self.fill(repository, 1)
        for depth in range(0, 5):
            parts = [self.random.choice(DIRECTORIES) + str(i) for i in range(depth)]
            package = os.path.join(repository, *parts)
            self.write(os.path.join(package, "build.yml"), b"image: x\n")
            self.fill(package, 1)
            self.packages.append(package)
        ignores = self.random.sample(["*.o", "!keep.o", "build/", "/sub", "sub dir/a", "**/deep", "#x", "*.bin",
                                      "z", "\\#hash", "deep/**", "trailing\\ ", "[a-c]", "!b"],
                                     self.random.randint(0, 4))
        if ignores:
            self.write(os.path.join(repository, ".gitignore"), "\n".join(ignores).encode() + b"\n")
        attributes = self.random.sample(["*.txt text", "*.txt text eol=crlf", "* text=auto", "*.bin -text", "a ident"],
                                        self.random.randint(0, 2))
        if attributes:
            self.write(os.path.join(repository, ".gitattributes"), "\n".join(attributes).encode() + b"\n")
        if self.random.random() < 0.2:
            git(repository, "config", "core.autocrlf", self.random.choice(["true", "input"]))
        if self.random.random() < 0.2:
            git(repository, "config", "core.quotePath", "false")
        git(repository, "add", "-A")
        git(repository, "add", "-f", "--", *[p for p in self.packages if p.startswith(repository)][-1:])
        git(repository, "commit", "-q", "-m", "first")

    def add_extras(self):
        choice = self.random.random()
        if choice < 0.25:
            git(self.repository, "submodule", "-q", "add", self.other,
                os.path.relpath(os.path.join(self.packages[3], "module"), self.repository))
            git(self.repository, "commit", "-q", "-m", "module")
        elif choice < 0.5:
            worktree = os.path.join(self.directory, "second")
            git(self.repository, "worktree", "add", "-q", worktree)
            self.packages += [p.replace(self.repository, worktree, 1) for p in self.packages[:5]]
        elif choice < 0.6:
            os.symlink(self.repository, self.linked)
            self.packages += [p.replace(self.repository, self.linked, 1) for p in self.packages[1:5]]

    # One change of a state.

    def tracked(self, package):
        names = git(package, "ls-files", "-z")[1].split(b"\0")[:-1]
        return [os.path.join(package.encode(), n) for n in sorted(set(names))]

    def change(self, package):
        tracked = [p for p in self.tracked(package) if os.path.lexists(p) and not os.path.isdir(p)]
        changes = [self.new_file, self.new_file, self.new_directory, self.nested_repository, self.empty_directory,
                   self.intend, self.staged_and_gone, self.exclude]
        if tracked:
            changes += [self.modify, self.modify, self.touch, self.chmod, self.chmod_unseen, self.remove,
                        self.remove_cached, self.stage, self.stage_and_revert, self.unmerged, self.to_link,
                        self.to_directory, self.rename_case, self.assume, self.skip, self.line_ends, self.pipe]
        change = self.random.choice(changes)
        path = self.random.choice(tracked) if tracked else b""
        self.changed.add(self.top_of(package))
        self.log.append(f"{change.__name__} {package} {path!r}")
        change(package, path)

    def path_in(self, package):
        directory = self.random.choice(["", "", "sub", "new", "build", "deep"])
        return os.path.join(package, directory, self.random.choice(NAMES))

    def new_file(self, package, _):
        path = self.path_in(package)
        if not os.path.lexists(path) and not os.path.islink(os.path.dirname(path)) and \
           (os.path.isdir(os.path.dirname(path)) or not os.path.lexists(os.path.dirname(path))):
            self.write(path, self.random.choice(CONTENTS))
            self.log.append(f"  new {path!r}")
            return path
        return None

    def new_directory(self, package, _):
        directory = os.path.join(package, "made")
        shutil.rmtree(directory, ignore_errors=True)
        self.fill(directory)

    def nested_repository(self, package, _):
        inner = os.path.join(package, "inner")
        git(self.directory, "init", "-q", inner)
        self.write(os.path.join(inner, "f"), b"f\n")

    def empty_directory(self, package, _):
        os.makedirs(os.path.join(package, "empty", "nested"), exist_ok=True)

    def intend(self, package, _):
        path = self.new_file(package, _)
        if path:
            git(package, "add", "-f", "-N", "--", path)

    def staged_and_gone(self, package, _):
        path = self.new_file(package, _)
        if path:
            git(package, "add", "-f", "--", path)
            os.unlink(path)

    def exclude(self, package, _):
        common = lines_of(git(package, "rev-parse", "--path-format=absolute", "--git-path", "info/exclude")[1]).strip()
        self.write(common, b"excluded\nnew\n")
        self.write(os.path.join(package, "excluded"), b"")

    def modify(self, _, path):
        if not os.path.islink(path):
            with open(path, "ab") as out:
                out.write(b"more\n")

    def touch(self, _, path):
        os.utime(path, (1000000000, 1000000000), follow_symlinks=False)

    def chmod(self, _, path):
        if not os.path.islink(path):
            os.chmod(path, 0o755 if not os.stat(path).st_mode & 0o100 else 0o644)

    def chmod_unseen(self, package, path):
        git(package, "config", "core.fileMode", "false")
        self.chmod(package, path)

    def remove(self, _, path):
        os.unlink(path)

    def remove_cached(self, package, path):
        git(package, "rm", "-q", "-f", "--cached", "--", path, check=False)

    def stage(self, package, path):
        self.modify(package, path)
        git(package, "add", "--", path, check=False)

    def stage_and_revert(self, package, path):
        if os.path.islink(path):
            return
        with open(path, "rb") as content:
            before = content.read()
        self.stage(package, path)
        self.write(path, before)

    def unmerged(self, package, path):
        listed = git(package, "ls-files", "-s", "-z", "--", path, check=False)[1].split(b"\0")[0]
        top = lines_of(git(package, "rev-parse", "--show-toplevel")[1]).strip()
        if not listed or b" 0\t" not in listed:
            return
        mode, oid = listed.split(b" ")[:2]
        name = os.path.relpath(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)),
                               os.path.realpath(top).encode())
        script = b"0 " + b"0" * 40 + b"\t" + name + b"\0"
        for stage in (b"1", b"2", b"3"):
            script += mode + b" " + oid + b" " + stage + b"\t" + name + b"\0"
        subprocess.run(["git", "-C", top, "update-index", "-z", "--index-info"], input=script, check=True)

    def to_link(self, _, path):
        os.unlink(path)
        os.symlink(b"elsewhere", path)

    def to_directory(self, package, path):
        os.unlink(path)
        self.write(os.path.join(os.fsdecode(path), "inside"), b"i\n")

    def rename_case(self, _, path):
        other = os.path.join(os.path.dirname(path), os.path.basename(path).swapcase())
        if not os.path.lexists(other):
            os.rename(path, other)

    def assume(self, package, path):
        git(package, "update-index", "--assume-unchanged", "--", path, check=False)
        self.random.choice([self.modify, self.remove])(package, path)

    def skip(self, package, path):
        git(package, "update-index", "--skip-worktree", "--", path, check=False)
        self.random.choice([self.modify, self.remove])(package, path)

    def line_ends(self, _, path):
        if os.path.islink(path):
            return
        with open(path, "rb") as content:
            before = content.read()
        self.write(os.fsdecode(path), before.replace(b"\r\n", b"\n") if b"\r" in before
                   else before.replace(b"\n", b"\r\n"))

    def pipe(self, _, path):
        # To git a pipe is an empty file.
        if os.lstat(path).st_size > 0:
            os.unlink(path)
            os.mkfifo(path)

    def reset(self):
        for repository in self.changed:
            exclude, index = lines_of(git(repository, "rev-parse", "--path-format=absolute", "--git-path",
                                          "info/exclude", "--git-path", "index")[1]).strip().split("\n")
            self.write(exclude, b"")
            git(repository, "config", "core.fileMode", "true")
            os.unlink(index)
            git(repository, "reset", "-q", "--hard")
            git(repository, "clean", "-ffdxq")
        self.changed = set()
        self.log = []

    def top_of(self, package):
        tops = [os.path.join(self.directory, name) for name in ("one", "other repo", "second", "linked")]
        return next(top for top in tops if (package + "/").startswith(top + "/"))

    # One question.

    def sources(self, package):
        found = []
        for _ in range(self.random.choice([0, 0, 1, 2, 3])):
            kind = self.random.random()
            if kind < 0.4:
                src = os.path.relpath(self.random.choice(self.packages[:5]), package)
            elif kind < 0.7:
                src = self.random.choice(self.packages[5:10])
            elif kind < 0.8:
                src = ""
            else:
                tracked = [os.fsdecode(t) for t in self.tracked(self.packages[1])]
                tracked = [t for t in tracked if ":" not in t and "\t" not in t and "\n" not in t]
                src = self.random.choice(tracked or [package])
                if not os.path.isfile(src) and not os.path.islink(src):
                    src = package
            if ":" not in src:
                found.append(src + ":" + self.random.choice(["x", "", "/a/b"]))
        return found

    def question(self, package):
        hash_path, commit, force = package, "HEAD", False
        if self.random.random() < 0.15 and os.path.dirname(package) not in (self.directory, self.linked):
            hash_path = os.path.dirname(package)
        if self.random.random() < 0.15:
            commit = self.random.choice(["@", "HEAD~0", lines_of(git(package, "rev-parse", "HEAD")[1]).strip()])
        if self.random.random() < 0.05:
            force = True
        return package, hash_path, commit, force, self.sources(package)


def ask(helper, kind, package, hash_path, commit, force, sources):
    line = "\t".join([kind, package, hash_path, commit, "x" if force else "-", *sources]) + "\n"
    helper.stdin.write(line.encode("utf-8", "surrogateescape"))
    helper.stdin.flush()
    return read_line(helper)


def read_line(helper):
    return helper.stdout.readline().decode("utf-8", "surrogateescape").rstrip("\n")


def tree_id(files):
    """What git calls a tree of {path: "MODE ID"}."""
    entries, below = [], {}
    for path, entry in files.items():
        name, _, rest = path.partition(b"/")
        if rest:
            below.setdefault(name, {})[rest] = entry
        else:
            mode, oid = entry.split(" ")
            entries.append((name, mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid)))
    for name, inner in below.items():
        entries.append((name + b"/", b"40000 " + name + b"\0" + bytes.fromhex(tree_id(inner))))
    content = b"".join(entry for _, entry in sorted(entries))
    return hashlib.sha1(b"tree %d\0" % len(content) + content).hexdigest()


def context_of(helper, question):
    """What is built, or a message."""
    files = {}
    line = ask(helper, "context", *question)
    while not line.startswith("end "):
        if line.startswith("error"):
            return line
        mode, oid, path = (line + " ").split(" ")[:3]
        files[bytes.fromhex(path)] = mode + " " + oid
        line = read_line(helper)
    return files if line == "end " + tree_id(files) else f"{line}: the tree is not written as git would"


def compare_contexts(wanted, got):
    if got == wanted:
        return None
    if isinstance(got, str):
        modules = [p for p, entry in wanted.items() if entry.startswith("160000")]
        understood = "a file is to be put at" in got or "is no directory there" in got
        return None if modules or understood else got
    return f"built from {[x for x in got.items() if x not in wanted.items()]}\n" \
           f"  expected   {[x for x in wanted.items() if x not in got.items()]}"


def compare(helper, world):
    """Nothing if all is well, else what is wrong."""
    package = world.random.choice(world.packages)
    for _ in range(world.random.choice([0, 1, 1, 2, 3])):
        world.change(world.random.choice([package, package, package, *world.packages]))
    if not os.path.isdir(package):
        return None
    asked.cache_clear()
    question = world.question(package)
    wanted, wanted_context = "error", None
    try:
        wanted = " ".join(expected(*question))
        wanted_context = expected_context(package, question[-1], world.directory)
    except Refused:
        pass
    before = index_of(package)
    problem = None
    got = ask(helper, "hash", *question)
    if got != wanted and not got.startswith(wanted + " "):
        problem = f"expected {wanted}\n  got      {got}"
    elif wanted_context is not None:
        problem = compare_contexts(wanted_context,
                                   context_of(helper, (package, package, "HEAD", False, question[-1])))
        world.contexts += problem is None
    if index_of(package) != before:
        problem = "the index was written"
    return problem and f"{question}\n  {problem}\n  after:\n    " + "\n    ".join(world.log)


def git_paths(directory):
    return lines_of(asked(directory, "rev-parse", "--path-format=absolute", "--git-path", "index", "--git-path",
                          "objects")[1]).strip().split("\n")


def index_of(package):
    index = git_paths(package)[0]
    return os.stat(index).st_mtime_ns if os.path.exists(index) else 0


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    home = tempfile.mkdtemp(prefix="lk-tags-home-")
    os.environ.update(HOME=home, GIT_CONFIG_NOSYSTEM="1", LC_ALL="C.UTF-8")
    for name in [n for n in os.environ if n.startswith("GIT_") and n != "GIT_CONFIG_NOSYSTEM"]:
        del os.environ[name]
    os.environ["XDG_CONFIG_HOME"] = home
    with open(os.path.join(home, ".gitconfig"), "w", encoding="ascii") as config:
        config.write("[user]\nname = T\nemail = t@example.org\n[gc]\nauto = 0\n[protocol \"file\"]\nallow = always\n")
    helper = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    agreed = wrong = contexts = 0
    for i in range(int(os.environ.get("LK_FIRST", 0)), rounds):
        world = World(seed * 1000003 + i)
        for state in range(STATES_A_ROUND):
            world.reset()
            problem = compare(helper, world)
            if problem:
                if os.environ.get("LK_KEEP"):
                    print(problem)
                    return 1
                wrong += 1
                print(f"seed {seed}, round {i}, state {state}: {problem}", flush=True)
            else:
                agreed += 1
        contexts += world.contexts
        world.close()
    helper.stdin.close()
    shutil.rmtree(home)
    print(f"{agreed} states agree, {contexts} of them in what is built" + (f", {wrong} do not" if wrong else ""))
    return 1 if wrong or helper.wait() else 0


if __name__ == "__main__":
    sys.exit(main())
