#!/usr/bin/env bash
# Installs the Debian packages that building and testing need; silent when none is missing.
# Usage: deps/install.sh [build|test|all]
# Root installs at once, sudo without a password is used when there is; otherwise the command to run
# is printed and the exit code is 1. "a|b" in the lists means: b where a is not to be had.
set -euo pipefail

build_packages='gcc make pkg-config liburing-dev libjemalloc-dev libssl-dev libedit-dev liblzf-dev libevent-dev git'
test_packages='libcriterion-dev tcl tcl-tls openssl clang clang-format libclang-rt-14-dev|libclang-rt-dev lld
    redis-server redis-tools gnuplot-nox expect tmux prometheus-redis-exporter python3-redis linux-perf
    procps perl testssl.sh sslscan'

# Services that come with packages above, which nobody here wants to run.
services='redis-server prometheus-redis-exporter'

case "${1:-all}" in
build) wanted=$build_packages ;;
test | all) wanted="$build_packages $test_packages" ;;
*)
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
    ;;
esac

# Prints each wanted row of which no alternative is installed.
missing_rows() {
    local installed row name
    installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
        sed -n 's/^installed //p' | tr '\n' ' ') "
    for row in $wanted; do
        for name in ${row//|/ }; do
            [[ $installed == *" $name "* ]] && continue 2
        done
        echo "$row"
    done
}

has_candidate() {
    apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

# Chooses of each row the first name that apt can install; a row without one is printed as it is.
choose_names() {
    local row name
    for row in "$@"; do
        for name in ${row//|/ }; do
            if has_candidate "$name"; then
                echo "$name"
                continue 2
            fi
        done
        echo "${row%%|*}"
    done
}

if ! command -v dpkg-query >/dev/null; then
    echo "deps/install.sh: not a Debian system; these packages or their like are needed:" $wanted >&2
    exit 1
fi

mapfile -t missing < <(missing_rows)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        exec sudo -n "$0" "$@"
    fi
    echo "These packages are missing:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    echo "Install them as root:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends" "${missing[@]%%|*}" >&2
    exit 1
fi

# While packages are set up, invoke-rc.d asks this script and starts nothing.
guard=/usr/sbin/policy-rc.d
guard_is_ours=no
remove_guard() {
    [ "$guard_is_ours" = no ] || rm -f "$guard"
}
trap remove_guard EXIT
if [ ! -e "$guard" ]; then
    guard_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod 755 "$guard"
fi

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt_get() {
    apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

for row in "${missing[@]}"; do
    if ! has_candidate "${row%%|*}"; then
        apt_get update >/dev/null
        break
    fi
done
mapfile -t names < <(choose_names "${missing[@]}")
echo "Installing ${names[*]}"
log=$(mktemp)
# A stale package list makes a download fail: once more with a new one.
if ! apt_get install --no-install-recommends "${names[@]}" >"$log" 2>&1; then
    if ! { apt_get update && apt_get install --no-install-recommends "${names[@]}"; } >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        exit 1
    fi
fi
rm -f "$log"

# Nor shall a service that was just installed start with the machine.
if [ -d /run/systemd/system ]; then
    for service in $services; do
        case " ${names[*]} " in
        *" $service "*) systemctl disable --now -q "$service" 2>/dev/null || true ;;
        esac
    done
fi

mapfile -t missing < <(missing_rows)
if [ ${#missing[@]} -gt 0 ]; then
    echo "deps/install.sh: still missing: ${missing[*]}" >&2
    exit 1
fi
