#!/usr/bin/env bash
# Overload: more events at once than the server has capacity for, and its response to the rest.
#
#   cargo stage5                 then, in another terminal:  scripts/overload.sh
#
# Posts thirty events at once, each on a separate connection, and shows the responses; then, if the
# server has GET /stats, how its queue empties.
#
# Stages 1 to 3 accept all of them and would accept any number: nothing limits them. Stage 4 accepts
# all of them, too, and works on one at a time: they pile up, and the more there are, the longer the
# last one waits. Stage 5 accepts as many as fit its queue (16), the one that its worker processes,
# and one more for each --work (500 ms) that passes meanwhile. It rejects the rest immediately with
# 503 and a Retry-After header.
#
# usage: scripts/overload.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                                   post N events (30)
#   -t SECONDS                             how long to wait for the responses (5)
#   --expect rejected|accepted|piled-up    exit with 1 if the verdict is another
#   --nc NC                                the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help                             show this
#
# The verdict is "rejected" if every event gets a response and some of them a 503; "accepted" if all
# are accepted; "piled-up" if some have no response after that time; "none" if no event was
# accepted.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options='-n -t' verdicts='rejected accepted piled-up' stage=5
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=30 seconds=5 accepted=0 rejected=0 slowest_accepted=0 slowest_rejected=0 soonest='' latest='' emptied=''

handle_response() { # of an event
    case $outcome-$status in
        answered-2??)
            accepted=$((accepted + 1)) accepted_status=$status
            [ "$elapsed" -le "$slowest_accepted" ] || slowest_accepted=$elapsed ;;
        answered-503)
            rejected=$((rejected + 1))
            [ "$elapsed" -le "$slowest_rejected" ] || slowest_rejected=$elapsed
            [[ $retry =~ ^[0-9]{1,9}$ ]] || return
            soonest=${soonest:-$retry} latest=${latest:-$retry}
            [ "$retry" -ge "$soonest" ] || soonest=$retry
            [ "$retry" -le "$latest" ] || latest=$retry ;;
        *) say "event ${id#event}: $summary" ;;
    esac
}

show_responses() { # sets tally
    local waiting=$((count - responses)) retry_after=''
    tally="accepted $accepted of $count, rejected $rejected"
    [ "$waiting" = 0 ] || tally="$tally, $waiting still waiting"
    [ -z "$soonest" ] || retry_after="; Retry-After: $soonest to $latest s"
    [ "$soonest" != "$latest" ] || retry_after=${retry_after/ to $latest/}
    format_duration "$slowest_accepted"
    [ "$accepted" = 0 ] || say "accepted $accepted ($accepted_status), the last after $duration"
    format_duration "$slowest_rejected"
    [ "$rejected" = 0 ] || say "rejected $rejected (503), the last after $duration$retry_after"
    [ "$waiting" = 0 ] || say "$waiting without a response after $seconds s"
}

watch_queue() { # until all is done, or nothing changes for 30 seconds; sets emptied
    local now changed=0 queued finished last=''
    while :; do
        request 2 'GET /stats'
        [ "$outcome" = answered ] || break
        read_number queued || break
        queued=$value
        read_number processed || break
        finished=$value
        read_number failed && finished=$((finished + value))
        read_number accepted || break
        measure_since "$burst_at"
        format_duration "$elapsed"
        [ "$queued $finished" = "$last" ] || { say "after $duration: $queued queued, $finished done" && changed=$elapsed; }
        last="$queued $finished"
        [ "$value" != "$finished" ] || { emptied="; all done after $duration" && break; }
        [ $((elapsed - changed)) -lt 30000 ] || break
        pause
    done
    [ -n "$last" ] || say "this server has no GET /stats that shows its queue"
}

main() {
    begin "$@"
    check_server
    check_nc
    say "$count events at once to $addr with $nc_name, then the queue; Ctrl-C ends it"
    send_burst "$seconds"
    show_responses
    close_all
    watch_queue
    close_connections
    verdict=none
    [ "$accepted" = 0 ] || verdict=accepted
    [ "$accepted" = 0 ] || [ "$rejected" = 0 ] || verdict=rejected
    [ "$responses" = "$count" ] || verdict=piled-up
    say "verdict: $verdict ($tally$emptied)"
    check_verdict
}

main "$@"
