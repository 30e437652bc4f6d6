#!/usr/bin/env bash
# A flood of silent clients, and what it does to a normal client.
#
#   cargo stage1                 then, in another terminal:  scripts/flood.sh
#
# Opens silent connections, sends a normal request every second, and shows whether it is answered. Ctrl-C ends the
# flood: the silent connections close, and one more request shows whether the server recovers.
#
# Stage 1 has one thread. It waits for the first silent client, and every client behind that one waits too: head-of-line
# blocking. Stage 2 answers immediately. From stage 3 on the server closes silent connections after its --timeout.
#
# usage: scripts/flood.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                    open N silent connections (20); on stage 1 a single one is enough
#   -t SECONDS              end the flood after this time, without Ctrl-C
#   --expect frozen|served  exit with 1 if the verdict is another
#   --nc NC                 the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help              show this
#
# Only a response counts, not a connect: the kernel accepts connections for a busy server, up to its listen backlog. The
# verdict is "frozen" if any request during the flood gets no response in 2 seconds, else "served"; "none" if no silent
# connection was open.

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options='-n -t' verdicts='frozen served' stage=1 processes_each=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=20 seconds=''

hold() { # replaces this process by a silent connection
    if [ "${nc[0]}" = none ]; then
        exec 6<>"/dev/tcp/$host/$port" && exec cat <&6
    else
        exec "${nc[@]}" "$host" "$port" <&5 # not /dev/null: at the end of their input some ncs close
    fi
}

open_silent() {
    local n
    for ((n = 0; n < count && !stopping; n++)); do
        hold >/dev/null 2>&1 3>&- 4>&- &
        pids="$pids $!"
    done
    wait_until_open
}

flood() {
    local began
    read_clock
    began=$now requests=0 answered=0 most=0 fewest=$count
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
    [ $((open + stopping)) -gt 0 ] || die "no silent connection is open; does $nc_name reach $addr? try --nc none"
    say "opened $open of $count silent connections to $addr with $nc_name; Ctrl-C closes them"
    flood
    stopping=1
    exec 2>/dev/null # as in exit_once
    close_all
    request 10
    say "silent connections closed; normal request: $summary"
    give_verdict
    check_verdict
}

main "$@"
