#!/usr/bin/env bash
# avahi.sh FOLDER: the services of FOLDER, announced by a real Avahi and found by a real avahi-browse.
# In namespaces of its own: nothing of this machine is touched, and nothing leaves it.
set -eu
if [ -z "${INSIDE:-}" ]; then
    INSIDE=1 exec unshare --mount --net --pid --fork --mount-proc --kill-child bash "$0" "$1"
fi

ip link set lo up
mount --bind "$1" /etc/avahi/services
mount -t tmpfs none /run
mkdir /run/avahi-daemon
cat >/run/bus.conf <<'XML'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
    "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
XML
printf '[server]\nhost-name=attic\nuse-ipv4=yes\nuse-ipv6=no\n' >/run/avahi.conf

export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus
dbus-daemon --config-file=/run/bus.conf --fork
avahi-daemon --file=/run/avahi.conf --no-drop-root --no-chroot 2>/run/avahi.log &
for type in _http._tcp _prometheus-http._tcp; do
    for _ in $(seq 60); do
        found=$(timeout 10 avahi-browse --resolve --terminate --parsable "$type" 2>/run/browse.log || true)
        [[ $found != *"="* ]] || break
        sleep 0.5
    done
    [[ $found == *"="* ]] || cat /run/avahi.log /run/browse.log >&2
    echo "$found"
done
