#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to figures of real work on the screen; leaves nothing behind but the build.
set -eu

usage() {
    cat <<EOT
usage: tools/quickstart.sh [OPTION]... [DIRECTORY]

Installs what is missing (tools/packages.txt; as root or with sudo), builds into
build/release, starts slipringd on a free loopback port with a store of its own,
and runs slipring-demo: several processes that really read, compress and hash the
files under DIRECTORY (default /usr/share/doc). Then it shows the live table and
some lines of /metrics, ends the agent and removes the store.

  --dir DIRECTORY   the same as DIRECTORY
  --processes N     worker processes, 1 to 64; default 4
  --stay            leave the agent running, and say how to look and how to end it
  -h, --help        print this page

Exit status: 0 all is well; 1 something failed, and was said; 2 bad input;
130 interrupted.
EOT
}

say() { printf '%s\n' "$*" >&2; }
step() { say "== $*"; }
fail() {
    say "quickstart: $*"
    exit 1
}
bad_input() {
    say "quickstart: $*"
    say "try: tools/quickstart.sh --help"
    exit 2
}

directory=
processes=4
stay=no
while [ $# -gt 0 ]; do
    case $1 in
    --dir | --processes) [ $# -ge 2 ] || bad_input "$1 needs a value" ;;
    esac
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --stay) stay=yes ;;
    --processes=*) processes=${1#*=} ;;
    --processes) processes=$2 && shift ;;
    --dir=*) directory=${1#*=} ;;
    --dir) directory=$2 && shift ;;
    -*) bad_input "there is no option '$1'" ;;
    *)
        [ -z "$directory" ] || bad_input "one directory at a time, but '$1' is another"
        directory=$1
        ;;
    esac
    shift
done
case $processes in
'' | *[!0-9]* | ???*) bad_input "--processes: '$processes' is no number from 1 to 64" ;;
esac
if [ "$processes" -lt 1 ] || [ "$processes" -gt 64 ]; then
    bad_input "--processes: '$processes' is no number from 1 to 64"
fi
directory=${directory:-/usr/share/doc}
[ -d "$directory" ] || bad_input "'$directory' is no directory"
case $directory in
/*) ;;
*) directory=$PWD/$directory ;;
esac

cd "$(dirname "$0")/.."
root=$PWD
bin=$root/build/release/bin
store=demo-$$
work=
agent=
demo=
started=no # the store may exist

end_agent() {
    [ -n "$agent" ] || return 0
    kill -TERM "$agent" 2>/dev/null || : # it may have ended by itself
    tries=0
    while kill -0 "$agent" 2>/dev/null && [ "$tries" -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    if kill -KILL "$agent" 2>/dev/null; then
        say "quickstart: slipringd did not end within ten seconds, and was killed"
    fi
    wait "$agent" 2>/dev/null || :
    agent=
}

clean_up() {
    status=$?
    trap '' INT TERM HUP
    if [ -n "$demo" ] && kill -INT "$demo" 2>/dev/null; then
        wait "$demo" || :
    fi
    end_agent
    # forced: after an interrupt, or an agent that died, samples of the demo may wait unbooked
    if [ "$started" = yes ] && ! "$bin/slipring" rm --force "$store" >&2; then
        [ "$status" -ne 0 ] || status=1
    fi
    [ -z "$work" ] || rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
work=$(mktemp -d "${TMPDIR:-/tmp}/slipring-demo.XXXXXX")

# quietly WHAT COMMAND...: its output only when it fails.
quietly() {
    what=$1
    shift
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "cannot $what"
    }
}

step "packages"
tools/install-packages.sh build >&2 || fail "packages are missing: see above"

step "build"
quietly "configure the build" cmake --preset release
if [ -t 2 ]; then
    cmake --build --preset release --target slipringd-program slipring-program slipring-demo >&2 ||
        fail "cannot build"
else
    quietly build cmake --build --preset release --target slipringd-program slipring-program slipring-demo
fi

# In a session of its own, so that Ctrl-C reaches this script alone and things end in order. Should this script be killed,
# it gets the signal; with "none" it stays.
in_session() {
    signal=$1
    shift
    [ "$signal" != none ] || exec setsid "$@"
    exec setpriv --pdeathsig "$signal" setsid "$@"
}

step "agent"
started=yes
agent_signal=TERM
[ "$stay" = no ] || agent_signal=none
in_session "$agent_signal" "$bin/slipringd" --store "$store" --listen 127.0.0.1:0 --checkpoint none </dev/null >"$work/agent.log" 2>&1 &
agent=$!
url=
tries=0
until [ -n "$url" ] && curl -sf -m 5 -o /dev/null "$url/-/ready"; do
    if [ "$tries" -eq 200 ] || ! kill -0 "$agent" 2>/dev/null; then
        cat "$work/agent.log" >&2
        fail "slipringd did not come up"
    fi
    sleep 0.05
    tries=$((tries + 1))
    url=$(sed -n 's/.*listen.*\(127\.0\.0\.1:[0-9][0-9]*\).*/http:\/\/\1/p' "$work/agent.log" | head -n 1)
done
say "slipringd $agent serves store $store at $url"

step "real work under $directory"
in_session KILL "$bin/slipring-demo" --store "$store" --processes "$processes" "$directory" &
demo=$!
status=0
wait "$demo" || status=$?
demo=
case $status in
0) ;;
2) exit 2 ;;
*) fail "the demo ended with status $status" ;;
esac

step "slipring top --once"
"$bin/slipring" top --once --store "$store"

step "$url/metrics, for Prometheus; some of it:"
curl -sSf -m 10 -o "$work/metrics" "$url/metrics"
figures='duration_seconds_count|requests_total|requests_per_second|slo_compliance|error_budget_remaining'
grep -E "^primitive_($figures)\\{primitive_name=\"archive_file\"" "$work/metrics" ||
    fail "there is nothing about archive_file in $url/metrics"
grep -E '^primitive_cost.*"compress".* [0-9.]*[1-9]' "$work/metrics" || : # no bill for files of no bytes

if [ "$stay" = yes ]; then
    cat >&2 <<EOT
== it stays; in $root:
  look:   build/release/bin/slipring top --store $store
          build/release/bin/slipring show archive_file --store $store
          curl -s $url/metrics
  again:  build/release/bin/slipring-demo --store $store
  log:    $work/agent.log
  end:    kill $agent; sleep 1; build/release/bin/slipring rm $store; rm -r $work
EOT
    rm -f "$work/log" "$work/metrics"
    trap - EXIT
fi
