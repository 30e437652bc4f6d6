#!/usr/bin/env bash
# A broken promise: which acknowledged events are lost when the server dies.
#
#   scripts/crash.sh 5          and then:  scripts/crash.sh --kill TERM 5          and:  scripts/crash.sh 6
#
# Builds a stage and starts it on a free port, posts ten events at once, waits for the responses,
# and kills the server.
#
# Stages 1 to 3 lose nothing, because they store nothing. Stage 4 responds when the work is done, so
# every acknowledged event has been applied. Stage 5 responds with 202 before the work is done:
# after kill -9 the events in its queue are lost, up to --queue + 1 of them. After SIGTERM it
# applies all of them first, and its last line says so. Stage 6 responds with 202 when the event is
# on the disk: started again with the same data, it applies the rest. Stage 7 does, too: its events
# are in the cluster that scripts/cluster.sh has started in another terminal.
#
# usage: scripts/crash.sh [options] [STAGE | PROGRAM] [-- OPTIONS OF THE SERVER]        (5)
#
#   -n N                          post N events (10)
#   -t SECONDS                    how long to wait for the responses (10)
#   --kill KILL|TERM              the signal that ends the server (KILL)
#   --expect lost|kept|nothing    exit with 1 if the verdict is another
#   --nc NC                       the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help                    show this
#
# A PROGRAM is a server of your own: it takes --addr, and its first line is "listening on
# http://HOST:PORT". The verdict is "lost" if fewer events were applied than acknowledged, else
# "kept"; "nothing" if the server does not store events. If --data or --name is among its options,
# it is started again with them, and what it applies then counts, too.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options='-n -t --kill' verdicts='lost kept nothing' stage=5 argument=stage
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=10 seconds=10 signal=KILL program='' acknowledged=0 promised=0 applied=0

set_target() { # a stage from 1 to 7 or a program; sets stage and program
    case $1 in
        [1-7]) stage=$1 ;;
        */*)
            if [ -d "$1" ] || ! [ -x "$1" ]; then
                usage_error "no executable file '$1': build it first, or give a stage from 1 to 7"
            fi
            program=$1 ;;
        *) usage_error "a stage is a number from 1 to 7, and a program has a slash, as in ./$1; not '$1'" ;;
    esac
}

start() { # ARGUMENTS of the server; sets own_server and what parse_address sets
    : >"$dir/stdout"
    (enlist && exec "$program" --addr 127.0.0.1:0 "$@") >>"$dir/stdout" 2>"$dir/log" 3>&- 4>&- 5<&- &
    own_server=$!
    guard "$own_server"
    local line=''
    until [[ $line = 'listening on '* ]]; do
        kill -0 "$own_server" 2>/dev/null || { cat "$dir/log" >&2 && die "$program does not start"; }
        IFS= read -r line <"$dir/stdout" || { line='' && pause; } # the line is not complete yet
    done
    parse_address "${line#listening on }"
}

handle_response() { # of an event
    case $outcome-$status in
        answered-202) acknowledged=$((acknowledged + 1)) promised=$((promised + 1)) ;;
        answered-2??) acknowledged=$((acknowledged + 1))
            read_number balance && [ "$value" -gt "$applied" ] && applied=$value ;; # each event adds 1
        answered-*) say "event ${id#event}: $summary" ;;
    esac
}

request_applied() { # from a server that acknowledges before it applies; sets applied
    request 2 'GET /stats'
    read_number processed || die "GET /stats: $summary; the response should contain the number of processed events"
    applied=$value
}

end_server() { # sets applied from the last line that the server prints, if it prints one
    local began code
    read_clock
    began=$now
    kill -s "$signal" "$own_server"
    wait "$own_server" 2>/dev/null
    code=$? own_server=''
    measure_since "$began"
    format_duration "$elapsed"
    while IFS= read -r text; do read_number processed && applied=$value; done <"$dir/stdout"
    say "SIG$signal: the server ended in $duration with exit code $code"
}

start_again() { # ARGUMENTS of the server; sets applied to what it has applied once nothing waits any more
    local began accepted failed
    read_clock
    began=$now
    start "$@"
    while :; do
        request 2 'GET /stats'
        read_number accepted && accepted=$value
        read_number failed && failed=$value
        read_number processed || die "GET /stats after the restart: $summary"
        applied=$value
        [ $((applied + failed)) -lt "$accepted" ] || break
        pause
    done
    measure_since "$began"
    format_duration "$elapsed"
    say "started again with the same data: $applied of $acknowledged applied after $duration"
}

main() {
    local n
    for ((n = 1; n <= $#; n++)); do [ "${!n}" != -- ] || break; done
    begin "${@:1:n-1}"
    if [ -z "$program" ]; then
        say "building stage $stage"
        case $stage in
            [67]) build --manifest-path beyond/Cargo.toml -p "stage$stage" ;;
            *) build -p "stage$stage" ;;
        esac || die "stage $stage does not build"
        program=${programs%%$'\n'*}
    fi
    set -- "${@:n+1}"
    case "$stage $* " in
        *' --data'[\ =]* | *' --name'[\ =]*) ;;
        6*) set -- --data "$dir/stage6.redb" "$@" ;;
        7*) set -- --name "crash-$$" "$@" ;; # a stream that nothing else uses
    esac
    start "$@"
    check_server
    check_nc
    say "$count events at once to $program at $addr with $nc_name, then SIG$signal; Ctrl-C ends it"
    send_burst "$seconds"
    say "$acknowledged of $count events acknowledged"
    [ "$responses" = "$count" ] || say "$((count - responses)) without a response, so not acknowledged"
    if [ "$promised" != 0 ]; then
        request_applied
        say "$applied applied so far (GET /stats)"
    elif [ "$applied" != 0 ]; then
        say "$applied applied (the highest balance in a response)"
    fi
    end_server
    case " $* " in *' --data'[\ =]* | *' --name'[\ =]*) start_again "$@" ;; esac
    close_connections
    local lost=$((acknowledged - applied))
    verdict=kept
    [ "$lost" -le 0 ] || verdict=lost
    if [ "$promised$applied" = 00 ]; then
        verdict=nothing
        say "verdict: nothing ($acknowledged acknowledged; this server stores no events)"
    else
        [ "$lost" -ge 0 ] || lost=0 # applied, and the response did not arrive
        say "verdict: $verdict ($acknowledged acknowledged, $applied applied, $lost lost)"
    fi
    check_verdict
}

main "$@"
