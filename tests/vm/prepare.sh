#!/usr/bin/env bash
# In the virtual machine, before check.py: mount what is plugged in, let two simulated radios meet, start the service.
set -eu
cd /job
install -m 755 vcgencmd /usr/bin/vcgencmd
for each in usb sd nvme; do
    mkdir -p "/mnt/$each"
    for _ in $(seq 60); do
        [ -e "/dev/disk/by-label/$each" ] && break
        sleep 1
    done
    mount "LABEL=$each" "/mnt/$each"
done

modprobe thermal 2>/dev/null || true
insmod vcio.ko
modprobe mac80211_hwsim radios=2
printf 'interface=wlan0\nssid=lab\nchannel=6\nhw_mode=g\n' >/run/hostapd.conf
printf 'network={\n ssid="lab"\n key_mgmt=NONE\n}\n' >/run/wpa.conf
udevadm settle
rfkill unblock all 2>/dev/null || true
hostapd -B /run/hostapd.conf >/dev/null
ip link set wlan1 up
wpa_supplicant -B -i wlan1 -c /run/wpa.conf >/dev/null
for _ in $(seq 30); do
    iw dev wlan1 link | grep -q signal && break
    sleep 1
done
ip address add 10.20.30.40/24 dev wlan1

# What the service knows a Raspberry Pi by, where there is no device tree.
(cat /proc/cpuinfo && printf 'Revision\t: d03114\nSerial\t\t: 10000000abcdef01\n' &&
    printf 'Model\t\t: Raspberry Pi 4 Model B Rev 1.4\n') >/run/cpuinfo

useradd --system --no-create-home --shell /usr/sbin/nologin --groups video pi-stat
cp -r pi-stat /opt/pi-stat
python3 -m venv --without-pip /opt/pi-stat/.venv
cp -r packages/. /opt/pi-stat/.venv/lib/python3.11/site-packages/
python3 -m compileall -q /opt/pi-stat
cp /opt/pi-stat/pi-stat.service /etc/systemd/system/
mkdir -p /etc/systemd/system/pi-stat.service.d
printf '[Service]\nEnvironment=PISTAT_RATE_LIMIT_ENABLED=no\nBindReadOnlyPaths=/run/cpuinfo:/proc/cpuinfo\n' \
    >/etc/systemd/system/pi-stat.service.d/vm.conf
systemctl daemon-reload
systemctl start pi-stat
