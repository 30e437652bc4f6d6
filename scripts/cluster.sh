#!/usr/bin/env bash
# Three NATS servers on this machine, a cluster with JetStream, for stage 7.
#
#   scripts/cluster.sh          and then, in another terminal:  cargo stage7
#
# Prints how to reach them, and runs until Ctrl-C. Then it ends them and removes their data, which
# are in a temporary folder. A server that ends by itself, or by kill -9, is started again two
# seconds later, with its data.
#
# usage: scripts/cluster.sh [options]
#
#   -p, --port N      their ports: N, N+1 and N+2 for clients, N+10 to N+12 between them (4222)
#   --sync            each server syncs an event before it acknowledges it; without this, every two
#                     minutes
#   --restart N       how many seconds a server that has ended stays away (2)
#   --server PROGRAM  the NATS server, 2.12 or later (nats-server)
#   -h, --help        show this

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

first_port=4222 sync=2m away=2 program=nats-server
started=('' '' '')

parse_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
            --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
            -h | --help) print_usage; exit ;;
            --sync) sync=always ;;
            -p | --port | --restart | --server)
                [ -n "${2-}" ] || usage_error "$1 needs a value"
                case $1 in
                    --server) program=$2 ;;
                    --restart) check_number "$1" "$2" && away=$2 ;;
                    *) check_number "$1" "$2" && first_port=$2 ;;
                esac
                shift ;;
            *) usage_error "unknown argument $1" ;;
        esac
        shift
    done
    [ "$first_port" -le 65523 ] || usage_error "-p takes a port from 1 to 65523, not '$first_port'"
    command -v "$program" >/dev/null ||
        die "no program '$program': brew install nats-server, or one of" \
            "github.com/nats-io/nats-server/releases; elsewhere: --server PROGRAM"
}

configure() { # NUMBER of a server; prints its configuration
    local port=$((first_port + $1)) routes='' n
    for n in 0 1 2; do
        [ "$n" = "$1" ] || routes="$routes\"nats://127.0.0.1:$((first_port + 10 + n))\", "
    done
    cat <<CONFIGURATION
server_name: n$(($1 + 1))
listen: "127.0.0.1:$port"
jetstream { store_dir: "$dir/n$(($1 + 1))", max_file_store: 4GB, max_memory_store: 64MB${sync_line} }
cluster { name: course, listen: "127.0.0.1:$((port + 10))", routes: [${routes%, }] }
CONFIGURATION
}

start() { # NUMBER of a server
    local files="$dir/n$(($1 + 1))"
    (enlist && exec "$program" -c "$files.conf") >>"$files.log" 2>&1 3>&- 4>&- 5<&- &
    started[$1]=$!
    own_server="${started[*]}"
    guard "= $own_server"
    say "n$(($1 + 1))  nats://127.0.0.1:$((first_port + $1))  process $!"
}

supervise() { # starts again what has ended; never returns
    local n
    ended=('' '' '')
    while :; do
        for n in 0 1 2; do
            if [ -n "${ended[n]}" ]; then
                measure_since "${ended[n]}"
                if [ "$elapsed" -ge $((away * 1000)) ]; then ended[n]='' && start "$n"; fi
            elif ! kill -0 "${started[n]}" 2>/dev/null; then
                say "n$((n + 1)) has ended"
                read_clock
                ended[n]=$now
            fi
        done
        pause
    done
}

# Whether this server knows who leads: before that, it leaves requests without a response. What its
# log says is not an interface, so this does not wait for it without an end.
has_leader() { # NUMBER of a server
    measure_since "$began"
    [[ $(<"$dir/n$(($1 + 1)).log") = *'metadata leader'* || $elapsed -gt 10000 ]]
}

main() {
    local n began
    parse_arguments "$@"
    set_up
    sync_line=''
    [ "$sync" = 2m ] || sync_line=", sync_interval: $sync"
    for n in 0 1 2; do configure "$n" >"$dir/n$((n + 1)).conf"; done
    for n in 0 1 2; do start "$n"; done
    read_clock
    began=$now
    for n in 0 1 2; do
        until (exec 6<>"/dev/tcp/127.0.0.1/$((first_port + n))") 2>/dev/null && has_leader "$n"; do
            kill -0 "${started[n]}" 2>/dev/null || {
                tail -3 "$dir/n$((n + 1)).log" >&2
                die "$program does not start"
            }
            measure_since "$began"
            [ "$elapsed" -lt 30000 ] || die "$program does not listen after 30 s"
            pause
        done
    done
    local urls="127.0.0.1:$first_port,127.0.0.1:$((first_port + 1)),127.0.0.1:$((first_port + 2))"
    say "ready: --nats $urls; Ctrl-C ends them"
    supervise
}

main "$@"
