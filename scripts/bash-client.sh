# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the scripts that source this read the variables that it sets, and the other way round
# shellcheck disable=SC2086  # lists of words
# A client in bash, sourced by the other scripts: options, clock, requests, connections with nc,
# clean-up. It needs bash 3.2 and coreutils; what bash 3.2 reads differently is not used
# (crates/testkit/tests/portable.rs).
#
# A script first continues in a plain bash, whatever it was started by. It sets value_options (the
# options that take a value), verdicts (the values of --expect) and stage (the stage whose failure
# it shows), sources this file and calls begin.
#
# Whenever bash waits for a child (wait, $( ), a command in the foreground), there are moments in
# which it loses a Ctrl-C or handles it endlessly. So nothing that repeats waits for a child, except
# the clock of an old bash: children run in the background and report through a pipe.

set -u +o posix

dir='' pids='' reader_pids='' own_server='' build_group='' request_pid='' counter_pid=''
request_id=0 requested_at=0 burst_at=0 responses=0 open=0 stopping=0
exiting='' expect='' verdict='' guarded=''
script=${0##*/}
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1

# --- messages and exits

say() {
    printf '%s\n' "$*" 2>/dev/null && return
    : # here the trap for a closed pipe ends the script, as in flood.sh | head -1
    die "cannot write the output"
}

print_usage() { # the script's header
    local line
    while IFS= read -r line; do
        case $line in '#!'*) ;; '#'*) line=${line#\#} && say "${line# }" ;; *) break ;; esac
    done <"$0"
}

die() { printf '%s: %s\n' "$script" "$*" >&2; exit_once 1; }
usage_error() { { print_usage; printf '\n%s: %s\n' "$script" "$*"; } >&2; exit_once 2; }

exit_once() { # STATUS; a signal that arrives later changes nothing
    [ -z "$exiting" ] || return 0
    exiting=yes
    exec 2>/dev/null # bash would report every process that is killed
    exit "$1"
}

clean_up() { # at every exit; close_all must come first, see there
    exiting=yes
    close_all
    exec 2>/dev/null # again: a signal during a command with another stderr has restored ours
    trap '' HUP INT PIPE QUIT TERM
    [ -z "$guarded" ] || exec 9>&- # this ends the guard
    wait # from here on no Ctrl-C can be lost
    [ -z "$dir" ] || rm -rf "$dir"
}

interrupt() { # on Ctrl-C: what has not been seen gets no verdict
    [ -n "$exiting" ] || say interrupted
    exit_once 130
}

# Kills the newest process first: at the process limit, bash waits for that one after our first
# command. Then those that would report the closing connections. What the script has started for
# its whole run, such as a server, runs until the script exits.
close_all() {
    for pid in ${!-} $request_pid $counter_pid $reader_pids $pids ${exiting:+$own_server $build_group}; do
        kill -KILL -- "$pid"
    done 2>/dev/null
    pids='' reader_pids=''
    guard "= $own_server"
}

close_connections() { # at the end of a script
    stopping=1
    exec 2>/dev/null # as in exit_once
    close_all
}

# Tells the guard what to kill if this script is killed: PIDS, or "= PIDS" for these and no others.
# A process group is the negative of its number.
guard() { [ -z "$guarded" ] || echo "$1" >&9; }

# The first command of a child that is to end with this script. The guard waits until it has run.
# Where bash does not tell a child its number (3.2), a child of that child does.
enlist() {
    # shellcheck disable=SC2016  # the inner shell expands it
    guard "${BASHPID-$(exec sh -c 'echo "$PPID"')}"
    exec 9>&-
}

run_guard() { # reads from guard; ends when the script has ended, whatever ended it
    local line kill_list=''
    trap '' HUP INT QUIT TERM
    while read -r line; do
        case $line in =*) kill_list=${line#=} ;; *) kill_list="$kill_list $line" ;; esac
    done
    kill -KILL -- $kill_list
    rm -rf "$dir"
}

begin() { # the script's ARGUMENTS
    parse_options "$@"
    [ -z "${count-}" ] || check_process_limit $((count * ${processes_each-2})) # a connection and its reader
    set_up
}

set_up() { # the ends of this script, and the pipes between its processes
    trap clean_up EXIT
    trap 'exit_once 129' HUP
    trap interrupt INT
    trap 'exit_once 131' QUIT
    trap 'exit_once 141' PIPE
    trap 'exit_once 143' TERM
    # shellcheck disable=SC2173  # it cannot be caught, but bash does not report processes killed by a signal that has a trap
    trap : KILL
    make_pipes
}

check_verdict() { [ -z "$expect" ] || [ "$verdict" = "$expect" ]; }

# --- options

set_target() { parse_address "$1"; } # handles the argument that belongs to no option

parse_options() { # sets what parse_option, set_target and choose_nc set
    local given='' wanted_nc=${NC-}
    parse_address 127.0.0.1:8080
    while [ $# -gt 0 ]; do
        case $1 in
            --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
            -h | --help) print_usage; exit ;;
            -*) [[ $1 =~ ^(${value_options// /|}|--expect|--nc)$ ]] || usage_error "unknown option $1"
                [ -n "${2-}" ] || usage_error "$1 needs a value"
                parse_option "$1" "$2" && shift ;;
            *) [ -z "$given" ] || usage_error "one ${argument-address} is enough, not '$given' and '$1'"
                set_target "$1" && given=$1 ;;
        esac
        shift
    done
    choose_nc "$wanted_nc"
}

parse_option() { # OPTION VALUE; sets count, seconds, signal, expect or wanted_nc
    case $1 in
        -n) check_number "$@" && count=$2 ;;
        -t) check_number "$@" && seconds=$2 ;;
        --kill) [[ $2 =~ ^(KILL|TERM)$ ]] || usage_error "--kill takes KILL or TERM, not '$2'"
            signal=$2 ;;
        --expect) expect=$2
            case $2 in refused) expect=rejected ;; taken) expect=accepted ;; piled) expect=piled-up ;; esac # earlier names
            [[ $expect =~ ^(${verdicts// /|})$ ]] || usage_error "--expect takes ${verdicts// / or }, not '$2'" ;;
        --nc) wanted_nc=$2 ;;
    esac
}

check_number() { # OPTION VALUE
    [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || usage_error "$1 takes a whole number from 1 to 99999, not '$2'"
}

parse_address() { # HOST:PORT, or the URL that a stage prints; sets addr, host and port
    local form='^(http://)?(([A-Za-z0-9_][A-Za-z0-9._-]*|\[([0-9A-Fa-f:.]+)\]):([1-9][0-9]{0,4}))/?$'
    if ! [[ $1 =~ $form ]] || [ "${BASH_REMATCH[5]}" -gt 65535 ]; then
        usage_error "bad address '$1': write HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080, with a port from 1 to 65535"
    fi
    addr=${BASH_REMATCH[2]} host=${BASH_REMATCH[4]:-${BASH_REMATCH[3]}} port=${BASH_REMATCH[5]}
}

choose_nc() { # COMMAND, or empty for the first nc found; sets nc, one or more words, and nc_name for messages
    local name
    for name in nc ncat nc.openbsd nc.traditional; do
        [ -n "$1" ] || ! command -v "$name" >/dev/null || set -- "$name"
    done
    read -r -a nc <<<"${1:-none}"
    nc_name=${1:-none}
    if [ "$nc_name" = none ]; then
        nc_name="bash's /dev/tcp"
    elif ! command -v "${nc[0]-}" >/dev/null; then
        usage_error "--nc: '$1' is not installed; try --nc none"
    fi
}

check_process_limit() { # PROCESSES
    local limit running
    limit=$(ulimit -u) running=$(ps -U "$(id -u)" -o pid= 2>/dev/null | wc -l)
    [ "$limit" = unlimited ] || [ $((running + $1 + 9)) -le "$limit" ] ||
        die "-n $count starts $1 processes; with your other $((running)) that exceeds the limit of $limit (ulimit -u)"
}

# --- clock

if [ "${BASH_VERSINFO[0]}" -ge 5 ]; then
    read_clock() { now=$((${EPOCHREALTIME/[.,]/} / 1000)); } # in milliseconds
elif perl -MTime::HiRes -e 1 2>/dev/null; then
    read_clock() { now=$(perl -MTime::HiRes=time -e 'printf "%d", 1000 * time'); }
else
    whole_seconds=yes
    read_clock() { now=$(date +%s)000; }
fi

measure_since() { # a value of now; sets elapsed, in milliseconds
    read_clock
    elapsed=$((now - $1))
}

format_duration() { # MILLISECONDS; sets duration
    duration="$1 ms"
    [ "$1" != 0 ] || duration="under 1 ms"
    [ -z "${whole_seconds-}" ] || duration="under $(($1 / 1000 + 1)) s"
}

if [ "${BASH_VERSINFO[0]}" -ge 4 ]; then
    pause() { read -r -t 0.1 -u 5; }
else
    pause() { read -r -t 1 -u 5; } # bash 3.2 knows whole seconds only
fi

# --- reports: children report what happened, one line each

make_pipes() { # reports arrive on 3; a read from 5 blocks for as long as 4 is open
    dir=${TMPDIR:-/tmp}/${script%.sh}.$$.$RANDOM
    mkdir -m 700 "$dir" || { # perhaps because of a Ctrl-C after it was made
        rmdir "$dir" 2>/dev/null
        dir='' && die "set TMPDIR to a directory in which you can create files"
    }
    mkfifo "$dir/reports" "$dir/silence" "$dir/guard" ||
        die "set TMPDIR to a directory in which you can create fifos"
    exec 3<>"$dir/reports"
    exec 4<>"$dir/silence"
    exec 5<"$dir/silence"
    exec 9<>"$dir/guard"
    exec 8<"$dir/guard"
    run_guard <&8 >/dev/null 2>&1 3>&- 4>&- 5<&- 8<&- 9>&- &
    exec 8<&-
    guarded=yes
}

read_report() { # TIMEOUT in seconds; sets id, outcome, summary and, for a response, status, elapsed, retry and text
    id='' outcome=timeout elapsed=0 summary="no response in $1 s"
    read -r -t "$1" -u 3 id outcome status at retry text || { outcome=timeout && return 1; }
    case $outcome in
        answered)
            elapsed=$((at - burst_at))
            [ "$id" != "$request_id" ] || elapsed=$((at - requested_at))
            format_duration "$elapsed" && summary="answered in $duration ($status)" ;;
        refused) summary="connection refused" ;;
        closed) summary="connection closed without a response" ;;
    esac
}

handle_report() { # a report that no caller waits for; those of nc's connections go to the script
    case $id in
        [0-9]* | open) return ;; # a normal request that has timed out, or a late count
        event*) responses=$((responses + 1)) ;;
    esac
    handle_response
}

handle_response() { :; }

read_response() { # ID; reads a response and reports it, in a child process
    local line='' status length='' retry=- text='' LC_ALL=C
    shopt -s nocasematch
    IFS= read -r line
    read_clock
    [[ $line =~ ^HTTP/1\.[01]\ [0-9]{3} ]] || { exec <&- && echo "$1 closed" >&3 && return; }
    status=${line:9:3}
    while IFS= read -r line && line=${line%$'\r'} && [ -n "$line" ]; do
        case $line in
            content-length:*) length=${line//[!0-9]/} ;;
            retry-after:*) retry=${line#*:} retry=${retry// /} ;;
        esac
    done
    case $length in '' | 0 | ???????*) ;; *) IFS= read -r -d '' -n "$length" text ;; esac
    case $text in *\"detail\":\"*\"\}) text=${text#*\"detail\":\"} text=${text%\"\}} text=${text//\\\"/\"} ;; esac
    text=${text//[![:print:]]/?}
    exec <&- # so that this connection no longer counts as open after the report
    echo "$1 answered $status $now ${retry:--} ${text:0:300}" >&3
}

read_number() { # NAME; sets value, the whole number of that name in text, which is JSON; fails if there is none
    value=${text// /}
    value=${value#*\""$1"\":}
    value=${value%%[!0-9]*}
    [ -n "$value" ]
}

# --- the normal request

send_request() { # ID REQUEST
    enlist
    exec 6<>"/dev/tcp/$host/$port" || { echo "$1 refused" >&3 && exit; }
    trap '' PIPE # a server that closes early may have responded
    printf '%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$2" "$addr" >&6
    exec <&6 6<&-
    read_response "$1"
}

request() { # TIMEOUT in seconds, and a REQUEST other than GET /; sets what read_report sets
    request_id=$((request_id + 1))
    read_clock
    requested_at=$now
    send_request "$request_id" "${2-GET /}" 2>/dev/null &
    request_pid=$!
    guard "$request_pid"
    while read_report "$1" && [ "$id" != "$request_id" ]; do handle_report; done
    kill -KILL "$request_pid" 2>/dev/null
}

check_server() {
    local start="cargo stage$stage --addr $addr"
    request 2
    case $outcome in
        answered) ;;
        refused) die "no server at $addr: wait until the stage prints that it listens, or start one: $start" ;;
        *) die "$addr: $summary; frozen already? restart it: $start" ;;
    esac
}

check_nc() { # does a response arrive through nc, too?
    make_fifos first
    connect first
    send first "GET / HTTP/1.1\r\nHost: $addr\r\nConnection: close\r\n\r\n"
    while read_report 5 && [ "$id" != first ]; do :; done
    close_all
    [ "$outcome" = answered ] || die "with $nc_name: $summary; does it reach $addr? try --nc none"
}

# --- HTTP messages, with escapes for printf '%b'

build_post() { # BODY [TYPE]; sets message
    local body=''
    [ -z "$1" ] || printf -v body '%b' "$1" # of an empty text, bash 3.2 makes an unset variable
    local LC_ALL=C # which counts bytes
    message="POST /events HTTP/1.1\r\nHost: $addr\r\nConnection: close\r\nContent-Type: ${2-application/json}\r\n"
    message="${message}Content-Length: ${#body}\r\n\r\n$1"
}

# --- connections with nc

make_fifos() { # IDS of later connections; all of them early, because a Ctrl-C kills mkfifo, too
    local id count=$#
    for id; do set -- "$@" "$dir/to-$id" "$dir/from-$id"; done
    mkfifo "${@:count+1}" || die "set TMPDIR to a directory in which you can create fifos"
}

connect() { # ID; a connection that stays open: send ID writes to it, and its response arrives as a report
    # shellcheck disable=SC2094  # one end each; and as a connection can write to its own input, that input never ends
    exec 7<>"$dir/to-$1" 8<>"$dir/from-$1" 6<"$dir/from-$1"
    run_nc <&7 >&8 2>/dev/null 3>&- 4>&- 5<&- 6<&- 7>&- 8>&- &
    pids="$pids $!"
    guard "$!"
    (enlist && read_response "$1") <&6 2>/dev/null 4>&- 5<&- 6<&- 7>&- 8>&- &
    reader_pids="$reader_pids $!"
    guard "$!"
    exec 6<&- 7>&- 8>&-
}

open_silent() { # opens count connections that send nothing
    local n
    for ((n = 0; n < count && !stopping; n++)); do
        hold >/dev/null 2>&1 3>&- 4>&- &
        pids="$pids $!"
        guard "$!"
    done
}

hold() { # replaces this process by a silent connection
    enlist
    if [ "${nc[0]}" = none ]; then
        exec 6<>"/dev/tcp/$host/$port" && exec cat <&6
    else
        exec "${nc[@]}" "$host" "$port" <&5 # not /dev/null: at the end of their input some ncs close
    fi
}

run_nc() { # replaces this process by nc, or does what nc does, for a single message, which is a line
    local message
    enlist
    [ "${nc[0]}" = none ] || exec "${nc[@]}" "$host" "$port"
    exec 6<>"/dev/tcp/$host/$port" || exit
    IFS= read -r message
    trap '' PIPE
    printf '%b' "$message" >&6
    exec cat <&6
}

send() { # ID MESSAGE
    local form='%b'
    [ "${nc[0]}" != none ] || form='%s\n'
    # shellcheck disable=SC2059
    printf "$form" "$2" 1<>"$dir/to-$1" # the pipe buffers it, so this does not block until nc reads
}

wait_until_open() { # until all connections are open, or their number has not grown for a second
    local n before
    for ((n = 0; n < 10 && !stopping; n++)); do
        before=$open
        count_open
        [ "$open" != "$alive" ] || break
        [ "$open" = "$before" ] || n=0
        pause
    done
}

send_burst() { # TIMEOUT in seconds; posts count events at once, calls handle_response for each, sets responses, their number
    local n remaining
    for ((n = 1; n <= count; n++)); do set -- "$@" "event$n"; done
    make_fifos "${@:2}"
    build_post "{\"user\": \"${script%.sh}\", \"amount\": 1}"
    for ((n = 1; n <= count && !stopping; n++)); do connect "event$n"; done
    wait_until_open
    start_burst_clock
    for ((n = 1; n <= count && !stopping; n++)); do send "event$n" "$message"; done
    while [ "$responses" -lt "$count" ] && [ "$stopping" = 0 ]; do
        measure_since "$burst_at"
        remaining=$((($1 * 1000 - elapsed + 999) / 1000))
        [ "$remaining" -gt 0 ] || break
        read_report "$remaining" || break
        handle_report
    done
}

start_burst_clock() { # the elapsed of later reports counts from here
    read_clock
    burst_at=$now
}

# Sets alive, the number of nc processes that still run, and open, how many of their connections the
# kernel shows as established. They differ: a connect may still wait for the backlog, and some ncs
# outlive a close by the server.
count_open() {
    local still='' id outcome status at elapsed retry text summary # the caller's last report stays as it is
    alive=0
    for pid in $pids; do
        kill -0 "$pid" 2>/dev/null && still="$still $pid" alive=$((alive + 1))
    done
    pids=$still open=$alive # where counting takes too long
    report_open >&3 2>/dev/null 9>&- &
    counter_pid=$!
    while read_report 2; do
        [ "$id" = open ] && open=$outcome && break
        handle_report
        [ "$stopping" = 0 ] || break # Ctrl-C may have killed the counter before it could ignore the signal
    done
    kill -KILL "$counter_pid" 2>/dev/null
}

report_open() { # reports this machine's connections to that port, including other clients', at most alive
    local hex remote state address status open=0
    printf -v hex '%04X' "$port"
    while read -r _ _ remote state address status _; do
        case "$remote $state" in *":$hex 01") open=$((open + 1)) ;; esac
        case "$address $status" in *[.:]"$port ESTABLISHED") open=$((open + 1)) ;; esac
    done <<<"$(
        if [ -r /proc/net/tcp ]; then
            cat /proc/net/tcp*
        elif ! netstat -an; then
            for pid in $pids; do echo "_ _ :$hex 01"; done # all that are alive
        fi | pick_lines ":$hex 01 |[.:]$port +ESTABLISHED|_"
    )"
    [ "$open" -lt "$alive" ] || open=$alive
    echo "open $open"
}

# Lines with this PATTERN, or all lines where there is no grep: in bash alone, tens of thousands of
# lines take seconds.
pick_lines() { if command -v grep >/dev/null; then grep -E "$1"; else cat; fi; }

# --- processes

report_usage() { # PID; prints "usage", its threads, its memory in KiB, and its open files
    local name value threads='' memory=''
    if [ -r "/proc/$1/status" ]; then
        while read -r name value _; do
            case $name in Threads:) threads=$value ;; VmRSS:) memory=$value ;; esac
        done <"/proc/$1/status"
        set -- "/proc/$1/fd"/*
        echo "usage $threads $memory $#"
    else
        echo "usage $(($(ps -M -p "$1" | wc -l) - 1)) $(ps -o rss= -p "$1") $(lsof -nP -a -p "$1" -iTCP 2>/dev/null | wc -l)"
    fi
}

# --- cargo

# Builds in the workspace with these OPTIONS, and sets programs: the paths of what was built, one a
# line, from cargo itself, since settings decide where it builds. It is a process group: rustc ends
# with it.
build() {
    local line built=''
    programs=''
    command -v cargo >/dev/null || die "cargo is not installed; see https://rustup.rs"
    mkfifo "$dir/build" || die "set TMPDIR to a directory in which you can create fifos"
    set -m
    (enlist && cd "$root" && exec cargo build --quiet --message-format json-render-diagnostics "$@") \
        >"$dir/build" 3>&- 4>&- 5<&- &
    build_group=-$!
    set +m
    guard "$build_group"
    while IFS= read -r line; do
        case $line in
            *'"executable":"'*) line=${line#*\"executable\":\"} programs="$programs${line%%\"*}"$'\n' ;;
            *'"build-finished","success":true'*) built=yes ;;
        esac
    done <"$dir/build"
    build_group=''
    rm "$dir/build"
    guard "= $own_server"
    [ -n "$built" ]
}
