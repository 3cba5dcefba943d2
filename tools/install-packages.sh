#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of the packages in tools/packages.txt. Asks no network when nothing is.
set -eu

usage() {
    cat <<EOT
usage: tools/install-packages.sh [--list] [SECTION...]

Installs the Debian packages of the sections (build, test, dev; default: build)
that are not installed yet. Needs root or sudo only when something is missing.

  --list   print what is missing, one a line, and install nothing
EOT
}

list_only=no
sections=
for word in "$@"; do
    case $word in
    -h | --help) usage; exit 0 ;;
    --list) list_only=yes ;;
    build | test | dev) sections="$sections $word" ;;
    *) echo "install-packages: '$word' is no section: build, test, dev" >&2; usage >&2; exit 2 ;;
    esac
done
[ -n "$sections" ] || sections=build

packages_file=$(dirname "$0")/packages.txt
wanted=
for section in $sections; do
    wanted="$wanted $(awk -v s="$section" '{ sub(/#.*/, "") } $2 == s { print $1 }' "$packages_file")"
done

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=none
    [ "$state" = installed ] || missing="$missing $package"
done
if [ "$list_only" = yes ]; then
    [ -z "$missing" ] || printf '%s\n' $missing
    exit 0
fi
[ -n "$missing" ] || exit 0
echo "install-packages: installing$missing"

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "install-packages: not root and no sudo; as root: apt-get install$missing" >&2
        exit 1
    }
    as_root=sudo
fi

# No service that a package brings (prometheus) may start now: a policy-rc.d that says no, for as long as
# this takes. What stood there before is put back.
policy=/usr/sbin/policy-rc.d
saved=
restore_policy() {
    if [ -n "$saved" ]; then
        $as_root cp -p "$saved/policy-rc.d" "$policy" 2>/dev/null || $as_root rm -f "$policy"
        $as_root rm -rf "$saved"
        saved=
    fi
}
trap restore_policy EXIT
trap 'exit 130' INT TERM HUP

saved=$(mktemp -d)
if [ -e "$policy" ]; then
    $as_root cp -p "$policy" "$saved/policy-rc.d"
fi
printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
$as_root chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words is meant
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
