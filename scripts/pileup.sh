#!/usr/bin/env bash
# The staircase by hand: ten events at once, and when each is answered.
#
#   cargo run -p stage4          then, elsewhere:  scripts/pileup.sh
#
# Posts ten events at once, each on a connection of its own, and shows each answer when it comes. Ctrl-C ends the wait.
#
# Stages 1 to 3 answer all of them together: they do nothing that takes time. Stage 4 works on each for --work (500 ms)
# under a lock, so they wait in line: a staircase, and the last of ten waits ten times as long as the first. Stage 5
# answers all of them together again: they are queued, not done.
#
# usage: scripts/pileup.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                          post N events (10), 3 or more
#   -t SECONDS                    wait so long for the answers (60)
#   --expect staircase|together   exit with 1 unless this is the verdict
#   --nc NC                       the nc to use, as in --nc 'busybox nc' (or NC=...); none: bash's own /dev/tcp
#   -h, --help                    show this
#
# The verdict is "staircase" if the answers come 50 ms apart or more, on average and without the longest pause, which
# may be the machine's; else "together"; "none" if fewer than three came.

# shellcheck disable=SC2034  # for bash-client.sh
takes='-n -t' verdicts='staircase together' stage=4
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=10 seconds=60 first=0 last=0 longest=0 given=0

heard() { # of an event
    spell "$passed"
    [ "$outcome" = answered ] || { say "event ${id#event}: $words" && return; }
    given=$((given + 1))
    say "answer $given after $took: $status${text:+ $text}"
    [ "$given" != 1 ] || first=$passed last=$passed
    [ $((passed - last)) -le "$longest" ] || longest=$((passed - last))
    [ "$passed" -lt "$last" ] || last=$passed
}

main() {
    begin "$@"
    [ "$count" -ge 3 ] || bad "-n takes 3 or more, not '$count': two answers are no staircase"
    check
    check_holder
    trap stop INT
    say "$count events at once to $addr with $holder, and when each is answered; Ctrl-C ends it"
    burst "$seconds"
    stopping=1
    exec 2>/dev/null # as in leave
    close_all
    verdict=none step=0
    [ "$given" -lt 3 ] || verdict=together step=$(((last - first - longest) / (given - 2)))
    [ "$step" -lt 50 ] || verdict=staircase
    spell "$first" && local from=$took
    spell "$last"
    say "verdict: $verdict ($given of $count answered, the first after $from, the last after $took)"
    as_expected
}

main "$@"
