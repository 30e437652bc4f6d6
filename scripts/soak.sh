#!/usr/bin/env bash
# Soak test: stages 2 to 5 under normal and bad traffic for an hour. Memory and descriptors must not
# grow, and all totals must agree.
#
# Builds everything first. Each stage gets, in rounds of about ten seconds: normal requests at a
# fixed rate, a burst, garbage, silent connections, half requests and requests sent one byte at a
# time. After each round the script records the server's memory and descriptors. At the end it stops
# stage 5: the events that the clients saw acknowledged must match those that the server says it has
# applied.
#
# usage: scripts/soak.sh [SECONDS]        30 or more (3600)
#
#   -h, --help   show this
#
# The exit code is 0 if all is well, 1 if it is not, 2 for a bad command line.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

seconds=${1-3600} failed=0
case $seconds in
    -h | --help) print_usage; exit ;;
    '' | *[!0-9]* | ? | [12]?) usage_error "SECONDS must be a number from 30 up, not '$seconds'" ;;
esac
set_up

traffic() { # STAGE ADDR PID; until $end, and then prints a line of figures
    local file=$dir/$1 first='' rss='' open=''
    while [ "$(date +%s)" -lt "$end" ]; do
        "$client" hold -n 200 --as silent -z 6s "$2" >"$file.silent" 2>&1 &
        "$client" hold -n 50 --as half-body -z 6s "$2" >"$file.half" 2>&1 &
        "$client" hold -n 50 --as drip -z 6s "$2" >"$file.drip" 2>&1 &
        {
            "$client" load -z 5s -q 200 -c 20 --event "$2"
            "$client" load -n 300 -c 100 --event "$2"
            "$client" load -n 500 -c 20 -d 'no {json' -T application/json "http://$2/events"
            "$client" load -n 200 -c 20 -H 'Host: a b' "$2"
        } >>"$file.load" 2>&1
        wait
        first=${first:-$rss}
        read -r _ _ rss open <<<"$(report_usage "$3")"
    done
    printf '%s: resident %s KiB after the first round, %s KiB after the last; %s descriptors\n' "$1" "$first" "$rss" "$open"
    # 4 MiB is noise of the allocator; a leak of 1 KiB for each bad connection is far more in an
    # hour
    [ $((rss - first)) -le 4096 ] || { printf '%s: its memory grew\n' "$1" && return 1; }
    [ "$open" -le 40 ] || { printf '%s: it leaks descriptors\n' "$1" && return 1; }
}

start() { # STAGE ARGS...; sets pid and what parse_address sets, and sends traffic from now on
    local line=''
    : >"$dir/$1.out"
    (enlist && exec "${folder:?}/$1" --addr 127.0.0.1:0 "${@:2}") \
        >>"$dir/$1.out" 2>"$dir/$1.log" 3>&- 4>&- 5<&- &
    pid=$!
    own_server="$own_server $pid"
    guard "$pid"
    until [[ $line = 'listening on '* ]]; do
        kill -0 "$pid" 2>/dev/null || die "$1 does not start: $(cat "$dir/$1.log")"
        IFS= read -r line <"$dir/$1.out" || { line='' && pause; } # the line is not complete yet
    done
    parse_address "${line#listening on }"
    set -m # a process group: its clients end with it
    traffic "$1" "$addr" "$pid" 3>&- 4>&- 5<&- 9>&- &
    rounds="$rounds $!" own_server="$own_server -$!"
    set +m
    guard "-$!"
}

build --release --bins || die "the stages do not build"
while IFS= read -r program; do
    case $program in */client) client=$program folder=${program%/*} ;; esac
done <<<"$programs"
end=$(($(date +%s) + seconds)) rounds=''
start stage2-async
start stage3-parse --timeout 3s
start stage4-slow-state --timeout 3s --work 1ms
start stage5-backpressure --timeout 3s --work 1ms
for round in $rounds; do
    wait "$round" || failed=1
done

kill -TERM "$pid"
wait "$pid" || { echo "stage5-backpressure: ended with $?" && failed=1; }
while IFS= read -r line; do text=$line; done <"$dir/stage5-backpressure.out"
echo "stage5-backpressure: $text"
read_number accepted && accepted=$value
read_number processed && processed=$value
read_number failed && overflowed=$value
# "served  45  9.0 %  202 Accepted", or "…  45 × 202 Accepted" beside other statuses
acknowledged=0 unanswered=0
while read -r outcome first second rest; do
    case "$outcome $first $second $rest" in
        *' × 202 Accepted') rest="$first $second $rest" rest=${rest% × *} count=${rest##* } ;;
        *' 202 Accepted') count=$first ;;
        *) count=0 ;;
    esac
    acknowledged=$((acknowledged + count))
    case $outcome in timed) unanswered=$((unanswered + second)) ;; failed) unanswered=$((unanswered + first)) ;; esac
done <"$dir/stage5-backpressure.load"
echo "stage5-backpressure: $acknowledged acknowledged, $processed applied, $unanswered requests without a response"
[ "$accepted" = "$((processed + overflowed))" ] || failed=1
lost=$((accepted - acknowledged)) # acknowledged after their clients had given up
[ "$lost" -ge 0 ] && [ "$lost" -le "$unanswered" ] || failed=1
while IFS= read -r line; do
    case $line in *panicked*) say "$line" && failed=1 ;; esac
done < <(cat "$dir"/*.log | pick_lines panicked) # after an hour, too much for a variable
verdict="passed after $seconds s"
[ "$failed" = 0 ] || verdict=failed
say "verdict: $verdict"
exit "$failed"
