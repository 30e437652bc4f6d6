#!/usr/bin/env bash
# A flood of silent clients, and what it does to a normal client.
#
#   cargo stage1                 then, in another terminal:  scripts/flood.sh
#
# Opens silent connections, sends a normal request every second, and shows whether it is answered.
# Ctrl-C ends the flood: the silent connections close, and one more request shows whether the server
# recovers.
#
# Stage 1 has one thread. It waits for the first silent client, and every client behind that one
# waits too: head-of-line blocking. Stage 2 answers immediately. From stage 3 on the server closes
# silent connections after its --timeout.
#
# usage: scripts/flood.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                    open N silent connections (20); on stage 1 a single one is enough
#   -t SECONDS              end the flood after this time, without Ctrl-C
#   --expect frozen|served  exit with 1 if the verdict is another
#   --nc NC                 the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help              show this
#
# Only a response counts, not a connect: the kernel accepts connections for a busy server, up to its
# listen backlog. The verdict is "frozen" if any request during the flood gets no response in 2
# seconds, else "served"; "none" if no silent connection was open. Ctrl-C before the first of these
# requests has ended gives no verdict.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options='-n -t' verdicts='frozen served' stage=1 processes_each=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=20 seconds='' requests=0

stop() { # on Ctrl-C: the first one ends the flood, with a report that ends a wait
    if [ "$stopping" = 1 ] || [ "$requests" = 0 ]; then interrupt; fi
    stopping=1
    echo "$request_id stopped" >&3
}

flood() {
    local began
    read_clock
    began=$now answered=0 most=0 fewest=$count
    while [ "$stopping" = 0 ]; do
        request 2
        [ "$stopping" = 0 ] || break
        [ "$outcome" != refused ] || die "$addr refuses connections now; did the server end?"
        count_open
        [ "$open" -le "$most" ] || most=$open
        [ "$open" -ge "$fewest" ] || fewest=$open
        requests=$((requests + 1))
        [ "$outcome" != answered ] || answered=$((answered + 1))
        [ "$outcome" != timeout ] || summary="$summary: frozen"
        say "$open of $count silent connections open; normal request: $summary"
        [ "$outcome" = timeout ] || [ "$stopping" = 1 ] || read_report 1 # the rest of the second, or until a report
        measure_since "$began"
        [ -z "$seconds" ] || [ "$elapsed" -lt $((seconds * 1000)) ] || break
    done
}

give_verdict() { # after close_all and one more request; sets verdict
    local tally="$answered of $requests requests answered" connections="$most silent connections"
    verdict=served
    [ "$answered" = "$requests" ] || verdict=frozen tally="no response to $((requests - answered)) of $requests requests"
    [ "$most" != 0 ] || verdict=none fewest=0 # there was no flood
    [ "$fewest" = "$most" ] || connections="$fewest to $connections"
    [ "$fewest-$most" != 1-1 ] || connections="1 silent connection"
    say "verdict: $verdict ($tally with $connections open; after closing: ${summary% (*})"
}

main() {
    begin "$@"
    rm -rf "$dir" && dir='' # its fifos are open
    check_server
    trap stop INT
    open_silent
    wait_until_open
    [ $((open + stopping)) -gt 0 ] || die "no silent connection is open; does $nc_name reach $addr? try --nc none"
    say "opened $open of $count silent connections to $addr with $nc_name; Ctrl-C closes them"
    flood
    close_connections
    request 10
    say "silent connections closed; normal request: $summary"
    give_verdict
    check_verdict
}

main "$@"
