#!/usr/bin/env bash
# The cost of waiting: a server's threads and memory while clients are connected and silent.
#
#   cargo stage2                 then, in another terminal:  scripts/cost.sh
#
# Reads the threads and the memory of the server's process, opens silent connections, and reads both again.
#
# Stage 2 holds a thousand connections with as many threads as before and less than two kilobytes each. With a thread for
# each connection there are a thousand more threads (scripts/cure.sh thread-per-connection).
#
# usage: scripts/cost.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                    open N silent connections (1000)
#   -t SECONDS              how long to wait until the server has accepted all of them (20)
#   --expect tasks|threads  exit with 1 if the verdict is another
#   --nc NC                 the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help              show this
#
# The server must be a process of yours on this machine. The verdict is "threads" if it has at least one more thread for
# every two connections, else "tasks"; "none" if it does not hold all of the connections.

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options='-n -t' verdicts='tasks threads' stage=2 processes_each=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=1000 seconds=20

hold() { # replaces this process by a silent connection
    if [ "${nc[0]}" = none ]; then
        exec 6<>"/dev/tcp/$host/$port" && exec cat <&6
    else
        exec "${nc[@]}" "$host" "$port" <&5
    fi
}

find_listener() { # prints the id of the process that listens at that port
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

measure() { # sets threads, memory in KiB and sockets, the number of the server's open files
    report_usage "$server_pid" >&3 2>/dev/null &
    counter_pid=$!
    while read_report 5 && [ "$id" != usage ]; do :; done
    [ "$id" = usage ] || die "process $server_pid cannot be inspected"
    threads=$outcome memory=$status sockets=$at
}

report_usage() { # PID
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
    check_server
    (echo "server $(find_listener)" >&3) 2>/dev/null
    read_report 5
    server_pid=$outcome
    [ -n "$server_pid" ] || die "no process of yours listens at $addr on this machine"
    trap stop INT
    measure
    before_threads=$threads before_memory=$memory before_sockets=$sockets
    say "the server at $addr, process $server_pid: $threads threads, $memory KiB"
    for ((n = 0; n < count && !stopping; n++)); do
        hold >/dev/null 2>&1 3>&- 4>&- &
        pids="$pids $!"
    done
    read_clock
    began=$now
    while [ "$stopping" = 0 ]; do
        measure
        [ $((sockets - before_sockets)) -lt "$count" ] || break
        measure_since "$began"
        [ "$elapsed" -lt $((seconds * 1000)) ] || break
        pause
    done
    pause # the threads of the last ones may still be starting
    measure
    local held=$((sockets - before_sockets)) more=$((threads - before_threads)) kib=$((memory - before_memory))
    verdict=none
    if [ "$held" -ge "$count" ]; then
        verdict=tasks
        [ $((more * 2)) -lt "$count" ] || verdict=threads
    fi
    [ "$held" -gt 0 ] || die "the server accepted none of $count connections; does it serve one client at a time?"
    say "with $held silent connections: $threads threads, $memory KiB"
    say "verdict: $verdict ($((kib * 1024 / held)) bytes per connection; $more more threads)"
    stopping=1
    exec 2>/dev/null # as in exit_once
    close_all
    check_verdict
}

main "$@"
