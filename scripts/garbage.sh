#!/usr/bin/env bash
# Garbage: input that is not HTTP and bodies that are not events, and the server's response to each.
#
#   cargo stage2                 then, in another terminal:  scripts/garbage.sh
#
# Sends sixteen malformed requests and twelve bodies that are not events, each on a separate
# connection, and shows each response. A normal request at the end shows whether the server still
# works.
#
# All five stages reject malformed requests. Stages 1 and 2 echo any body with a 200, so they accept
# the twelve. From stage 3 on each is rejected: 400 for a body that is not JSON, 422 for JSON that
# is not an event, 415 for another media type.
#
# usage: scripts/garbage.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -t SECONDS                       how long to wait for each response (5)
#   --expect rejected|echoed|silent  exit with 1 if the verdict is another
#   --nc NC                          the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help                       show this
#
# The verdict is "silent" if any request, including the normal one, gets no response; else "echoed"
# if any garbage is accepted; else "rejected", when all of it gets an error.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options=-t verdicts='rejected echoed silent' stage=3
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

seconds=5 sent=0 rejected=0 echoed=0

try() { # NAME MESSAGE
    sent=$((sent + 1))
    connect "garbage$sent"
    send "garbage$sent" "$2"
    while read_report "$seconds" && [ "$id" != "garbage$sent" ]; do :; done
    close_all
    case $outcome-$status in
        answered-[45]??) rejected=$((rejected + 1)) ;;
        answered-*) echoed=$((echoed + 1)) ;;
    esac
    [ "$outcome" != answered ] || summary="$status${text:+ $text}"
    say "$1: $summary"
}

try_headers() { # NAME HEADERS
    try "$1" "GET / HTTP/1.1\r\nHost: $addr\r\n$2\r\n\r\n"
}

try_body() { # NAME BODY [TYPE]
    build_post "${@:2}"
    try "$1" "$message"
}

try_malformed_requests() {
    local many='' long
    printf -v long '%9000s' ''
    while [ ${#many} -lt 606 ]; do many="${many}X:\r\n"; done # 101 of them
    try 'not HTTP' 'hello\r\n\r\n'
    try 'a TLS handshake' '\x16\x03\x01'
    try 'HTTP/2.0' "GET / HTTP/2.0\r\nHost: $addr\r\n\r\n"
    try 'no Host' 'GET / HTTP/1.1\r\n\r\n'
    try_headers 'two Hosts' 'Host: another'
    try_headers 'a space before the colon' 'X : y'
    try_headers 'a folded header' 'X: y\r\n z'
    try_headers 'a NUL in a header' 'X: \0000'
    try_headers 'over 100 headers' "$many"
    try 'a target of 9000 bytes' "GET /${long// /x} HTTP/1.1\r\nHost: $addr\r\n\r\n"
    try 'CONNECT' "CONNECT $addr HTTP/1.1\r\nHost: $addr\r\n\r\n"
    try_headers 'a Content-Length that is not a number' 'Content-Length: five'
    try_headers 'two different Content-Lengths' 'Content-Length: 5\r\nContent-Length: 6'
    try_headers 'a Content-Length of 1 GB' 'Content-Length: 1000000000'
    try_headers 'Content-Length and chunked' 'Content-Length: 5\r\nTransfer-Encoding: chunked'
    try_headers 'a chunk without a size' 'Transfer-Encoding: chunked\r\n\r\nfive'
}

try_non_events() { # the same as the client's claim
    try_body 'no body' ''
    try_body 'not JSON' 'hello'
    try_body 'truncated JSON' '{"user": "alice", "amount"'
    try_body 'bytes after the JSON' '{"user": "alice", "amount": 5} {}'
    try_body 'not UTF-8' '{"user": "al\xffice", "amount": 5}'
    try_body 'an array' '["alice", 5]'
    try_body 'a missing field' '{"user": "alice"}'
    try_body 'an unknown field' '{"user": "alice", "amount": 5, "admin": true}'
    try_body 'a duplicate field' '{"user": "alice", "amount": 5, "amount": -5}'
    try_body 'a string for a number' '{"user": "alice", "amount": "5"}'
    try_body 'a number too large' '{"user": "alice", "amount": 9223372036854775808}'
    try_body 'another media type' '{"user": "alice", "amount": 5}' text/plain
}

main() {
    begin "$@"
    check_server
    check_nc
    make_fifos garbage{1..28}
    say "16 malformed requests and 12 bodies that are not events to $addr with $nc_name; Ctrl-C ends it"
    try_malformed_requests
    try_non_events
    request 10
    say "normal request: $summary"
    verdict=rejected
    [ "$echoed" = 0 ] || verdict=echoed
    [ "$((rejected + echoed))-$outcome" = "$sent-answered" ] || verdict=silent
    say "verdict: $verdict (rejected $rejected of $sent, accepted $echoed; normal request: ${summary% (*})"
    check_verdict
}

main "$@"
