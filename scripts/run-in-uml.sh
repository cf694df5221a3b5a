#!/usr/bin/env bash
# Runs a command under user-mode Linux: for what needs a kernel with SCTP when the host's has none. No root needed.
# Usage: scripts/run-in-uml.sh COMMAND [ARG...]
#
# The guest sees the host's files (it writes them, too), the caller's environment and folder; it has its own network,
# with `lo` up, and one processor. Output and exit status are the command's.
# Needs the Debian packages user-mode-linux and busybox-static: scripts/setup user-mode-linux busybox-static
#   UML_MEMORY=1G                  memory of the guest
#   UML_SECONDS=600                time allowed; past it the status is 124
#   UML_LOAD="hmac sctp tun veth"  kernel modules to load (SCTP signs its cookies with hmac)
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
for program in linux.uml busybox; do
  command -v "$program" >/dev/null ||
    { echo "run-in-uml: $program is missing: scripts/setup user-mode-linux busybox-static" >&2; exit 125; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
declare -px >"$work/environment"
printf '%q ' "$@" >"$work/command"

# The guest's first process.
{
  printf '#!/bin/bash\nwork=%q folder=%q load=%q\n' "$work" "$PWD" "${UML_LOAD-hmac sctp tun veth}"
  cat <<'GUEST'
b() { busybox "$@"; }
b stty -F /dev/tty0 -opost
b mount -t proc proc /proc
b mount -t sysfs sys /sys
b mkdir -p /dev/pts /dev/shm
b mount -t devpts pts /dev/pts
for folder in /dev/shm /run; do b mount -t tmpfs tmpfs $folder; done
[ -e /dev/fd ] || b ln -s /proc/self/fd /dev/fd
b ip link set lo up
modules=/usr/lib/uml/modules/$(b uname -r)
for name in $load; do
  # A line of modules.dep: the module, then what it needs; the last first.
  for file in $(b sed -n "s|^\(.*/$name\.ko\):|\1|p" $modules/modules.dep | b tr ' ' '\n' | b tac); do
    b insmod $modules/$file 2>/dev/null
  done
done
(
  cd "$folder" && source "$work/environment" 2>/dev/null
  eval "exec busybox setsid $(<"$work/command")"
) </dev/null >/dev/tty0 2>&1
echo $? >"$work/status"
b sync
b poweroff -f
GUEST
} >"$work/init"
chmod +x "$work/init"

preload=
if grep -qw amx_tile /proc/cpuinfo; then
  preload=$work/xstate.so
  cc -shared -fPIC -O2 -o "$preload" "$(dirname "$(realpath "$0")")/uml-xstate.c"
fi

# On one processor: the guest has one, and its two halves change places faster there.
processor=$(($$ % $(nproc)))
outcome=0
TMPDIR=/dev/shm timeout --kill-after=5 "${UML_SECONDS:-600}" taskset -c "$processor" \
  env LD_PRELOAD="$preload" linux.uml \
  mem="${UML_MEMORY:-1G}" rootfstype=hostfs rootflags=/ rw init="$work/init" quiet loglevel=0 \
  con=null con0=null,fd:9 ssl=null 9>&1 >"$work/boot" 2>&1 </dev/null || outcome=$?

[ -s "$work/status" ] && exit "$(<"$work/status")"
[ "$outcome" = 124 ] && { echo "run-in-uml: not finished after ${UML_SECONDS:-600} s" >&2; exit 124; }
{ echo "run-in-uml: the guest ended ($outcome) before the command did; it said:"; tail -20 "$work/boot"; } >&2
exit 125
