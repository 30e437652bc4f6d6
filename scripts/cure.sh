#!/usr/bin/env bash
# A wrong cure: a stage with a change that looks right, to be unmasked.
#
#   scripts/cure.sh rwlock          then, elsewhere:  scripts/pileup.sh
#
# Copies the workspace to target/wrong-cures/NAME, changes the copy as wrong-cures/NAME.patch says, builds it beside the
# stages, and runs it in their place. The first build takes a minute. Ctrl-C ends the server.
#
#   thread-per-connection   stage 1 with a thread for each connection
#   rwlock                  stage 4 with a readers-writer lock
#   lost-update             stage 4 with the lock held to read and to write, and not between
#
# usage: scripts/cure.sh NAME [-- OPTIONS OF THE SERVER]
#
#   -h, --help   show this
#
# The exit code is the server's; 1 if it cannot be built, 2 for a bad command line.

set -u # bash 3.2 is enough

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }
die() { printf 'cure.sh: %s\n' "$*" >&2; exit 1; }
bad() { { printf 'cure.sh: %s\n\n' "$*"; usage; } >&2; exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
case ${1-} in
    -h | --help) usage && exit ;;
    '') bad "which cure? give its name" ;;
    -*) bad "unknown option $1" ;;
esac
name=$1
patch=$root/wrong-cures/$name.patch
shift
[[ $name =~ ^[a-z-]+$ && -f $patch ]] || bad "there is no cure '$name'"
if [ $# -gt 0 ]; then
    [ "$1" = -- ] || bad "the server's options come after --, not '$1'"
    shift
fi
for tool in cargo git; do
    command -v "$tool" >/dev/null || die "there is no $tool here"
done

stage=$(sed -n 's|^+++ b/\(stage[0-9][^/]*\)/.*|\1|p' "$patch")
copy=$root/target/wrong-cures/$name
builds=$root/target/wrong-cures/target
mkdir -p "$copy" "$builds" || die "cannot write to $root/target"
cd "$root" || exit 1
# -p keeps the times, so that only what has changed is built anew
cp -Rp Cargo.toml Cargo.lock clippy.toml client crates stage[1-5]-* "$copy" || die "cannot copy to $copy"
(cd "$copy" && GIT_DIR=/dev/null git apply "$patch") || die "the stage has changed since, and $patch does not fit"
number=${stage#stage}
# what only a debugger needs would take half of the time
CARGO_PROFILE_DEV_DEBUG=0 cargo build --locked --quiet --manifest-path "$copy/Cargo.toml" --target-dir "$builds" -p "stage${number%%-*}" ||
    die "it does not build"
exec "$builds/debug/$stage" "$@"
