# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # what it sets is read by the scripts that source it, and the other way round
# shellcheck disable=SC2086  # lists of words
# What the failures by hand are made of: ends, options, the clock, the mail, requests, connections.
#
# A script sets takes (its options that have a value), verdicts (those that --expect takes) and stage (whose failure it
# shows), sources this, calls begin, and is then free to let things fail.
#
# Where bash waits for a child, be it by wait, by $( ), or since it runs in the foreground, there are moments in which it
# drops a Ctrl-C, or answers it for ever. So nothing that comes again and again waits for a child, but for the clock of an
# old bash: children are in the background, and tell by mail what they have to tell.

set -u # bash 3.2 is enough: no empty array, no wait -n, EPOCHREALTIME only where it is

dir='' pids='' listeners='' server='' asking='' telling='' leaving='' expect='' verdict=''
asked=0 asked_at=0 sent_at=0 answers=0 open=0 stopping=0
script=${0##*/}

# --- words and ends

say() { printf '%s\n' "$*" 2>/dev/null || leave 141; } # nobody reads on, as in flood.sh | head -1
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }
die() { printf '%s: %s\n' "$script" "$*" >&2; leave 1; }
bad() { { printf '%s: %s\n\n' "$script" "$*"; usage; } >&2; leave 2; }

leave() { # STATUS; a signal that comes after this changes nothing
    [ -z "$leaving" ] || return 0
    leaving=yes
    exec 2>/dev/null # bash would report all that is killed
    exit "$1"
}

cleanup() { # at every exit; close_all is the first command, see there
    close_all
    exec 2>/dev/null # again: a signal that came in a command with another stderr has given us back ours
    trap '' HUP INT PIPE QUIT TERM
    wait # no Ctrl-C can be lost here any more
    [ -z "$dir" ] || rm -rf "$dir"
}

stop() { # at Ctrl-C: the first ends the experiment, by mail that ends a wait
    [ "$stopping" = 0 ] || leave 130
    stopping=1
    echo "$asked stopped" >&3
}

# The newest first: where no more processes fit, bash waits for it after our first command. Then those who would tell
# that the others close. A server that the script itself has started stays, until the script ends.
close_all() {
    for pid in ${!-} $asking $telling $listeners $pids ${leaving:+$server}; do kill -KILL "$pid"; done 2>/dev/null
    pids='' listeners=''
}

begin() { # the script's ARGUMENTS
    options "$@"
    [ -z "${count-}" ] || room $((count * ${each-2})) # a connection, and who listens to it
    trap cleanup EXIT
    trap 'leave 129' HUP
    trap 'leave 130' INT
    trap 'leave 131' QUIT
    trap 'leave 141' PIPE
    trap 'leave 143' TERM
    # shellcheck disable=SC2173  # nobody catches it, but bash does not report who is killed by a signal that has a trap
    trap : KILL
    pipes
}

as_expected() { [ -z "$expect" ] || [ "$verdict" = "$expect" ]; }

# --- options

target() { address "$1"; } # what an argument is that belongs to no option

options() { # sets what take, target and choose_nc set
    local given='' wish=${NC-}
    address 127.0.0.1:8080
    while [ $# -gt 0 ]; do
        case $1 in
            --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
            -h | --help) usage && exit ;;
            -*) [[ $1 =~ ^(${takes// /|}|--expect|--nc)$ ]] || bad "unknown option $1"
                [ -n "${2-}" ] || bad "$1 needs a value"
                take "$1" "$2" && shift ;;
            *) [ -z "$given" ] || bad "one ${goal-address} is enough, not '$given' and '$1'"
                target "$1" && given=$1 ;;
        esac
        shift
    done
    choose_nc "$wish"
}

take() { # OPTION VALUE; sets count, seconds, signal, expect, or the wish for an nc
    case $1 in
        -n) number "$@" && count=$2 ;;
        -t) number "$@" && seconds=$2 ;;
        --kill) [[ $2 =~ ^(KILL|TERM)$ ]] || bad "--kill takes KILL or TERM, not '$2'"
            signal=$2 ;;
        --expect) [[ $2 =~ ^(${verdicts// /|})$ ]] || bad "--expect takes ${verdicts// / or }, not '$2'"
            expect=$2 ;;
        --nc) wish=$2 ;;
    esac
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

room() { # PROCESSES; is there any for so many?
    local limit running
    limit=$(ulimit -u) running=$(ps -U "$(id -u)" -o pid= 2>/dev/null | wc -l)
    [ "$limit" = unlimited ] || [ $((running + $1 + 9)) -le "$limit" ] ||
        die "-n $count: as many processes, with the $((running)) you have, are over the limit of $limit; see ulimit -u"
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

since() { # a value of now; sets passed, in milliseconds
    now
    passed=$((now - $1))
}

mark() { # from here on the time counts that an answer takes
    now
    sent_at=$now
}

spell() { # MILLISECONDS; sets took, in words
    took="$1 ms"
    [ "$1" != 0 ] || took="under 1 ms"
    [ -z "${coarse-}" ] || took="under $(($1 / 1000 + 1)) s"
}

if [ "${BASH_VERSINFO[0]}" -ge 4 ]; then
    nap() { read -r -t 0.1 -u 5; }
else
    nap() { read -r -t 1 -u 5; } # bash 3.2 knows whole seconds only
fi

# --- the mail: what happens elsewhere comes in lines, one by one

pipes() { # 3 is a mailbox; 5 reads silence, for as long as 4 is open
    dir=${TMPDIR:-/tmp}/${script%.sh}.$$.$RANDOM
    mkdir -m 700 "$dir" || { # by Ctrl-C, perhaps, and after it was made
        rmdir "$dir" 2>/dev/null
        dir='' && die "set TMPDIR to a directory that takes files"
    }
    mkfifo "$dir/mail" "$dir/silence" || die "set TMPDIR to a directory that takes fifos"
    exec 3<>"$dir/mail"
    exec 4<>"$dir/silence"
    exec 5<"$dir/silence"
}

mail() { # SECONDS of patience; sets id, outcome, words and, of an answer, status, passed, retry and text
    id='' outcome=late passed=0 words="no answer in $1 s"
    read -r -t "$1" -u 3 id outcome status at retry text || { outcome=late && return 1; }
    case $outcome in
        answered)
            passed=$((at - sent_at))
            [ "$id" != "$asked" ] || passed=$((at - asked_at))
            spell "$passed" && words="answered in $took ($status)" ;;
        refused) words="connection refused" ;;
        closed) words="connection closed without an answer" ;;
    esac
}

deliver() { # mail that nobody waits for; of a connection it goes to the script
    case $id in
        [0-9]*) return ;; # an honest request that was given up
        event*) answers=$((answers + 1)) ;;
    esac
    heard
}

heard() { :; }

listen() { # ID; reads an answer and mails it, in a process of its own
    local line='' status length='' retry=- text='' LC_ALL=C
    shopt -s nocasematch
    IFS= read -r line
    now
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
    exec <&- # whoever counts the connections after this mail does not count this one
    echo "$1 answered $status $now ${retry:--} ${text:0:300}" >&3
}

figure() { # NAME; sets value, the whole number that it has in text, which is JSON; fails if there is none
    value=${text// /}
    value=${value#*\""$1"\":}
    value=${value%%[!0-9]*}
    [ -n "$value" ]
}

# --- the honest request

ask() { # ID REQUEST
    exec 6<>"/dev/tcp/$host/$port" || { echo "$1 refused" >&3 && exit; }
    trap '' PIPE # whoever closes early may have answered
    printf '%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$2" "$addr" >&6
    exec <&6 6<&-
    listen "$1"
}

honest() { # SECONDS of patience, and a REQUEST if it is not GET /; sets what mail sets
    asked=$((asked + 1))
    now
    asked_at=$now
    ask "$asked" "${2-GET /}" 2>/dev/null &
    asking=$!
    while mail "$1" && [ "$id" != "$asked" ]; do deliver; done
    kill -KILL "$asking" 2>/dev/null
}

check() { # is anyone there?
    local start="cargo run -p stage$stage -- --addr $addr"
    honest 2
    case $outcome in
        answered) ;;
        refused) die "nothing answers at $addr; wait until the stage says that it listens, or start a stage first: $start" ;;
        *) die "$addr: $words; frozen already? start it again: $start" ;;
    esac
}

check_holder() { # does that nc bring an answer, too?
    fifos first
    connect first
    send first "GET / HTTP/1.1\r\nHost: $addr\r\nConnection: close\r\n\r\n"
    while mail 5 && [ "$id" != first ]; do :; done
    close_all
    [ "$outcome" = answered ] || die "with $holder: $words; does it reach $addr? try --nc none"
}

# --- messages: as printf '%b' takes them

post() { # BODY [TYPE]; sets message
    local body
    printf -v body '%b' "$1"
    local LC_ALL=C # which counts bytes
    message="POST /events HTTP/1.1\r\nHost: $addr\r\nConnection: close\r\nContent-Type: ${2-application/json}\r\n"
    message="${message}Content-Length: ${#body}\r\n\r\n$1"
}

# --- connections by nc

fifos() { # IDS, of connections to come; all at once and early, for Ctrl-C ends what makes them, too
    local id count=$#
    for id; do set -- "$@" "$dir/to-$id" "$dir/from-$id"; done
    mkfifo "${@:count+1}" || [ "$stopping" = 1 ] || die "set TMPDIR to a directory that takes fifos"
}

connect() { # ID; a connection that stays open: what is sent to ID goes there, and the answer comes by mail
    # shellcheck disable=SC2094  # one end each; and as a connection can write to its own input, that never ends
    exec 7<>"$dir/to-$1" 8<>"$dir/from-$1" 6<"$dir/from-$1"
    if [ "${nc[0]}" = none ]; then
        speak <&7 >&8 2>/dev/null 3>&- 4>&- 5<&- 6<&- 7>&- 8>&- &
    else
        "${nc[@]}" "$host" "$port" <&7 >&8 2>/dev/null 3>&- 4>&- 5<&- 6<&- 7>&- 8>&- &
    fi
    pids="$pids $!"
    listen "$1" <&6 2>/dev/null 4>&- 5<&- 6<&- 7>&- 8>&- &
    listeners="$listeners $!"
    exec 6<&- 7>&- 8>&-
}

speak() { # becomes what nc is, for one message, which is a line
    local message
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
    printf "$form" "$2" 1<>"$dir/to-$1" # the pipe holds it, and this never waits for someone who reads
}

open_up() { # waits for the connections to stand, or for a second in which no more of them do
    local n before
    for ((n = 0; n < 10 && !stopping; n++)); do
        before=$open
        count_open
        [ "$open" != "$alive" ] || break
        [ "$open" = "$before" ] || n=0
        nap
    done
}

burst() { # SECONDS of patience: count events at once; heard for each answer; sets answers, how many came
    local n left
    for ((n = 1; n <= count; n++)); do set -- "$@" "event$n"; done
    fifos "${@:2}"
    post "{\"user\": \"${script%.sh}\", \"amount\": 1}"
    for ((n = 1; n <= count && !stopping; n++)); do connect "event$n"; done
    open_up
    mark
    for ((n = 1; n <= count && !stopping; n++)); do send "event$n" "$message"; done
    while [ "$answers" -lt "$count" ] && [ "$stopping" = 0 ]; do
        since "$sent_at"
        left=$((($1 * 1000 - passed + 999) / 1000))
        [ "$left" -gt 0 ] || break
        mail "$left" || break
        deliver
    done
}

# Sets alive, the processes that still run, and open, the connections among them that stand as far as the kernel tells.
# They differ: a connect may still wait for the backlog, and some nc live on when the server closes.
count_open() {
    local still='' id outcome status at passed retry text words # what the caller has heard stands
    alive=0 open=0
    for pid in $pids; do
        kill -0 "$pid" 2>/dev/null && still="$still $pid" alive=$((alive + 1))
    done
    pids=$still
    established >&3 2>/dev/null &
    telling=$!
    while mail 2; do
        [ "$id" = open ] && open=$outcome && break
        deliver
        [ "$stopping" = 0 ] || break # Ctrl-C may have killed who should tell, before it could ignore that
    done
}

established() { # becomes who tells the connections of this machine to that port, other clients' too, at most alive
    local hex
    printf -v hex ':%04X$' "$port"
    if [ -r /proc/net/tcp ]; then set -- /proc/net/tcp*; else exec < <(netstat -an); fi
    exec awk -v hex="$hex" -v decimal="[.:]$port\$" -v alive="$alive" '
        ($3 ~ hex && $4 == "01") || ($5 ~ decimal && $6 == "ESTABLISHED") { n++ }
        END { print "open", NR && n < alive ? n + 0 : alive }' ${1+"$@"}
}
