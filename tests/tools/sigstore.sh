#
# Sourced: signatures as a registry has them, and two judges of their bytes that this machine has itself: sigstore's own
# library for JavaScript, for bundles, and OpenSSL, for both forms.
#
# sigstore_library_need         unpacks the library into WORLD: its exact versions, by their hashes
# library_accepts KEY DIGEST    < BUNDLE
# openssl_accepts_bundle KEY    < BUNDLE
# openssl_accepts_layers REPOSITORY DIGEST KEY

INDEX_TYPE=application/vnd.oci.image.index.v1+json
IMAGE_TYPE=application/vnd.oci.image.manifest.v1+json

# Scripts of packages are not run.
sigstore_library_need() {
    cp -r "$ROOT/tests/deep/judge" "$WORLD/judge"
    (cd "$WORLD/judge" && npm ci --ignore-scripts --no-audit --no-fund >"$WORLD/log/npm" 2>&1) || {
        cat "$WORLD/log/npm"
        return 1
    } >&2
}

# REPOSITORY TAG-OR-DIGEST: the manifest under it.
manifest() {
    curl -sf -H "Accept: $INDEX_TYPE, $IMAGE_TYPE" "http://${1%%/*}/v2/${1#*/}/manifests/$2"
}

# REPOSITORY TAG-OR-DIGEST TYPE < BYTES
put_manifest() {
    curl -sf -X PUT -H "Content-Type: $3" --data-binary @- "http://${1%%/*}/v2/${1#*/}/manifests/$2"
}

# REPOSITORY DIGEST
blob() {
    curl -sf "http://${1%%/*}/v2/${1#*/}/blobs/$2"
}

# REPOSITORY DIGEST: the one bundle attached to it.
bundle() {
    local carrier
    carrier=$(manifest "$1" "${2/:/-}" | jq -r '.manifests[0].digest')
    blob "$1" "$(manifest "$1" "$carrier" | jq -r '.layers[0].digest')"
}

library_accepts() {
    node "$WORLD/judge/judge.js" "$1" "${2#*:}"
}

# KEY PAYLOAD SIGNATURE
openssl_accepts() {
    if openssl pkey -pubin -in "$1" -noout -text | grep -qi ed25519; then
        openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in "$2" -sigfile "$3"
    else
        openssl dgst -sha256 -verify "$1" -signature "$3" "$2"
    fi
}

# What DSSE says is signed, put together here anew.
openssl_accepts_bundle() {
    local dir=$BATS_TEST_TMPDIR type=application/vnd.in-toto+json
    cat >"$dir/bundle"
    jq -r .dsseEnvelope.payload "$dir/bundle" | base64 -d >"$dir/statement"
    printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c <"$dir/statement")" >"$dir/signed"
    cat "$dir/statement" >>"$dir/signed"
    jq -r '.dsseEnvelope.signatures[0].sig' "$dir/bundle" | base64 -d >"$dir/signature"
    openssl_accepts "$1" "$dir/signed" "$dir/signature"
}

# Each layer of the .sig tag.
openssl_accepts_layers() {
    local layer dir=$BATS_TEST_TMPDIR
    manifest "$1" "${2/:/-}.sig" | jq -c '.layers[]' >"$dir/layers"
    [ -s "$dir/layers" ] || return 1
    while read -r layer; do
        blob "$1" "$(jq -r .digest <<<"$layer")" >"$dir/payload"
        jq -r '.annotations["dev.cosignproject.cosign/signature"]' <<<"$layer" | base64 -d >"$dir/signature"
        openssl_accepts "$3" "$dir/payload" "$dir/signature" || return 1
        [ "$(jq -r '.critical.image."docker-manifest-digest"' "$dir/payload")" = "$2" ] || {
            echo "signed is another digest"
            return 1
        }
    done <"$dir/layers"
}

# < BASE64
flip_bit() {
    python3 -c 'import base64, sys
data = bytearray(base64.b64decode(sys.stdin.read()))
data[20] ^= 1
print(base64.b64encode(data).decode())'
}
