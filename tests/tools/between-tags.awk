# Of a proxy's requests (faulty-proxy.py): "MS ROUNDS" of lkcoordd between the last arch tag of `tag` that was read back
# and the PUT of `tag` itself.  ROUNDS is the longest row of requests of which each began after the one before it ended.
$6 != "lkcoordd" { next }
$5 ~ ("/manifests/" tag "-") && $1 == "GET" && $2 == 200 { from = $7 }
$5 ~ ("/manifests/" tag "$") && $1 == "PUT" { until = $8 }
{ ended[NR] = $7; began[NR] = $8; last = NR }
END {
    # Requests were written down in the order in which they ended: the first to end that began late enough.
    at = from
    for (i = 1; i <= last; i++)
        if ((i in ended) && began[i] >= at && ended[i] <= until) { rounds++; at = ended[i] }
    print until - from, rounds + 0
}
