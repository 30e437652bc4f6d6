#!/usr/bin/env bash
# The freeze by hand: clients that say nothing, and what they do to one that asks.
#
#   cargo run -p stage1          then, elsewhere:  scripts/flood.sh
#
# Opens silent connections, sends an honest request every second, and shows whether it is answered. Ctrl-C ends the
# flood: the silent connections close, and one more request shows whether the server recovers.
#
# Stage 1 has one thread. It waits for the first silent client, and everyone behind that one waits too: head-of-line
# blocking. Stage 2 answers at once. From stage 3 on the server closes silent connections after its --timeout.
#
# usage: scripts/flood.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                    open N silent connections (20); on stage 1 a single one is enough
#   -t SECONDS              end the flood after so long, without Ctrl-C
#   --expect frozen|served  exit with 1 unless this is the verdict
#   --nc NC                 the nc to use, as in --nc 'busybox nc' (NC=... does the same); none: bash's own /dev/tcp
#   -h, --help              show this
#
# Only an answer counts, not a connect: the kernel accepts for a busy server, up to its listen backlog. The verdict
# is "frozen" if any request of the flood has no answer in 2 seconds, else "served"; "none" if no flood came about.

# shellcheck disable=SC2034  # for bash-client.sh
takes='-n -t' verdicts='frozen served' stage=1 each=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=20 seconds=''

hold() { # becomes a silent connection
    if [ "${nc[0]}" = none ]; then
        exec 6<>"/dev/tcp/$host/$port" && exec cat <&6
    else
        exec "${nc[@]}" "$host" "$port" <&5 # from /dev/null some nc would see the end of their input, and close
    fi
}

open_silent() {
    local n
    for ((n = 0; n < count && !stopping; n++)); do
        hold >/dev/null 2>&1 3>&- 4>&- &
        pids="$pids $!"
    done
    open_up
}

flood() {
    local began
    now
    began=$now requests=0 answered=0 most=0 fewest=$count
    while [ "$stopping" = 0 ]; do
        honest 2
        [ "$stopping" = 0 ] || break
        [ "$outcome" != refused ] || die "nothing listens at $addr any more; did the server end?"
        count_open
        [ "$open" -le "$most" ] || most=$open
        [ "$open" -ge "$fewest" ] || fewest=$open
        requests=$((requests + 1))
        [ "$outcome" != answered ] || answered=$((answered + 1))
        [ "$outcome" != late ] || words="$words: frozen"
        say "$open of $count silent connections open; honest request: $words"
        [ "$outcome" = late ] || [ "$stopping" = 1 ] || mail 1 # the rest of the second, or until mail
        since "$began"
        [ -z "$seconds" ] || [ "$passed" -lt $((seconds * 1000)) ] || break
    done
}

verdict() { # after close_all and one more honest request; sets verdict
    local tally="$answered of $requests requests answered" were="$most silent connections were" after=$words
    verdict=served
    [ "$answered" = "$requests" ] || verdict=frozen tally="$((requests - answered)) of $requests requests unanswered"
    [ "$most" != 0 ] || verdict=none fewest=0 # nobody stood in the way
    [ "$fewest" = "$most" ] || were="$fewest to $were"
    [ "$fewest-$most" != 1-1 ] || were="1 silent connection was"
    [ "$outcome" != answered ] || after=${words/ in/} after=${after% (*}
    say "verdict: $verdict ($tally while $were open; $after after they closed)"
}

main() {
    begin "$@"
    rm -rf "$dir" && dir='' # its fifos are open
    check
    trap stop INT
    open_silent
    [ $((open + stopping)) -gt 0 ] || die "no silent connection stands; does $holder reach $addr? try --nc none"
    say "opened $open of $count silent connections to $addr with $holder; Ctrl-C closes them"
    flood
    stopping=1
    exec 2>/dev/null # as in leave
    close_all
    honest 10
    say "silent connections closed; honest request: $words"
    verdict
    as_expected
}

main "$@"
