#!/bin/bash -p
# Installs pi-stat as a service, upgrades it in place, or removes it. docs/service.md says more.
[ -n "${BASH_VERSION-}" ] || exec /bin/bash -p "$0" "$@" # run as `sh install.sh`
set -euo pipefail
umask 022

# The folder and the environment in which it is called have no influence on what root runs.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
unset "${!PYTHON@}" LD_PRELOAD LD_LIBRARY_PATH BASH_ENV ENV
unset PIP_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS XDG_CONFIG_HOME
case ${BASH_SOURCE[0]} in */*) HERE=${BASH_SOURCE[0]%/*}/ ;; *) HERE=. ;; esac
HERE=$(CDPATH="" cd "$HERE" && pwd)
cd /
DEST=/opt/pi-stat
LOCK=/root # a folder that only root can open, so nobody else can hold the lock
NEW=$DEST.new # is built while the old one runs
OLD=$DEST.old # is kept until the new one answers
UNIT=/etc/systemd/system/pi-stat.service
OLD_UNIT=$UNIT.old
AVAHI=/etc/avahi/services/pi-stat.service
STATE=/var/lib/pi-stat # the history, which the service itself keeps
COMMAND=/usr/local/bin/pi-stat # a link to the one in $DEST
PARTS=(pi_system_monitor.py pistat templates requirements.txt .env.example pi-stat.service install.sh)
ROOM=50 # MB that the new version takes, at most

usage() {
    cat <<END
Usage: sudo ./install.sh                        install and start pi-stat, or upgrade it; settings are kept
       sudo ./install.sh --uninstall            stop and remove it; settings and history are kept
       sudo ./install.sh --uninstall --purge    remove the settings and the history, too
       ./install.sh --help
END
}

say() { printf '%s\n' "$*"; }
warn() { printf 'install.sh: %s\n' "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

# ----- what it needs

require_root() {
    [ "$(id -u)" = 0 ] || die "needs root: sudo ./install.sh${*:+ $*}"
    [ -d /run/systemd/system ] || die "systemd is not running here; README.md shows how to run pi-stat in the foreground"
    exec 9<"$LOCK"
    flock --nonblock 9 || die "another install.sh is running"
}

require_parts() {
    local part
    for part in "${PARTS[@]}"; do
        [ -e "$HERE/$part" ] || die "$HERE/$part is missing: run this in a complete copy of pi-stat"
    done
}

# A clone in that place may hold its owner's work.
require_no_clone() {
    [ ! -e "$DEST/.git" ] || die "$DEST is a git clone, which would be overwritten: move it to your home folder first"
}

require_python() {
    command -v python3 >/dev/null || die "python3 is missing: sudo apt install python3"
    python3 -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$(python3 --version) is too old: pi-stat needs Python 3.11 or newer, which Debian 12 has"
}

require_room() {
    local free
    [ -d "$(dirname "$DEST")" ] || die "there is no $(dirname "$DEST"): sudo mkdir $(dirname "$DEST")"
    free=$(df --output=avail -m "$(dirname "$DEST")" | tail -n 1)
    [ "$free" -ge "$ROOM" ] || die "$(dirname "$DEST") has ${free// /} MB left, and pi-stat needs $ROOM MB"
}

is_32_bit() { [ "$(getconf LONG_BIT)" = 32 ]; }

# PyPI has no wheels of psutil for 32-bit Arm, nor any at all for that of a Pi 1 or Zero, and compiling takes minutes.
packages() {
    python3 -I -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    if is_32_bit; then
        python3 -I -c 'import psutil' 2>/dev/null || echo python3-psutil
        if [ "$(uname -m)" = armv6l ]; then
            python3 -I -c 'import markupsafe' 2>/dev/null || echo python3-markupsafe
        fi
    fi
}

OFFLINE='NewConnectionError|ConnectTimeout|[Nn]ame resolution|Name or service not known|failure resolving|[Cc]ould not (resolve|connect)|Network is unreachable'

# Run a command that downloads. Without a network, one line says more than all those of pip or apt.
download() {
    local log status=0
    log=$(mktemp)
    "$@" 2>"$log" || status=$?
    if [ "$status" != 0 ] && grep -qE "$OFFLINE" "$log"; then
        warn "cannot download: is this Pi online?"
    else
        cat "$log" >&2
    fi
    rm "$log"
    return "$status"
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null; }

apt_update_and_install() { apt-get update -qq && apt_install "$@"; }

install_packages() {
    local missing
    mapfile -t missing < <(packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    STEP="installing ${missing[*]}"
    command -v apt-get >/dev/null || die "please install ${missing[*]} (or what your system calls them) first"
    say "Installing ${missing[*]} ..."
    # What is known of the packages may be too old, or nothing may be known.
    apt_install "${missing[@]}" 2>/dev/null || download apt_update_and_install "${missing[@]}"
}

# ----- a new version, next to the one that runs

create_user() {
    STEP="creating the user pi-stat"
    if ! getent passwd pi-stat >/dev/null; then
        CREATED=yes
        # `userdel` has left its group if somebody else was in it.
        getent group pi-stat >/dev/null || groupadd --system pi-stat
        useradd --system --gid pi-stat --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin pi-stat
    fi
    # Only members of this group may ask the firmware of a Raspberry Pi.
    if getent group video >/dev/null; then usermod --append --groups video pi-stat; fi
}

copy_program() {
    STEP="copying the program"
    mkdir "$NEW"
    cp -r "${PARTS[@]/#/$HERE/}" "$NEW"
    find "$NEW" -name __pycache__ -prune -exec rm -r {} +
    printf '#!/bin/sh\n[ $# -gt 0 ] || set -- --help\nexec %s/.venv/bin/python %s/pi_system_monitor.py "$@"\n' "$DEST" "$DEST" >"$NEW/pi-stat"
    chmod +x "$NEW/pi-stat"
    chmod -R u=rwX,go=rX "$NEW"
}

# Those in use stay what they are, mode and owner included.
copy_settings() {
    STEP="copying the settings"
    for ENV in "$DEST/.env" "$HERE/.env" "$HERE/.env.example"; do
        if [ -e "$ENV" ]; then break; fi
    done
    # They may hold a token: root writes them, pi-stat reads them, nobody else does.
    if [ "$ENV" != "$DEST/.env" ]; then
        install -m 640 -g pi-stat "$ENV" "$NEW/.env"
        return
    fi
    cp --archive "$ENV" "$NEW/.env"
    if ! as_service test -r "$NEW/.env"; then
        chown root:pi-stat "$NEW/.env"
        chmod 640 "$NEW/.env"
    fi
}

install_requirements() {
    STEP="setting up the virtual environment"
    local options=()
    if is_32_bit; then options+=(--system-site-packages); fi
    say "Setting up the Python packages ..."
    python3 -I -m venv "${options[@]}" "$NEW/.venv"
    STEP="installing the Python packages"
    download "$NEW/.venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile -r "$NEW/requirements.txt"
}

# The service cannot write bytecode, and without it each start takes longer and more memory.
compile() {
    STEP="compiling the program"
    find "$NEW/.venv" -name __pycache__ -prune -exec rm -r {} +
    "$NEW/.venv/bin/python" -I -m compileall -q -f -x '/site-packages/pip/' -s "$NEW" -p "$DEST" "$NEW/pistat" "$NEW/.venv/lib"
    # It is built here and runs there.
    grep -rlIF "$NEW" "$NEW/.venv/bin" "$NEW/.venv/pyvenv.cfg" | xargs -r sed -i "s|$NEW|$DEST|g"
}

as_service() { runuser -u pi-stat -- env -i PATH=/usr/bin:/bin "$@"; }

check_settings() {
    STEP="checking the settings in $ENV"
    local said bad=""
    said=$(as_service "$NEW/.venv/bin/python" "$NEW/pi_system_monitor.py" --check 2>&1 >/dev/null) || bad=yes
    # Their owner knows them by another name.
    if [ -n "$said" ]; then printf '%s\n' "${said//"$NEW/.env"/"$ENV"}" >&2; fi
    [ -z "$bad" ]
}

version_of() { "$1/.venv/bin/python" "$1/pi_system_monitor.py" --version 2>/dev/null || echo "the version before"; }

# ----- the switch

# What is needed for the way back: the unit may have come there by hand, and be run by an owner who starts it himself.
remember() {
    STEP="looking at the service as it is"
    if installed; then WAS=$(version_of "$DEST"); fi
    if [ -e "$UNIT" ]; then cp --archive "$UNIT" "$OLD_UNIT"; fi
    WAS_ENABLED=$(systemctl is-enabled pi-stat.service 2>/dev/null || true)
    WAS_ACTIVE=$(systemctl is-active pi-stat.service || true)
}

put_in_place() {
    STEP="putting the new version in place"
    if [ -e "$DEST" ]; then mv "$DEST" "$OLD"; fi
    SWITCHED=yes
    mv "$NEW" "$DEST"
    install -m 644 "$DEST/pi-stat.service" "$UNIT"
    systemctl daemon-reload
}

# systemd waits until the port answers; then we ask.
start() {
    STEP="starting the service"
    systemctl enable --quiet pi-stat.service
    systemctl restart pi-stat.service
    STEP="asking the service for a first answer"
    ANSWER=$(first_answer)
}

# Where it listens, as it says itself; an address that stands for all is no address to ask.
url() { systemctl show -P StatusText pi-stat.service | grep -o -m 1 'http://[^ ;]*' | sed "s/0\.0\.0\.0/$1/; s/\[::\]/$1/"; }

first_answer() {
    "$DEST/.venv/bin/python" -I - "$(url localhost | head -n 1)health" <<'END'
import sys, urllib.request
ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
try:
    print(ask(sys.argv[1], timeout=10).read().decode().strip())
except (OSError, ValueError) as error:
    sys.exit(f"install.sh: {sys.argv[1]}: {error}")
END
}

# Where Avahi is, browsers of the local network find it by name, if it is there for them.
announce() {
    local where port
    where=$(url localhost | head -n 1)
    port=${where##*:}
    if [ -d "${AVAHI%/*}" ] && [ -e "$HERE/deploy/avahi/pi-stat.service" ]; then
        case $where in
            http://127.* | "http://[::1]:"*) rm -f "$AVAHI" ;;
            *) sed "s|<port>8585<|<port>${port%/}<|" "$HERE/deploy/avahi/pi-stat.service" >"$AVAHI" ;;
        esac
    fi
}

# Makes pi-stat a command; one of that name that is not ours stays.
link_command() {
    if [ -e "$COMMAND" ] && ! ours; then return 1; fi
    mkdir -p "${COMMAND%/*}"
    ln -sfn "$DEST/pi-stat" "$COMMAND"
}

ours() { [ "$(readlink "$COMMAND")" = "$DEST/pi-stat" ]; }

# ----- when something fails

# The journal may not have all of it yet when systemctl returns, hence --sync.
last_words() {
    { journalctl --sync && journalctl -u pi-stat.service -n 8 -o cat --no-pager; } 2>/dev/null | sed 's/^/    /' >&2 || true
}

state() {
    local state
    state=$(systemctl is-active pi-stat.service)
    case $state in
        active) echo running ;;
        inactive) echo stopped ;;
        *) echo "$state" ;;
    esac
}

installed() { [ -e "$DEST/pi_system_monitor.py" ]; }

roll_back() {
    warn "the last lines of its log:"
    last_words
    systemctl stop pi-stat.service
    rm -rf "$DEST"
    # That takes no room on a disk that is full.
    if ! mv "$OLD_UNIT" "$UNIT" 2>/dev/null; then
        clean_up
        remove_unit
        return
    fi
    clean_up
    systemctl daemon-reload
    if [ "$WAS_ENABLED" != enabled ]; then systemctl disable --quiet pi-stat.service; fi
    if [ "$WAS_ACTIVE" != inactive ]; then systemctl restart pi-stat.service; fi
}

# Whatever has failed, the way back is gone to its end, even when nobody is there any more to read of it.
finish() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP PIPE
    set +e
    warn "failed while $STEP"
    if [ -n "$SWITCHED" ]; then roll_back; fi
    clean_up
    if installed && [ -n "$SWITCHED" ]; then
        warn "went back to $(version_of "$DEST"), which is $(state)"
    elif installed; then
        warn "nothing was changed: $(version_of "$DEST") is $(state)"
    else
        if [ -n "$CREATED" ]; then remove_user; fi
        if [ -z "$HISTORY" ]; then rm -rf "$STATE"; fi
        warn "nothing was installed"
    fi
    exit "$status"
}

# What an installation left that was cut off, by a power failure for instance.
clean_up() {
    if [ -e "$OLD" ] && [ ! -e "$DEST" ]; then mv "$OLD" "$DEST" || return; fi
    rm -rf "$OLD" "$NEW" "$OLD_UNIT"
}

# ----- the two things to do

install_all() {
    require_root
    require_parts
    require_no_clone
    require_python
    require_room
    STEP="looking at what is there" CREATED="" SWITCHED="" WAS="" HISTORY=""
    if [ -e "$STATE" ]; then HISTORY=yes; fi
    trap finish EXIT
    trap 'exit 130' INT TERM HUP
    clean_up
    install_packages
    create_user
    copy_program
    copy_settings
    install_requirements
    compile
    check_settings
    remember
    put_in_place
    start
    trap - EXIT INT TERM HUP
    clean_up
    announce || warn "cannot announce it to Avahi"
    link_command || warn "cannot make pi-stat a command: $COMMAND is another program"
    report
}

report() {
    local now
    now=$(version_of "$DEST")
    case $WAS in
        "") say "$now is installed. It runs now and after every boot." ;;
        "$now") say "$now is installed again, and runs." ;;
        *)
            if [ "$(printf '%s\n%s' "$WAS" "$now" | sort -V | tail -n 1)" = "$now" ]; then
                say "Upgraded ${WAS#pi-stat } to ${now#pi-stat }."
            else
                say "Went back from ${WAS#pi-stat } to ${now#pi-stat }."
            fi
            ;;
    esac
    say "$ANSWER"
    systemctl show -P ExecStart pi-stat.service | grep -qF "$DEST/" ||
        warn "but the service runs another program, because of what \`systemctl edit\` has added: see systemctl cat pi-stat"
    say "Settings: $DEST/.env, then sudo systemctl restart pi-stat. Log: journalctl -u pi-stat"
    report_address
}

# By name and by address, if others can reach it; and how to keep them out, if they are not kept out.
report_address() {
    local where address
    where=$(url "$(hostname -s).local" | head -n 1)
    address=$(hostname -I | tr ' ' '\n' | grep -m 1 -F . || true)
    case $where in
        http://127.* | "http://[::1]:"*)
            say "Open $where on this machine; others cannot reach it."
            return
            ;;
        http://*.local:*) say "Open $where${address:+ or $(url "$address" | head -n 1)}" ;;
        *) say "Open $where" ;;
    esac
    if grep -qE '^(export )?PISTAT_API_TOKEN=.' "$DEST/.env"; then return; fi
    say "Anyone on the network can read it. To require a token:"
    say "    echo \"PISTAT_API_TOKEN=\$(openssl rand -hex 24)\" | sudo tee -a $DEST/.env && sudo systemctl restart pi-stat"
}

remove_unit() {
    systemctl disable --quiet --now pi-stat.service 2>/dev/null || true
    rm -f "$UNIT"
    systemctl daemon-reload
    systemctl reset-failed pi-stat.service 2>/dev/null || true
}

remove_user() {
    if getent passwd pi-stat >/dev/null; then userdel pi-stat; fi
    # It stays where somebody else is in it.
    if getent group pi-stat >/dev/null; then groupdel pi-stat; fi
}

# systemd gives it to the next user of that name again.
keep_history() {
    if [ -e "$STATE" ]; then
        chown -R root:root "$STATE"
        say "The history is still in $STATE; --uninstall --purge removes it, too."
    fi
}

# Without its user the settings are for root alone: another group may get the number of this one.
keep_settings() {
    find "$DEST" -mindepth 1 -maxdepth 1 ! -name .env -exec rm -r {} +
    if [ -e "$DEST/.env" ]; then
        chown root:root "$DEST/.env"
        chmod 600 "$DEST/.env"
        say "Your settings are still in $DEST/.env; --uninstall --purge removes them, too."
    fi
    rmdir --ignore-fail-on-non-empty "$DEST"
}

uninstall() {
    local purge=$1 was=""
    require_root --uninstall ${purge:+--purge}
    require_no_clone
    if [ -e "$UNIT" ] || installed || [ -e "${purge:+$DEST}" ] || [ -e "${purge:+$STATE}" ] || getent passwd pi-stat >/dev/null; then was=yes; fi
    remove_unit
    if ours; then rm "$COMMAND"; fi
    rm -rf "$AVAHI" "$NEW" "$OLD" "$OLD_UNIT"
    if [ -n "$purge" ]; then
        rm -rf "$DEST" "$STATE"
        # What `systemctl edit` and `systemctl set-property` have added.
        systemctl revert pi-stat.service >/dev/null 2>&1
        systemctl daemon-reload
    else
        if [ -e "$DEST" ]; then keep_settings; fi
        keep_history
    fi
    remove_user
    if [ -n "$was" ]; then say "pi-stat is removed."; else say "pi-stat is not installed; nothing was removed."; fi
}

main() {
    case "$*" in
        "") install_all ;;
        --uninstall) uninstall "" ;;
        "--uninstall --purge" | "--purge --uninstall") uninstall purge ;;
        -h | --help) usage ;;
        *)
            warn "\"$*\" is not an option; expected one of these:"
            usage >&2
            exit 2
            ;;
    esac
}

main "$@"
