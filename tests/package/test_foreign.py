"""The Debian package where qemu-user cannot boot Debian: its life without systemd, on Debian 13 for Arm.

tests/package/run_arm runs this; otherwise there is nothing to run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import systemd_container as container
from support.systemd_container import EMULATED, TRIXIE, Debian

if TYPE_CHECKING:
    from support.require import Require

WALKED = [name for name in EMULATED if f"{name}-trixie" in os.environ.get("PACKAGE_MACHINES", "").split()]

ENTER = """
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/up,workdir=/mnt/work" /mnt/root
mkdir /mnt/root/packages
mount --bind "$2" /mnt/root/packages
mount -t proc proc /mnt/root/proc
mount -t sysfs sysfs /mnt/root/sys
mount --rbind /dev /mnt/root/dev
ip link set lo up
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \\
    chroot /mnt/root bash -euc "$3"
"""

WALK = """
answer() { # PATH: what the program says, started as its unit does
    runuser -u pi-stat -- /usr/bin/python3 /usr/lib/pi-stat/pi_system_monitor.py >/tmp/log 2>&1 &
    for _ in $(seq 300); do
        python3 -c "
import sys, urllib.request
print(urllib.request.urlopen('http://127.0.0.1:8585$1', timeout=60).read().decode())" 2>/tmp/why && break
        sleep 0.2
    done
    kill %% && wait %% 2>/dev/null || true
}
apt() { apt-get --yes --no-install-recommends "$@" </dev/null >>/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }; }

start=$(date +%s)
apt install /packages/now/*.deb
echo "installed after $(($(date +%s) - start)) s"
echo "machine: $(dpkg --print-architecture), $(getconf LONG_BIT) bits"
echo "settings: $(stat --format '%a %U:%G' /etc/default/pi-stat)"
echo "answer: $(answer '/stats?fields=memory,system')"
echo 'PISTAT_CACHE_SECONDS=7' >/etc/default/pi-stat
apt install /packages/next/*.deb
echo "upgraded: $(pi-stat --version), $(cat /etc/default/pi-stat)"
if apt-get --yes install /packages/now/*.deb >/dev/null 2>&1; then echo "downgraded unasked"; fi
apt remove pi-stat
echo "removed: $(cat /etc/default/pi-stat), $(ls /usr/lib/pi-stat 2>&1 | head -1)"
apt purge pi-stat
echo "remains: $(find /etc /usr /opt /var /run -xdev -name '*pi-stat*' | tr '\\n' ' ')."
echo "user: $(getent passwd pi-stat || echo none)"
if grep -q 'Y/n' /tmp/apt; then echo "apt has asked"; fi
"""


@pytest.mark.parametrize("architecture", WALKED)
def test_its_life_without_systemd(require: Require, folder: Path, architecture: str) -> None:
    """It is installed without a network, answers, is upgraded with its settings, and leaves nothing."""
    require(container.possible(), "root, systemd-nspawn and mmdebstrap")
    tree = container.tree(Debian(TRIXIE.suite, TRIXIE.python, architecture))
    apart = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]

    said = container.run(*apart, "bash", "-c", ENTER, "-", str(tree), str(folder), WALK, seconds=2000).stdout

    print(said)
    assert f"machine: {architecture}, " in said
    assert "settings: 640 root:pi-stat" in said
    assert '"memory": {"total": ' in said
    assert "+next, PISTAT_CACHE_SECONDS=7" in said
    assert "downgraded" not in said
    assert "removed: PISTAT_CACHE_SECONDS=7, ls: cannot access" in said
    assert "remains: ." in said
    assert "user: none" in said
    assert "asked" not in said
