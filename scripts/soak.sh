#!/usr/bin/env bash
# Soak test: stages 2 to 5 under normal and bad traffic for an hour. Memory and descriptors must not grow, and all totals
# must agree.
#
#   scripts/soak.sh [SECONDS]        (3600)
#
# Builds everything first. Each stage gets, in rounds of about ten seconds: normal requests at a fixed rate, a burst, garbage,
# silent connections, half requests and requests sent one byte at a time. After each round the script records the server's
# memory and descriptors. At the end it stops stage 5: the events that the clients saw acknowledged must match those that
# the server says it has applied.

set -u
cd "$(dirname "$0")/.." || exit 1

seconds=${1-3600}
usage='usage: scripts/soak.sh [SECONDS]        30 or more; the default is 3600'
case $seconds in
    -h | --help) echo "$usage" && exit 0 ;;
    '' | *[!0-9]* | ? | [12]?) printf 'soak.sh: SECONDS must be a number from 30 up, not "%s"\n%s\n' "$seconds" "$usage" >&2 && exit 2 ;;
esac

cargo build --release --quiet --bins || exit 1
work=$(mktemp -d) || exit 1
pids=
# shellcheck disable=SC2086,SC2317  # a list of words; the trap calls it
cleanup() {
    [ -z "$pids" ] || kill $pids 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' HUP INT TERM

client=target/release/client

memory() { ps -o rss= -p "$1" | tr -d ' '; }

descriptors() {
    if [ -d "/proc/$1/fd" ]; then
        find "/proc/$1/fd" -mindepth 1 | wc -l
    else
        lsof -p "$1" | wc -l
    fi
}

traffic() { # STAGE ADDR PID; until $end, and then prints a line of figures
    local file=$work/$1 first='' rss='' open=''
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
        rss=$(memory "$3") open=$(descriptors "$3")
    done
    printf '%s: resident %s KiB after the first round, %s KiB after the last; %s descriptors\n' "$1" "$first" "$rss" "$open"
    # 4 MiB is noise of the allocator; a leak of 1 KiB for each bad connection is far more in an hour
    [ $((rss - first)) -le 4096 ] || { printf '%s: its memory grew\n' "$1" && return 1; }
    [ "$open" -le 40 ] || { printf '%s: it leaks descriptors\n' "$1" && return 1; }
}

start() { # STAGE ARGS...; sets addr and pid
    "target/release/$1" --addr 127.0.0.1:0 "${@:2}" >"$work/$1.out" 2>"$work/$1.log" &
    pid=$!
    pids="$pids $pid"
    until addr=$(sed -n "s|^listening on http://||p" "$work/$1.out" 2>/dev/null) && [ -n "$addr" ]; do
        kill -0 "$pid" || exit 1
        sleep 0.1
    done
}

end=$(($(date +%s) + seconds))
failed=0
rounds=
start stage2-async
traffic stage2-async "$addr" "$pid" & rounds="$rounds $!"
start stage3-parse --timeout 3s
traffic stage3-parse "$addr" "$pid" & rounds="$rounds $!"
start stage4-slow-state --timeout 3s --work 1ms
traffic stage4-slow-state "$addr" "$pid" & rounds="$rounds $!"
start stage5-backpressure --timeout 3s --work 1ms
traffic stage5-backpressure "$addr" "$pid" & rounds="$rounds $!"
for round in $rounds; do
    wait "$round" || failed=1
done

kill -TERM "$pid"
wait "$pid" || { echo "stage5-backpressure: ended with $?" && failed=1; }
figures=$(tail -n 1 "$work/stage5-backpressure.out")
figure() { printf '%s' "$figures" | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }
# "served  45  9.0 %  202 Accepted", or "…  45 × 202 Accepted" beside other statuses
acknowledged=$(awk '/ 202 Accepted$/ { count = $2; for (i = 2; i <= NF; i++) if ($i == "×") count = $(i - 1); sum += count }
    END { print sum + 0 }' "$work/stage5-backpressure.load")
unanswered=$(awk '$1 == "timed" { sum += $3 } $1 == "failed" { sum += $2 } END { print sum + 0 }' "$work/stage5-backpressure.load")
echo "stage5-backpressure: $figures"
echo "stage5-backpressure: $acknowledged acknowledged, $(figure processed) applied, $unanswered requests without a response"
[ "$(figure accepted)" = "$(($(figure processed) + $(figure failed)))" ] || failed=1
lost=$(($(figure accepted) - acknowledged)) # acknowledged after their clients had given up
[ "$lost" -ge 0 ] && [ "$lost" -le "$unanswered" ] || failed=1
grep -h panicked "$work"/*.log && failed=1
[ "$failed" = 0 ] && echo "verdict: passed after $seconds s" || echo "verdict: failed"
exit "$failed"
