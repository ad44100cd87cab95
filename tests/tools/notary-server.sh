#
# Sourced: the real Notary server, built from Debian's source packages, on a free loopback port.
#
# notary_build            build/notary/notary-server; at once if it is there
# notary_start DIR        sets NOTARY (https://127.0.0.1:PORT), NOTARY_CA and NOTARY_PID (also in DIR/pid); storage is
#                         memory, the CA its own (DIR/ca.pem); with NOTARY_AUTH set, that is its "auth" member
# notary_stop

NOTARY_BUILD=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/notary

notary_build() (
    mkdir -p "$NOTARY_BUILD"
    exec 9>"$NOTARY_BUILD/lock"
    flock 9
    [ ! -x "$NOTARY_BUILD/notary-server" ] || exit 0
    cd "$NOTARY_BUILD"
    GOPATH=/usr/share/gocode GO111MODULE=off GOCACHE=$NOTARY_BUILD/cache GOFLAGS=-p=2 \
        go build -o notary-server.new github.com/theupdateframework/notary/cmd/notary-server >build.log 2>&1 || {
        cat build.log >&2
        exit 1
    }
    mv notary-server.new notary-server
)

# DIR: a CA, and a certificate by it for loopback.
notary_ca() {
    local dir=$1 key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    {
        openssl req -x509 $key -days 2 -subj "/CN=CA of trust" -keyout "$dir/ca.key" -out "$dir/ca.pem"
        openssl req $key -subj /CN=trust -keyout "$dir/key.pem" -out "$dir/request"
        openssl x509 -req -days 2 -in "$dir/request" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
            -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost) -out "$dir/cert.pem"
    } >"$dir/openssl.log" 2>&1
}

notary_port() {
    ss -ltnpH "src 127.0.0.1" | sed -n "s/.*127\.0\.0\.1:\([0-9]*\) .*pid=$1,.*/\1/p"
}

# It is told port 0, and does not say which one it got: the kernel does.
notary_start() {
    local dir=$1 port tries
    notary_build || return 1
    mkdir -p "$dir"
    [ -e "$dir/cert.pem" ] || notary_ca "$dir" || return 1
    cat >"$dir/config.json" <<END
{"server": {"http_addr": "127.0.0.1:0", "tls_cert_file": "$dir/cert.pem", "tls_key_file": "$dir/key.pem"},
 "trust_service": {"type": "local"}, "storage": {"backend": "memory"}, ${NOTARY_AUTH:+"\"auth\": $NOTARY_AUTH,"}
 "logging": {"level": "info"}}
END
    setsid "$NOTARY_BUILD/notary-server" -config "$dir/config.json" </dev/null >"$dir/server.log" 2>&1 3>&- 4>&- &
    NOTARY_PID=$!
    echo "$NOTARY_PID" >"$dir/pid"
    for ((tries = 0; tries < 1200; tries++)); do
        port=$(notary_port "$NOTARY_PID")
        NOTARY=https://127.0.0.1:$port NOTARY_CA=$dir/ca.pem
        [ -z "$port" ] || return 0
        kill -0 "$NOTARY_PID" 2>/dev/null || break
        sleep 0.05
    done
    cat "$dir/server.log" >&2
    echo "notary-server did not start; its log is above" >&2
    return 1
}

notary_stop() {
    [ -n "${NOTARY_PID-}" ] || return 0
    kill "$NOTARY_PID" 2>/dev/null || true
    wait "$NOTARY_PID" 2>/dev/null || true
    NOTARY_PID=
}
