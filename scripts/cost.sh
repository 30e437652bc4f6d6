#!/usr/bin/env bash
# What waiting costs: the threads and the memory of a server while clients say nothing.
#
#   cargo run -p stage2          then, elsewhere:  scripts/cost.sh
#
# Reads what the server's process takes, opens silent connections, and reads it again.
#
# Stage 2 holds a thousand in as many threads as before, and in less than two kilobytes each. A thread for each
# connection takes a thousand threads (scripts/cure.sh thread-per-connection).
#
# usage: scripts/cost.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                    open N silent connections (1000)
#   -t SECONDS              wait so long for the server to take all of them (20)
#   --expect tasks|threads  exit with 1 unless this is the verdict
#   --nc NC                 the nc to use, as in --nc 'busybox nc' (or NC=...); none: bash's own /dev/tcp
#   -h, --help              show this
#
# The server is a process of yours on this machine. The verdict is "threads" if it has a thread more for every second
# connection or more of them, else "tasks"; "none" if it does not hold all of the connections.

# shellcheck disable=SC2034  # for bash-client.sh
takes='-n -t' verdicts='tasks threads' stage=2 each=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=1000 seconds=20

hold() { # becomes a silent connection
    if [ "${nc[0]}" = none ]; then
        exec 6<>"/dev/tcp/$host/$port" && exec cat <&6
    else
        exec "${nc[@]}" "$host" "$port" <&5
    fi
}

of_port() { # prints the process that listens there
    if [ -r /proc/net/tcp ]; then
        local hex inode
        printf -v hex ':%04X' "$port"
        inode=$(awk -v hex="$hex\$" '$2 ~ hex && $4 == "0A" { print $10; exit }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
        [ -n "$inode" ] || return
        # shellcheck disable=SC2012  # these names are numbers
        ls -l /proc/[0-9]*/fd 2>/dev/null |
            awk -F/ -v socket="socket:[$inode]" '/^\/proc/ { pid = $3 } index($0, socket) { print pid; exit }'
    else
        lsof -nP -t -iTCP:"$port" -sTCP:LISTEN 2>/dev/null | head -n 1
    fi
}

measure() { # sets threads, memory in KiB and sockets, how many connections the server has taken
    usage_of "$pid_of_server" >&3 2>/dev/null &
    telling=$!
    while mail 5 && [ "$id" != usage ]; do :; done
    [ "$id" = usage ] || die "process $pid_of_server cannot be looked at"
    threads=$outcome memory=$status sockets=$at
}

usage_of() { # PID
    if [ -r "/proc/$1/status" ]; then
        echo "usage $(awk '/^Threads/ { t = $2 } /^VmRSS/ { m = $2 } END { print t, m }' "/proc/$1/status")" \
            "$(find "/proc/$1/fd" 2>/dev/null | wc -l)"
    else
        echo "usage $(($(ps -M -p "$1" | wc -l) - 1)) $(ps -o rss= -p "$1") $(lsof -nP -a -p "$1" -iTCP 2>/dev/null | wc -l)"
    fi
}

main() {
    local n before_threads before_memory before_sockets began
    begin "$@"
    check
    (echo "server $(of_port)" >&3) 2>/dev/null
    mail 5
    pid_of_server=$outcome
    [ -n "$pid_of_server" ] || die "no process of yours listens at $addr on this machine"
    trap stop INT
    measure
    before_threads=$threads before_memory=$memory before_sockets=$sockets
    say "the server at $addr, process $pid_of_server: $threads threads, $memory KiB"
    for ((n = 0; n < count && !stopping; n++)); do
        hold >/dev/null 2>&1 3>&- 4>&- &
        pids="$pids $!"
    done
    now
    began=$now
    while [ "$stopping" = 0 ]; do
        measure
        [ $((sockets - before_sockets)) -lt "$count" ] || break
        since "$began"
        [ "$passed" -lt $((seconds * 1000)) ] || break
        nap
    done
    nap # the last ones may still get their threads
    measure
    local taken=$((sockets - before_sockets)) more=$((threads - before_threads)) kib=$((memory - before_memory))
    verdict=none
    if [ "$taken" -ge "$count" ]; then
        verdict=tasks
        [ $((more * 2)) -lt "$count" ] || verdict=threads
    fi
    [ "$taken" -gt 0 ] || die "it takes none of $count connections; does it serve one at a time?"
    say "with $taken silent connections: $threads threads, $memory KiB"
    say "verdict: $verdict (for each connection $((kib * 1024 / taken)) bytes; in all $more more threads)"
    stopping=1
    exec 2>/dev/null # as in leave
    close_all
    as_expected
}

main "$@"
