#!/usr/bin/env bash
# Half a request by hand: a client that stops in the middle, and what that does to one that asks.
#
#   cargo run -p stage1          then, elsewhere:  scripts/partial.sh
#
# Sends half a head on one connection, half a body on another, and no more; then an honest request every second. Ctrl-C
# ends the wait: the halves close, and one more request shows whether the server recovers.
#
# Stage 1 waits for the other half, and nobody else is answered: frozen. Stage 2 answers everyone, and holds the halves
# for ever. From stage 3 on each half gets 408 after the server's --timeout, and its connection is closed.
#
# usage: scripts/partial.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -t SECONDS                   wait so long for the server to end the halves (15)
#   --expect frozen|held|closed  exit with 1 unless this is the verdict
#   --nc NC                      the nc to use, as in --nc 'busybox nc' (or NC=...); none: bash's own /dev/tcp
#   -h, --help                   show this
#
# The verdict is "frozen" if an honest request has no answer in 5 seconds; else "closed" if the server ended both
# halves, "held" if it did not.

# shellcheck disable=SC2034  # for bash-client.sh
takes=-t verdicts='frozen held closed' stage=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

seconds=15 ended=0 fates='' requests=0 answered=0

heard() { # of a half
    local half
    [ "$stopping" = 0 ] || return # we have closed them
    case $id in head) half='half a head' ;; body) half='half a body' ;; *) return ;; esac
    case $outcome in
        answered) spell "$passed" && words="$status after $took" ;;
        refused) die "no connection to $addr; did the server end?" ;;
    esac
    ended=$((ended + 1)) fates="$fates; $half: $words"
    say "$half: $words${text:+ ($text)}"
}

wait_for_the_end() {
    local began
    now
    began=$now
    while [ "$stopping" = 0 ] && [ "$ended" -lt 2 ]; do
        honest 5
        [ "$stopping" = 0 ] || break
        [ "$outcome" != refused ] || die "nothing listens at $addr any more; did the server end?"
        requests=$((requests + 1))
        [ "$outcome" != late ] || { say "honest request: $words: frozen" && break; }
        [ "$outcome" != answered ] || answered=$((answered + 1))
        count_open
        say "$open of 2 halves open; honest request: $words"
        [ "$ended" -lt 2 ] && [ "$stopping" = 0 ] && mail 1 && deliver # the rest of the second, or less
        since "$began"
        [ "$passed" -lt $((seconds * 1000)) ] || break
    done
}

main() {
    begin "$@"
    check
    check_holder
    fifos head body
    trap stop INT
    say "half a head and half a body to $addr with $holder, and honest requests beside them; Ctrl-C ends it"
    connect head
    connect body
    open_up
    mark
    post '{"user": "mallory", "amount": 1}'
    send head "${message:0:50}"
    send body "${message%mallory*}"
    wait_for_the_end
    stopping=1
    exec 2>/dev/null # as in leave
    close_all
    local tally="$answered of $requests honest requests answered$fates"
    verdict=held
    [ "$ended" -lt 2 ] || verdict=closed
    [ "$answered" = "$requests" ] || verdict=frozen
    honest 10
    say "halves closed; honest request: $words"
    [ "$outcome" != answered ] || { spell "$passed" && words="answered $took"; }
    say "verdict: $verdict ($tally; $words after they closed)"
    as_expected
}

main "$@"
