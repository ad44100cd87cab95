"""What the registry has: asked for, as the watcher does, and as it lies on its disk, where no tag is ever forgotten."""

import hashlib
import io
import json
import os
import tarfile
import urllib.error
import urllib.request

from world import BIN, NAME, WORLD, run

TYPES = ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"]
DATA = f"{WORLD}/registry/data/docker/registry/v2"


def ask(path, method="GET", body=None):
    """(status, bytes); status 0 if there was no answer.  Only from within the watcher's host."""
    request = urllib.request.Request(f"http://{NAME}/v2/{path}", body, {"Accept": ", ".join(TYPES)}, method=method)
    if body:
        request.add_header("Content-Type", TYPES[0])
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""
    except (OSError, ValueError):
        return 0, b""


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob(digest):
    with open(f"{DATA}/blobs/sha256/{digest[7:9]}/{digest[7:]}/data", "rb") as file:
        return file.read()


def tags(repository):
    """tag -> the digests that it ever named."""
    base = f"{DATA}/repositories/{repository}/_manifests/tags"
    if not os.path.isdir(base):
        return {}
    return {tag: ["sha256:" + digest for digest in os.listdir(f"{base}/{tag}/index/sha256")]
            for tag in os.listdir(base)}


def content_of(image):
    """The files `what` and `machine` of an image: what its build wrote into it."""
    found = {}
    for layer in image["layers"]:
        with tarfile.open(fileobj=io.BytesIO(blob(layer["digest"]))) as archive:
            for name in ("what", "machine"):
                if name in archive.getnames():
                    found[name] = archive.extractfile(name).read().decode().strip()
    return found


def wrong_with_child(entry, what):
    arch = entry["platform"]["architecture"]
    image = json.loads(blob(entry["digest"]))
    config = json.loads(blob(image["config"]["digest"]))
    content = content_of(image)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(arch, arch)
    if config["architecture"] != arch:
        return f"mixed: {arch} is an image for {config['architecture']}"
    if content.get("what") != what or config["config"]["Labels"].get("chaos") != what:
        return f"mixed: {arch} holds {content.get('what')}, not {what}"
    if content.get("machine", machine) != machine:
        return f"mixed: {arch} was built on {content['machine']}"
    return None


def wrong_with_index(data, what, arches):
    """What is wrong with an index that was tagged as `what`, a package's name and version; None if nothing is."""
    index = json.loads(data)
    entries = index.get("manifests", [])
    have = [entry["platform"]["architecture"] for entry in entries]
    if sorted(have) != sorted(arches):
        return f"incomplete: has {have}, not {arches}"
    try:
        return next(filter(None, (wrong_with_child(entry, what) for entry in entries)), None)
    except FileNotFoundError as error:
        return f"incomplete: {error.filename} is missing"


def verify(repository, tag, digest, arches):
    """None if lkcoord itself finds it complete and signed; else what it says."""
    status, out, err = run("watcher", f"{BIN}/lkcoord", "verify", "--plain-http", "--key", f"{WORLD}/keys/signing.pub",
                           "--arches", ",".join(arches), f"{NAME}/{repository}:{tag}@{digest}", timeout=60)
    return None if status == 0 else f"exit {status}: {out[-300:]} {err[-300:]}"
