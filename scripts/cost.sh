#!/usr/bin/env bash
# The cost of waiting: a server's threads and memory while clients are connected and silent.
#
#   cargo stage2                 then, in another terminal:  scripts/cost.sh
#
# Reads the threads and the memory of the server's process, opens silent connections, and reads both
# again.
#
# Stage 2 holds a thousand connections with as many threads as before and less than two kilobytes
# each. With a thread for each connection there are a thousand more threads (scripts/cure.sh
# thread-per-connection).
#
# usage: scripts/cost.sh [options] [HOST:PORT]        (127.0.0.1:8080)
#
#   -n N                    open N silent connections (1000)
#   -t SECONDS              how long to wait until the server has accepted all of them (20)
#   --expect tasks|threads  exit with 1 if the verdict is another
#   --nc NC                 the nc to use, such as 'busybox nc'; none: bash's own /dev/tcp (NC=... does the same)
#   -h, --help              show this
#
# The server must be a process of yours on this machine. The verdict is "threads" if it has at least
# one more thread for every two connections, else "tasks"; "none" if it does not hold all of the
# connections.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck disable=SC2034  # bash-client.sh reads them
value_options='-n -t' verdicts='tasks threads' stage=2 processes_each=1
# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

count=1000 seconds=20

find_listener() { # prints the id of the process that listens at that port
    local hex inode='' address state number line process
    if [ -r /proc/net/tcp ]; then
        printf -v hex '%04X' "$port"
        while read -r _ address _ state _ _ _ _ _ number _; do
            case "$address $state" in *":$hex 0A") inode=$number ;; esac
        done <<<"$(cat /proc/net/tcp* | pick_lines ":$hex [^ ]+ 0A ")"
        [ -n "$inode" ] || return
        while IFS= read -r line; do
            case $line in
                /proc/*) process=${line#/proc/} ;;
                *"socket:[$inode]") echo "${process%%/*}" && return ;;
            esac
        done <<<"$(ls -l /proc/[0-9]*/fd 2>/dev/null)"
    else
        lsof -nP -t -iTCP:"$port" -sTCP:LISTEN 2>/dev/null | head -n 1
    fi
}

measure() { # sets threads, memory in KiB and sockets, the number of the server's open files
    report_usage "$server_pid" >&3 2>/dev/null 9>&- &
    counter_pid=$!
    while read_report 30 && [ "$id" != usage ]; do :; done
    [ "$id" = usage ] || die "process $server_pid cannot be inspected"
    threads=$outcome memory=$status sockets=$at
}

main() {
    local before_threads before_memory before_sockets began
    begin "$@"
    [ -r /proc/net/tcp ] || command -v lsof >/dev/null ||
        die "lsof is not installed, which finds the server's process where there is no /proc"
    check_server
    (echo "server $(find_listener)" >&3) 2>/dev/null
    read_report 30
    server_pid=$outcome
    [ -n "$server_pid" ] || die "no process of yours listens at $addr on this machine"
    measure
    before_threads=$threads before_memory=$memory before_sockets=$sockets
    say "the server at $addr, process $server_pid: $threads threads, $memory KiB"
    open_silent
    read_clock
    began=$now
    while :; do
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
    close_connections
    check_verdict
}

main "$@"
