#!/usr/bin/env bash
# Wrong cures: a stage with a change that looks right and is not.
#
#   scripts/cure.sh rwlock          then, in another terminal:  scripts/pileup.sh
#
# Copies the workspace to target/wrong-cures/NAME, applies wrong-cures/NAME.patch to the copy, builds it, and runs the
# stage. The first build takes a minute. Ctrl-C ends the server.
#
#   thread-per-connection   stage 1 with a thread for each connection
#   deadline-per-read       stage 2 with a deadline for each read
#   rwlock                  stage 4 with a readers-writer lock
#   lost-update             stage 4 with the lock held to read and again to write, but not in between
#
# usage: scripts/cure.sh NAME [-- OPTIONS OF THE SERVER]
#
#   -h, --help   show this
#
# The exit code is the server's; 1 if it cannot be built, 2 for a bad command line.

set -u # bash 3.2 is enough

print_usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }
die() { printf 'cure.sh: %s\n' "$*" >&2; exit 1; }
usage_error() { { printf 'cure.sh: %s\n\n' "$*"; print_usage; } >&2; exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
case ${1-} in
    -h | --help) print_usage && exit ;;
    '') usage_error "which cure? give its name" ;;
    -*) usage_error "unknown option $1" ;;
esac
name=$1
patch=$root/wrong-cures/$name.patch
shift
[[ $name =~ ^[a-z-]+$ && -f $patch ]] || usage_error "there is no cure '$name'"
if [ $# -gt 0 ]; then
    [ "$1" = -- ] || usage_error "the server's options come after --, not '$1'"
    shift
fi
for tool in cargo git; do
    command -v "$tool" >/dev/null || die "$tool is not installed"
done

stage=$(sed -n 's|^+++ b/\(stage[0-9][^/]*\)/.*|\1|p' "$patch")
copy=$root/target/wrong-cures/$name
builds=$root/target/wrong-cures/target
mkdir -p "$copy" "$builds" || die "cannot write to $root/target"
cd "$root" || exit 1
# -p keeps the times, so that only changed files are built again
cp -Rp Cargo.toml Cargo.lock clippy.toml client crates stage[1-5]-* "$copy" || die "cannot copy to $copy"
(cd "$copy" && GIT_DIR=/dev/null git apply "$patch") || die "$patch does not apply: the stage has changed"
number=${stage#stage}
# debug information would take half of the build time
CARGO_PROFILE_DEV_DEBUG=0 cargo build --locked --quiet --manifest-path "$copy/Cargo.toml" --target-dir "$builds" -p "stage${number%%-*}" ||
    die "$name does not build"
echo "cure.sh: stage ${number%%-*} with a wrong cure: $name" >&2
exec "$builds/debug/$stage" "$@"
