#!/usr/bin/env bash
# Cures: a stage with a patch. Most are wrong: they look right and are not. The last three are
# right: they add a bound that stage 5 lacks.
#
#   scripts/cure.sh rwlock          then, in another terminal:  scripts/pileup.sh
#   scripts/cure.sh in-time         …                           cargo client check 5 --only in-time
#
# Copies the workspace to target/cures/NAME, applies wrong-cures/NAME.patch or bounds/NAME.patch
# to the copy, builds it, and runs the stage. The first build takes a minute. Ctrl-C ends the
# server.
#
# wrong-cures/:
#   thread-per-connection   stage 1 with a thread for each connection
#   deadline-per-read       stage 2 with a deadline for each read
#   rwlock                  stage 4 with a readers-writer lock
#   lost-update             stage 4 with the lock held to read and again to write, but not in between
#
# bounds/:
#   in-time                 stage 5, and what could not be done within a second is rejected
#   reserved-places         stage 5, and the last four places are for withdrawals
#   fair-share              stage 5, and a user has at most four events in it
#
# usage: scripts/cure.sh NAME [-- OPTIONS OF THE SERVER]
#
#   -h, --help   show this
#
# The exit code is the server's; 1 if it cannot be built, 2 for a bad command line.

# a plain bash, whatever started this: sh, bash -e, exported SHELLOPTS, a link from elsewhere
[ "${plain-}" = $$ ] ||
    plain=$$ CDPATH='' TMOUT='' exec bash -p "$(readlink -f "$0" 2>/dev/null || echo "$0")" "$@"

# shellcheck source=scripts/bash-client.sh
. "$(dirname "$0")/bash-client.sh" || exit 1

case ${1-} in
    -h | --help) print_usage; exit ;;
    '') usage_error "which cure? give its name" ;;
    -*) usage_error "unknown option $1" ;;
esac
name=$1
patch=$root/wrong-cures/$name.patch what='a wrong cure'
[ -f "$patch" ] || patch=$root/bounds/$name.patch what='another bound'
shift
[[ $name =~ ^[a-z-]+$ && -f $patch ]] || usage_error "there is no cure '$name'"
if [ $# -gt 0 ]; then
    [ "$1" = -- ] || usage_error "the server's options come after --, not '$1'"
    shift
fi
command -v git >/dev/null || die "git is not installed"
set_up

while IFS= read -r line; do
    case $line in '+++ b/stage'*) stage=${line#+++ b/} stage=${stage%%/*} ;; esac
done <"$patch"
package=${stage%%-*}
copy=$root/target/cures/$name
mkdir -p "$copy" || die "cannot write to $root/target"
# -p keeps the times, so that only changed files are built again
(cd "$root" && cp -Rp Cargo.toml Cargo.lock clippy.toml client crates stage[1-5]-* "$copy") ||
    die "cannot copy to $copy"
(cd "$copy" && GIT_DIR=/dev/null git apply "$patch") || die "$patch does not apply: the stage has changed"
export CARGO_PROFILE_DEV_DEBUG=0 # debug information would take half of the build time
build --locked --manifest-path "$copy/Cargo.toml" --target-dir "$root/target/cures/target" -p "$package" ||
    die "$name does not build"
unset CARGO_PROFILE_DEV_DEBUG
printf 'cure.sh: stage %s with %s: %s\n' "${package#stage}" "$what" "$name" >&2
trap - EXIT
clean_up 2>/dev/null
trap - HUP INT PIPE QUIT TERM # the server handles them
exec "${programs%%$'\n'*}" "$@"
