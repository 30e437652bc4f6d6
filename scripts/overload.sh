#!/usr/bin/env bash
# Overload by hand: more events at once than there is room for, and what the server says to those.
#
#   cargo run -p stage5          then, elsewhere:  scripts/overload.sh
#
# Posts thirty events at once, each on a connection of its own, and shows what they are told; then, where the server
# tells (GET /stats), how its queue empties. Ctrl-C ends the wait.
#
# Stages 1 to 3 take all of them, and would take any number: nothing limits what they take on. Stage 4 takes all of
# them, too, and works on one at a time: they pile up, and the more there are, the longer the last one waits. Stage 5
# takes what fits in its queue (16), what its worker has in hand, and one more for each --work (500 ms) that passes
# meanwhile; it refuses the rest at once with 503, and says in Retry-After when to come back.
#
# usage: scripts/overload.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                           post N events (30)
#   -t SECONDS                     wait so long for the answers (5)
#   --expect refused|taken|piled   exit with 1 unless this is the verdict
#   --nc NC                        the nc to use, as in --nc 'busybox nc' (or NC=...); none: bash's own /dev/tcp
#   -h, --help                     show this
#
# The verdict is "refused" if every event has an answer and some are 503; "taken" if all of them are taken; "piled" (up)
# if some still wait; "none" if nothing was taken.

# shellcheck disable=SC2034  # for bash-client.sh
takes='-n -t' verdicts='refused taken piled' stage=5
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=30 seconds=5 taken=0 refused=0 slowest_taken=0 slowest_refused=0 soonest='' latest='' emptied=''

heard() { # of an event
    case $outcome-$status in
        answered-2??)
            taken=$((taken + 1)) took_it=$status
            [ "$passed" -le "$slowest_taken" ] || slowest_taken=$passed ;;
        answered-503)
            refused=$((refused + 1))
            [ "$passed" -le "$slowest_refused" ] || slowest_refused=$passed
            [[ $retry =~ ^[0-9]{1,9}$ ]] || return
            soonest=${soonest:-$retry} latest=${latest:-$retry}
            [ "$retry" -ge "$soonest" ] || soonest=$retry
            [ "$retry" -le "$latest" ] || latest=$retry ;;
        *) say "event ${id#event}: $words" ;;
    esac
}

tell() { # what became of the burst; sets tally
    local wait=$((count - answers)) come=''
    tally="$taken of $count taken, $refused refused"
    [ "$wait" = 0 ] || tally="$tally, $wait still waiting"
    [ -z "$soonest" ] || come="; come back in $soonest to $latest s"
    [ "$soonest" != "$latest" ] || come=${come/ to $latest/}
    spell "$slowest_taken"
    [ "$taken" = 0 ] || say "$taken taken ($took_it), the last of them answered after $took"
    spell "$slowest_refused"
    [ "$refused" = 0 ] || say "$refused refused (503), the last of them answered after $took$come"
    [ "$wait" = 0 ] || say "$wait without an answer after $seconds s"
}

watch() { # the queue, until all is done, or nothing changes for 30 seconds; sets emptied
    local now changed=0 queued state last=''
    while [ "$stopping" = 0 ]; do
        honest 2 'GET /stats'
        [ "$outcome" = answered ] || break
        figure queued || break
        queued=$value
        figure processed || break
        state=$value
        figure failed && state=$((state + value))
        figure accepted || break
        since "$sent_at"
        spell "$passed"
        [ "$queued $state" = "$last" ] || { say "after $took: $queued wait, $state done" && changed=$passed; }
        last="$queued $state"
        [ "$value" != "$state" ] || { emptied="; all done after $took" && break; }
        [ $((passed - changed)) -lt 30000 ] || break
        nap
    done
    [ -n "$last" ] || [ "$stopping" = 1 ] || say "GET /stats does not tell here what waits and what is done"
}

main() {
    begin "$@"
    check
    check_holder
    trap stop INT
    say "$count events at once to $addr with $holder, then the queue; Ctrl-C ends it"
    burst "$seconds"
    tell
    close_all
    watch
    stopping=1
    exec 2>/dev/null # as in leave
    verdict=none
    [ "$taken" = 0 ] || verdict=taken
    [ "$taken" = 0 ] || [ "$refused" = 0 ] || verdict=refused
    [ "$answers" = "$count" ] || verdict=piled
    say "verdict: $verdict ($tally$emptied)"
    as_expected
}

main "$@"
