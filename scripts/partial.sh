#!/usr/bin/env bash
# Half a request: clients that stop in the middle, and what they do to a normal client.
#
#   cargo stage1                 then, in another terminal:  scripts/partial.sh
#
# Sends half the headers of a request on one connection, half the body on another, and nothing more;
# then a normal request every second. At the end both connections close, and one more request shows
# whether the server recovers.
#
# Stage 1 waits for the other half, and no other client is answered: frozen. Stage 2 answers all
# other clients and holds the two connections open without a limit. From stage 3 on both get 408
# after the server's --timeout and are closed.
#
# usage: scripts/partial.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -t SECONDS                   how long to wait for the server to close both (15)
#   --expect frozen|held|closed  exit with 1 if the verdict is another
#   --nc NC                      the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help                   show this
#
# The verdict is "frozen" if a normal request gets no response in 5 seconds; else "closed" if the
# server closed both connections, "held" if it did not.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options=-t verdicts='frozen held closed' stage=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

seconds=15 closed=0 outcomes='' requests=0 answered=0

handle_response() { # to half a request
    local half
    [ "$stopping" = 0 ] || return # this script has closed them
    case $id in headers) half='half the headers' ;; body) half='half the body' ;; *) return ;; esac
    case $outcome in
        answered) format_duration "$elapsed" && summary="$status after $duration" ;;
        refused) die "$addr refuses connections; did the server end?" ;;
    esac
    closed=$((closed + 1)) outcomes="$outcomes; $half: $summary"
    say "$half: $summary${text:+ ($text)}"
}

wait_until_closed() {
    local began
    read_clock
    began=$now
    while [ "$closed" -lt 2 ]; do
        request 5
        [ "$outcome" != refused ] || die "$addr refuses connections now; did the server end?"
        requests=$((requests + 1))
        [ "$outcome" != timeout ] || { say "normal request: $summary: frozen" && break; }
        [ "$outcome" != answered ] || answered=$((answered + 1))
        count_open
        say "$open of 2 incomplete requests open; normal request: $summary"
        [ "$closed" -lt 2 ] && read_report 1 && handle_report # the rest of the second, or until a report
        measure_since "$began"
        [ "$elapsed" -lt $((seconds * 1000)) ] || break
    done
}

main() {
    begin "$@"
    check_server
    check_nc
    make_fifos headers body
    say "half the headers, half the body and normal requests to $addr with $nc_name; Ctrl-C ends it"
    connect headers
    connect body
    wait_until_open
    start_burst_clock
    build_post '{"user": "mallory", "amount": 1}'
    send headers "${message:0:50}"
    send body "${message%mallory*}"
    wait_until_closed
    close_connections
    local tally="$answered of $requests normal requests answered$outcomes"
    verdict=held
    [ "$closed" -lt 2 ] || verdict=closed
    [ "$answered" = "$requests" ] || verdict=frozen
    request 10
    say "incomplete requests closed; normal request: $summary"
    say "verdict: $verdict ($tally; after closing: ${summary% (*})"
    check_verdict
}

main "$@"
