#!/usr/bin/env bash
# A staircase of response times: ten events at once, and when each gets its response.
#
#   cargo stage4                 then, in another terminal:  scripts/pileup.sh
#
# Posts ten events at once, each on a separate connection, and shows each response when it arrives.
#
# Stages 1 to 3 respond to all of them together: they do no slow work. Stage 4 works on each event
# for --work (500 ms) and holds a lock, so the events wait in line: a staircase, and the last of ten
# waits ten times as long as the first. Stage 5 responds to all of them together again: they are
# queued, not done.
#
# usage: scripts/pileup.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                          post N events (10), 3 or more
#   -t SECONDS                    how long to wait for the responses (60)
#   --expect staircase|together   exit with 1 if the verdict is another
#   --nc NC                       the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help                    show this
#
# The verdict is "staircase" if the responses arrive 50 ms apart or more, on average and without the
# longest gap, which may be caused by the machine; else "together"; "none" if fewer than three
# arrived.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options='-n -t' verdicts='staircase together' stage=4
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=10 seconds=60 first=0 last=0 longest=0 answered=0

handle_response() { # of an event
    format_duration "$elapsed"
    [ "$outcome" = answered ] || { say "event ${id#event}: $summary" && return; }
    answered=$((answered + 1))
    say "response $answered after $duration: $status${text:+ $text}"
    [ "$answered" != 1 ] || first=$elapsed last=$elapsed
    [ $((elapsed - last)) -le "$longest" ] || longest=$((elapsed - last))
    [ "$elapsed" -lt "$last" ] || last=$elapsed
}

main() {
    begin "$@"
    [ "$count" -ge 3 ] || usage_error "-n takes 3 or more, not '$count': two responses do not make a staircase"
    check_server
    check_nc
    say "$count events at once to $addr with $nc_name; Ctrl-C ends it"
    send_burst "$seconds"
    close_connections
    verdict=none step=0
    [ "$answered" -lt 3 ] || verdict=together step=$(((last - first - longest) / (answered - 2)))
    [ "$step" -lt 50 ] || verdict=staircase
    format_duration "$first" && local from=$duration
    format_duration "$last"
    say "verdict: $verdict ($answered of $count answered, the first after $from, the last after $duration)"
    check_verdict
}

main "$@"
