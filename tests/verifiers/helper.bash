#
# Loaded by the tests here: other people's verifiers, each asked as its users ask it.
#
# VERIFIERS                     their names, in the order of the table in the README
# NEXT_COSIGN                   cosign 3, as a program of theirs
# REFUSAL                       what is in the words of one that refuses: who could not judge has not refused
# ask VERIFIER KEY REFERENCE    says what it says.  A reference is with a tag, or with tag and digest: then the digest
#                               counts.  Exits with 0 if all that the verifier looks at is signed by the key.

load ../e2e/helper
. "$ROOT/tests/tools/sigstore.sh"
. "$ROOT/tests/tools/debian13.sh"

REFUSAL='no (matching )?(signature|attestation|bundle)s?( found|:)|failed to verify|image rejected|^refused: |Verification Failure|another digest|does not match'

NEXT_COSIGN=/opt/next/usr/bin/cosign
VERIFIERS="cosign2 cosign2-bundle cosign3 skopeo podman library openssl"

# What they are given, as they see it: /world.
start_verifiers() {
    debian13_need
    sigstore_library_need
    mkdir -p "$WORLD/given/containers/registries.d"
    # Nobody's roots: a key alone is trusted, and none are looked for in the network.
    echo '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}' >"$WORLD/given/trusted-root"
    cat >"$WORLD/given/containers/policy.json" <<END
{"default": [{"type": "reject"}],
 "transports": {"docker": {"$REGISTRY": [{"type": "sigstoreSigned", "keyPath": "/world/key.pub",
                                          "signedIdentity": {"type": "matchRepoDigestOrExact"}}]}}}
END
    printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n' "$REGISTRY" \
        >"$WORLD/given/containers/registries.d/here.yaml"
    printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" >"$WORLD/given/containers/registries.conf"
    printf '[storage]\ndriver = "vfs"\ngraphroot = "/tmp/images"\nrunroot = "/tmp/run"\n' \
        >"$WORLD/given/containers/storage.conf"
}

verifier() {
    debian13 "$WORLD/given" "$@"
}

# COSIGN REFERENCE
cosign_verify() {
    verifier "$1" verify --key /world/key.pub --insecure-ignore-tlog --allow-http-registry "$2"
}

# REFERENCE: by its digest, where there is one: not all take both.
plainly() {
    if [[ $1 == *@* ]]; then echo "$(repository_of "$1")@${1#*@}"; else echo "$1"; fi
}

# REFERENCE: the digest of what the registry has for it.
digest_of() {
    echo "sha256:$(raw "$1" | sha256sum | cut -d ' ' -f 1)"
}

# REPOSITORY DIGEST
attached_bundle() {
    bundle "$1" "$2" >"$WORLD/given/bundle" || {
        echo "no bundle found"
        return 1
    }
}

ask() {
    local key=$2 reference repository digest
    reference=$(plainly "$3")
    repository=$(repository_of "$3")
    digest=$(digest_of "$3")
    cp "$key" "$WORLD/given/key.pub"
    case $1 in
    cosign2) cosign_verify cosign "$reference" ;;
    cosign3) cosign_verify "$NEXT_COSIGN" "$reference" ;;
    skopeo) verifier skopeo copy --all --remove-signatures "docker://$reference" dir:/tmp/copy ;;
    podman) verifier podman --cgroup-manager cgroupfs pull "$reference" ;;
    cosign2-bundle)
        manifest "$repository" "$digest" >"$WORLD/given/manifest"
        attached_bundle "$repository" "$digest" || return
        verifier cosign verify-blob-attestation --key /world/key.pub --insecure-ignore-tlog --new-bundle-format \
            --trusted-root /world/trusted-root --type https://sigstore.dev/cosign/sign/v1 \
            --bundle /world/bundle /world/manifest
        ;;
    library)
        attached_bundle "$repository" "$digest" || return
        library_accepts "$key" "$digest" <"$WORLD/given/bundle"
        ;;
    openssl)
        attached_bundle "$repository" "$digest" || return
        openssl_accepts_bundle "$key" <"$WORLD/given/bundle" &&
            openssl_accepts_layers "$repository" "$digest" "$key"
        ;;
    esac 2>&1
}
