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

set -u # bash 3.2 is enough: no empty array, no wait -n, EPOCHREALTIME only where it is

# --- words and ends

say() { printf '%s\n' "$*" 2>/dev/null || leave 141; } # nobody reads on, as in flood.sh | head -1
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }
die() { printf 'flood.sh: %s\n' "$*" >&2; leave 1; }
bad() { { printf 'flood.sh: %s\n\n' "$*"; usage; } >&2; leave 2; }

leave() { # STATUS; a signal that comes after this changes nothing
    [ -z "$leaving" ] || return 0
    leaving=yes
    exec 2>/dev/null # bash would report all that is killed
    exit "$1"
}

cleanup() { # at every exit; close_silent is the first command, see there
    close_silent
    trap '' HUP INT PIPE QUIT TERM
    [ -z "$dir" ] || rm -rf "$dir"
}

# --- options

options() { # sets count, seconds, expect and what address and choose_nc set
    local given='' wish=${NC-}
    count=20 seconds='' expect=''
    address 127.0.0.1:8080
    while [ $# -gt 0 ]; do
        case $1 in
            -n | -t | --expect | --nc) [ -n "${2-}" ] || bad "$1 needs a value" ;;
        esac
        case $1 in
            --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
            -n) number "$@" && count=$2 && shift ;;
            -t) number "$@" && seconds=$2 && shift ;;
            --expect) [[ $2 =~ ^(frozen|served)$ ]] || bad "--expect takes frozen or served, not '$2'"
                expect=$2 && shift ;;
            --nc) wish=$2 && shift ;;
            -h | --help) usage && exit ;;
            -*) bad "unknown option $1" ;;
            *) [ -z "$given" ] || bad "one address is enough, not '$given' and '$1'"
                address "$1" && given=$1 ;;
        esac
        shift
    done
    choose_nc "$wish"
}

number() { # OPTION VALUE
    [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || bad "$1 takes a whole number from 1 to 99999, not '$2'"
}

address() { # HOST:PORT, or the URL that a stage prints; sets addr, host and port
    local form='^(http://)?(([A-Za-z0-9_][A-Za-z0-9._-]*|\[([0-9A-Fa-f:.]+)\]):([1-9][0-9]{0,4}))/?$'
    if ! [[ $1 =~ $form ]] || [ "${BASH_REMATCH[5]}" -gt 65535 ]; then
        bad "bad address '$1': write HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080, with a port from 1 to 65535"
    fi
    addr=${BASH_REMATCH[2]} host=${BASH_REMATCH[4]:-${BASH_REMATCH[3]}} port=${BASH_REMATCH[5]}
}

choose_nc() { # WISH, or the first that is here; sets nc, a command of one or more words, and holder, what to call it
    [ -n "$1" ] || set -- "$(command -v nc ncat nc.openbsd nc.traditional | sed 's|.*/||; q')"
    read -r -a nc <<<"${1:-none}"
    holder=${1:-none}
    if [ "$holder" = none ]; then
        holder="bash's /dev/tcp"
    elif ! command -v "${nc[0]-}" >/dev/null; then
        bad "--nc: there is no '$1' here; try --nc none"
    fi
}

# --- the clock

if [ "${BASH_VERSINFO[0]}" -ge 5 ]; then
    now() { now=$((${EPOCHREALTIME/[.,]/} / 1000)); } # in milliseconds
elif perl -MTime::HiRes -e 1 2>/dev/null; then
    now() { now=$(perl -MTime::HiRes=time -e 'printf "%d", 1000 * time'); }
else
    coarse=yes
    now() { now=$(date +%s)000; }
fi

since() { # a value of now; sets passed, in milliseconds, and took, in words
    now
    passed=$((now - $1)) took="$((now - $1)) ms"
    [ "$passed" != 0 ] || took="under 1 ms"
    [ -z "${coarse-}" ] || took="under $((passed / 1000 + 1)) s"
}

# --- the honest request

pipes() { # 3 is a mailbox; 5 reads silence, for as long as 4 is open
    dir=${TMPDIR:-/tmp}/flood.$$.$RANDOM
    mkdir -m 700 "$dir" || { dir='' && die "set TMPDIR to a directory that takes files"; }
    mkfifo "$dir/mail" "$dir/silence" || die "set TMPDIR to a directory that takes fifos"
    exec 3<>"$dir/mail"
    exec 4<>"$dir/silence"
    exec 5<"$dir/silence"
    rm -rf "$dir" && dir=''
}

ask() { # NUMBER; mails it back with the outcome, in a word and in words
    local began line
    now
    began=$now
    exec 6<>"/dev/tcp/$host/$port" || { echo "$1 refused connection refused" && exit; }
    printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$addr" >&6
    IFS= read -r line <&6
    since "$began"
    case $line in
        HTTP/1.*) echo "$1 answered answered in $took (${line:9:3})" ;;
        *) echo "$1 closed connection closed without an answer" ;;
    esac
}

honest() { # SECONDS of patience; sets outcome and words
    local number word rest
    asked=$((asked + 1)) outcome=late words="no answer in $1 s"
    ask "$asked" >&3 2>/dev/null &
    asking=$!
    while read -r -t "$1" -u 3 number word rest; do
        [ "$number" = "$asked" ] && outcome=$word words=$rest && break # else it is late mail from an earlier one
    done
    { kill -KILL "$asking"; wait "$asking"; } 2>/dev/null
}

# --- the silent connections

hold() { # becomes one of them
    if [ "${nc[0]}" = none ]; then
        exec 6<>"/dev/tcp/$host/$port" && exec cat <&6
    else
        exec "${nc[@]}" "$host" "$port" <&5 # from /dev/null some nc would see the end of their input, and close
    fi
}

open_silent() { # sets silent, their processes; waits a second at most for the connections to stand
    local n
    for ((n = 0; n < count && !stopping; n++)); do
        hold >/dev/null 2>&1 3>&- 4>&- &
        silent="$silent $!"
    done
    for ((n = 0; n < 10; n++)); do
        count_open
        [ "$open" = "$alive" ] || [ "$stopping" = 1 ] && break
        sleep 0.1 2>/dev/null || sleep 1
    done
}

# Sets alive, the processes that still run, and open, the connections among them that stand as far as the kernel tells.
# They differ: a connect may still wait for the backlog, and some nc live on when the server closes.
count_open() {
    local still='' word n
    alive=0
    for pid in $silent; do
        kill -0 "$pid" 2>/dev/null && still="$still $pid" alive=$((alive + 1))
    done
    silent=$still
    (established >&3) 2>/dev/null # not $(established), nor without a subshell: there bash 5.2 can lose a signal or hang
    while read -r -t 2 -u 3 word n; do
        [ "$word" = open ] && open=$n && break
        [ "$stopping" = 0 ] || break
    done
}

established() { # the connections of this machine to that port, other clients' too, and no more than alive
    local hex
    printf -v hex ':%04X$' "$port"
    if [ -r /proc/net/tcp ]; then cat /proc/net/tcp /proc/net/tcp6; else netstat -an; fi |
        awk -v hex="$hex" -v decimal="[.:]$port\$" -v alive="$alive" '
            ($3 ~ hex && $4 == "01") || ($5 ~ decimal && $6 == "ESTABLISHED") { n++ }
            END { print "open", NR && n < alive ? n + 0 : alive }'
}

close_silent() { # the newest first: where no more processes fit, bash waits for it after our first command
    {
        for pid in ${!-} $asking $silent; do kill -KILL "$pid"; done
        wait || sleep 0.1 || sleep 1 # another signal ended the wait
    } 2>/dev/null
    silent=''
}

# --- the experiment

room() { # is there any for so many processes?
    local limit running
    limit=$(ulimit -u) running=$(ps -U "$(id -u)" -o pid= 2>/dev/null | wc -l)
    [ "$limit" = unlimited ] || [ $((running + count + 9)) -le "$limit" ] ||
        die "-n $count: as many processes, with the $((running)) you have, are over the limit of $limit; see ulimit -u"
}

check() { # is anyone there?
    honest 2
    case $outcome in
        answered) ;;
        refused) die "nothing answers at $addr; start a stage first: cargo run -p stage1 -- --addr $addr" ;;
        *) die "$addr: $words; frozen already? start it again: cargo run -p stage1 -- --addr $addr" ;;
    esac
}

stop() { # at Ctrl-C: the first ends the flood, by mail that ends a wait
    [ "$stopping" = 0 ] || leave 130
    stopping=1
    echo "$asked stopped" >&3
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
        [ "$outcome" = late ] || [ "$stopping" = 1 ] || read -r -t 1 -u 3 _ # the rest of the second, or until mail
        since "$began"
        [ -z "$seconds" ] || [ "$passed" -lt $((seconds * 1000)) ] || break
    done
}

verdict() { # after close_silent and one more honest request; sets verdict
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
    dir='' silent='' asking='' leaving='' open=0 asked=0 stopping=0
    options "$@"
    room
    trap cleanup EXIT
    trap 'leave 129' HUP
    trap 'leave 130' INT
    trap 'leave 131' QUIT
    trap 'leave 141' PIPE
    trap 'leave 143' TERM
    pipes
    check
    trap stop INT
    open_silent
    [ $((open + stopping)) -gt 0 ] || die "no silent connection stands; does $holder reach $addr? try --nc none"
    say "opened $open of $count silent connections to $addr with $holder; Ctrl-C closes them"
    flood
    stopping=1
    exec 2>/dev/null # as in leave
    close_silent
    honest 10
    say "silent connections closed; honest request: $words"
    verdict
    [ -z "$expect" ] || [ "$verdict" = "$expect" ]
}

main "$@"
