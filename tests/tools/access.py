#!/usr/bin/python3
"""In which order the architectures' requests reached the registry, from its access log.

  access.py manifests|all LOG REFERENCE...   with REFERENCE as host:port/name:tag@sha256:...

Prints one line, "tag arch", for each run of requests that belong to one architecture of one tag; an
architecture that is printed twice was interleaved with another one.  A blob that several of them have in
common tells nothing and is left out.  "manifests" looks at child manifests
and arch tags; "all" also at blobs.  Counted are requests from the first of an agent that writes (of "all":
that asks anything) until the tag's index is put.
"""

import json
import re
import sys
import urllib.parse
import urllib.request

LINE = re.compile(r'"(\w+) (/v2/\S+) HTTP/[^"]*" (\d+) \S+ "[^"]*" "([^"]*)"')
TYPES = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]


def get_manifest(host, name, digest):
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{digest}")
    request.add_header("Accept", ", ".join(TYPES))
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def owners_of(reference, owners, indexes):
    """Notes to which (tag, arch) each manifest, arch tag and blob of a published reference belongs."""
    host, rest = reference.split("/", 1)
    name, digest = rest.split("@")
    name, tag = name.rsplit(":", 1)
    indexes[digest] = tag
    for entry in get_manifest(host, name, digest)["manifests"]:
        arch = entry["platform"]["architecture"]
        child = get_manifest(host, name, entry["digest"])
        owners[name, f"{tag}-{arch}"] = (tag, arch)
        owners[name, entry["digest"]] = (tag, arch)
        for blob in [child["config"]] + child["layers"]:
            what = name, blob["digest"]
            owners[what] = (tag, arch) if owners.get(what, (tag, arch)) == (tag, arch) else None


def read_log(path):
    with open(path, encoding="utf-8", errors="replace") as log:
        # Clients write the colon of a digest in a query as %3A, or as %3a.
        return [match.groups() for match in map(LINE.search, map(urllib.parse.unquote, log)) if match]


def digests_of_uploads(lines):
    """An upload says only at its end what it was: session id -> digest."""
    found = {}
    for _, path, _, _ in lines:
        match = re.search(r"/blobs/uploads/([^?]+)\?.*digest=(sha256:[0-9a-f]{64})", path)
        if match:
            found[match.group(1)] = match.group(2)
    return found


def subject_of(path, uploads):
    """What a request is about: (repository, kind, digest or tag)."""
    match = re.match(r"/v2/(.+)/(manifests|blobs)/(.*)$", path)
    if not match:
        return None, None, None
    name, kind, rest = match.groups()
    mount = re.search(r"mount=(sha256:[0-9a-f]{64})", rest)
    if mount:
        return name, kind, mount.group(1)
    if rest.startswith("uploads/"):
        return name, kind, uploads.get(rest[len("uploads/"):].split("?")[0])
    return name, kind, rest.split("?")[0]


def main():
    mode, path, references = sys.argv[1], sys.argv[2], sys.argv[3:]
    lines = read_log(path)
    owners, indexes = {}, {}
    for reference in references:
        owners_of(reference, owners, indexes)
    uploads = digests_of_uploads(lines)
    begun, last, closed = False, None, set()
    for method, where, _, agent in lines:
        name, kind, subject = subject_of(where, uploads)
        if method == "PUT" and kind == "manifests" and subject in indexes:
            closed.add(indexes[subject])
        owner = owners.get((name, subject))
        if owner is None or owner[0] in closed or (mode == "manifests" and kind != "manifests"):
            continue
        begun = begun or (agent.startswith("lkagentd") and (mode == "all" or method == "PUT"))
        if begun and owner != last:
            print(*owner)
            last = owner


main()
