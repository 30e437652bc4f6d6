#!/usr/bin/env bash
# Garbage by hand: what is no HTTP, what is no event, and what the server makes of each.
#
#   cargo run -p stage2          then, elsewhere:  scripts/garbage.sh
#
# Sends sixteen malformed messages and twelve bodies that are no event, each on a connection of its own, and shows each
# answer. An honest request at the end shows whether the server is well. Ctrl-C ends it early.
#
# What is no HTTP is refused by all five stages. What is no event comes back from stages 1 and 2 with a 200: they would
# take anything. From stage 3 on it is refused: 400 for what is no JSON, 422 for JSON that is no event, 415 for another
# media type.
#
# usage: scripts/garbage.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -t SECONDS                      wait so long for each answer (5)
#   --expect refused|echoed|silent  exit with 1 unless this is the verdict
#   --nc NC                         the nc to use, as in --nc 'busybox nc' (or NC=...); none: bash's own /dev/tcp
#   -h, --help                      show this
#
# The verdict is "silent" if anything has no answer, the honest request included; else "echoed" if anything is taken as
# fine; else, if all of it gets an error, "refused"; "none" if it was ended before.

# shellcheck disable=SC2034  # for bash-client.sh
takes=-t verdicts='refused echoed silent' stage=3
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

seconds=5 sent=0 refused=0 echoed=0

try() { # WHAT MESSAGE
    [ "$stopping" = 0 ] || return
    sent=$((sent + 1))
    connect "garbage$sent"
    send "garbage$sent" "$2"
    while mail "$seconds" && [ "$id" != "garbage$sent" ] && [ "$stopping" = 0 ]; do :; done
    close_all
    case $outcome-$status in
        answered-[45]??) refused=$((refused + 1)) ;;
        answered-*) echoed=$((echoed + 1)) ;;
        stopped-*) sent=$((sent - 1)) && return ;;
    esac
    [ "$outcome" != answered ] || words="$status${text:+ $text}"
    say "$1: $words"
}

fields() { # WHAT FIELDS; a request with more fields
    try "$1" "GET / HTTP/1.1\r\nHost: $addr\r\n$2\r\n\r\n"
}

body() { # WHAT BODY [TYPE]
    post "${@:2}"
    try "$1" "$message"
}

malformed() {
    local many='' long
    printf -v long '%9000s' ''
    while [ ${#many} -lt 606 ]; do many="${many}X:\r\n"; done # a hundred and one
    try 'no HTTP' 'hello\r\n\r\n'
    try 'TLS' '\x16\x03\x01'
    try 'another version' "GET / HTTP/2.0\r\nHost: $addr\r\n\r\n"
    try 'no Host' 'GET / HTTP/1.1\r\n\r\n'
    fields 'two Hosts' 'Host: another'
    fields 'a space before the colon' 'X : y'
    fields 'a folded field' 'X: y\r\n z'
    fields 'a NUL in a field' 'X: \0000'
    fields 'over a hundred fields' "$many"
    try 'a target of nine thousand bytes' "GET /${long// /x} HTTP/1.1\r\nHost: $addr\r\n\r\n"
    try 'CONNECT' "CONNECT $addr HTTP/1.1\r\nHost: $addr\r\n\r\n"
    fields 'a length that is no number' 'Content-Length: five'
    fields 'two lengths' 'Content-Length: 5\r\nContent-Length: 6'
    fields 'a length of a gigabyte' 'Content-Length: 1000000000'
    fields 'a length and chunks' 'Content-Length: 5\r\nTransfer-Encoding: chunked'
    fields 'a chunk of no size' 'Transfer-Encoding: chunked\r\n\r\nfive'
}

no_event() { # what the client's claim sends
    body 'no body' ''
    body 'no JSON' 'hello'
    body 'JSON cut short' '{"user": "alice", "amount"'
    body 'bytes after the JSON' '{"user": "alice", "amount": 5} {}'
    body 'not UTF-8' '{"user": "al\xffice", "amount": 5}'
    body 'an array' '["alice", 5]'
    body 'a field missing' '{"user": "alice"}'
    body 'an unknown field' '{"user": "alice", "amount": 5, "admin": true}'
    body 'a field twice' '{"user": "alice", "amount": 5, "amount": -5}'
    body 'a text for a number' '{"user": "alice", "amount": "5"}'
    body 'a number too large' '{"user": "alice", "amount": 9223372036854775808}'
    body 'another media type' '{"user": "alice", "amount": 5}' text/plain
}

main() {
    begin "$@"
    check
    check_holder
    fifos garbage{1..28}
    trap stop INT
    say "what is no HTTP, then what is no event, to $addr with $holder; Ctrl-C ends it"
    malformed
    no_event
    stopping=1
    honest 10
    say "honest request: $words"
    verdict=refused
    [ "$echoed" = 0 ] || verdict=echoed
    [ "$((refused + echoed))-$outcome" = "$sent-answered" ] || verdict=silent
    [ "$sent" != 0 ] || verdict=none
    [ "$outcome" != answered ] || { spell "$passed" && words="answered $took"; }
    say "verdict: $verdict ($refused of $sent refused, $echoed taken as fine; an honest request $words after them)"
    as_expected
}

main "$@"
