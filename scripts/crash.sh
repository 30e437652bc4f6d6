#!/usr/bin/env bash
# The broken promise by hand: what was acknowledged, what was applied, and what a crash loses.
#
#   scripts/crash.sh 5          and then:  scripts/crash.sh --kill TERM 5
#
# Builds a stage and starts it on a free port, posts ten events at once, waits for the acknowledgements, and kills it.
#
# Stages 1 to 3 acknowledge nothing that could be lost: they keep nothing. Stage 4 answers when the work is done, so
# what is answered is applied, whenever it ends. Stage 5 answers 202 before: after kill -9 what was queued is lost, up
# to --queue + 1 events. After SIGTERM it applies all of it first, and its last line says so.
#
# usage: scripts/crash.sh [options] [STAGE | PROGRAM] [-- OPTIONS OF THE SERVER]        (5)
#
#   -n N                          post N events (10)
#   -t SECONDS                    wait so long for the acknowledgements (10)
#   --kill KILL|TERM              how to end it (KILL)
#   --expect lost|kept|nothing    exit with 1 unless this is the verdict
#   --nc NC                       the nc to use, as in --nc 'busybox nc' (or NC=...); none: bash's own /dev/tcp
#   -h, --help                    show this
#
# A PROGRAM is a server of your own: it takes --addr, and its first line is "listening on http://HOST:PORT". The verdict
# is "lost" if fewer were applied than acknowledged, else "kept"; "nothing" if nothing was promised.

# shellcheck disable=SC2034  # for bash-client.sh
takes='-n -t --kill' verdicts='lost kept nothing' stage=5 goal=stage
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=10 seconds=10 signal=KILL program='' acknowledged=0 promised=0 applied=0

target() { # 1 to 5, or a program; sets stage and program
    case $1 in
        [1-5]) stage=$1 ;;
        */*)
            if [ -d "$1" ] || ! [ -x "$1" ]; then
                bad "there is no program '$1': build it first, or give a stage from 1 to 5"
            fi
            program=$1 ;;
        *) bad "a stage is a number from 1 to 5, and a program has a slash, as in ./$1; not '$1'" ;;
    esac
}

build() { # sets program
    local line
    command -v cargo >/dev/null || die "there is no cargo here to build stage $stage with; give the path of a program"
    say "building stage $stage"
    (cd "$(dirname "$0")/.." && cargo build --quiet -p "stage$stage" --message-format json-render-diagnostics) \
        >"$dir/build" || die "stage $stage does not build"
    while IFS= read -r line; do
        case $line in *'"executable":"'*) line=${line#*\"executable\":\"} program=${line%%\"*} ;; esac
    done <"$dir/build"
}

start() { # ARGUMENTS of the server; sets server and what address sets
    : >"$dir/stdout"
    "$program" --addr 127.0.0.1:0 "$@" >>"$dir/stdout" 2>"$dir/log" 3>&- 4>&- 5<&- &
    server=$!
    local line=''
    until [[ $line = 'listening on '* ]]; do
        kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2 && die "$program does not start"; }
        IFS= read -r line <"$dir/stdout" || { line='' && nap; } # not half a line
    done
    address "${line#listening on }"
}

heard() { # of an event
    case $outcome-$status in
        answered-202) acknowledged=$((acknowledged + 1)) promised=$((promised + 1)) ;;
        answered-2??) acknowledged=$((acknowledged + 1))
            figure balance && [ "$value" -gt "$applied" ] && applied=$value ;; # each adds 1
        answered-*) say "event ${id#event}: $words" ;;
    esac
}

ask_what_is_applied() { # of a server that promises: just before its end
    honest 2 'GET /stats'
    figure processed || die "GET /stats: $words; it should tell how many events are processed"
    applied=$value
}

end() { # sets applied to what its last words say, if there are any
    local began code
    now
    began=$now
    kill -s "$signal" "$server"
    wait "$server" 2>/dev/null
    code=$? server=''
    since "$began"
    spell "$passed"
    while IFS= read -r text; do figure processed && applied=$value; done <"$dir/stdout"
    say "SIG$signal: it ended after $took, with exit code $code"
}

main() {
    local n
    for ((n = 1; n <= $#; n++)); do [ "${!n}" != -- ] || break; done
    begin "${@:1:n-1}"
    [ -n "$program" ] || build
    start "${@:n+1}"
    check
    check_holder
    say "$count events at once to $program at $addr with $holder, then SIG$signal; Ctrl-C ends it"
    burst "$seconds"
    say "$acknowledged of $count events acknowledged"
    [ "$answers" = "$count" ] || say "$((count - answers)) without an answer: their senders know that they have none"
    if [ "$promised" != 0 ]; then
        ask_what_is_applied
        say "$applied applied by now (GET /stats)"
    elif [ "$applied" != 0 ]; then
        say "$applied applied (the last balance that was answered)"
    fi
    end
    exec 2>/dev/null # as in leave
    close_all
    local lost=$((acknowledged - applied))
    verdict=kept
    [ "$lost" -le 0 ] || verdict=lost
    if [ "$promised$applied" = 00 ]; then
        verdict=nothing
        say "verdict: nothing ($acknowledged acknowledged, and nothing was to be kept)"
    else
        [ "$lost" -ge 0 ] || lost=0 # applied, and its answer did not come through
        say "verdict: $verdict ($acknowledged acknowledged, $applied applied, $lost lost)"
    fi
    as_expected
}

main "$@"
