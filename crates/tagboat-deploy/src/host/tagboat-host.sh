#!/bin/sh
# The one program that Tagboat runs on a host. `tagboat host prepare` puts it at /usr/local/lib/tagboat/host,
# owned by root; the deploying user's sudo names this file and nothing else. It acts only on applications that
# are declared in /etc/tagboat/apps, and installs only from the repository whose key is pinned there.
# POSIX sh and Debian's own tools; bash where a connection is opened.
#
# Usage: host VERB [ARGUMENT…]. Exit status: 0 done, 64 usage, 65 bad input, 69 a phase failed,
# 73 fenced (another deployment has taken over), 75 busy.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
export PATH LC_ALL
unset IFS CDPATH ENV

etc=/etc/tagboat
var=/var/lib/tagboat
run=/run/tagboat
log=/var/log/tagboat
repository=$var/apt

die() { # STATUS MESSAGE
    status=$1
    shift
    printf 'tagboat-host: %s\n' "$*" >&2
    exit "$status"
}

# Every word that comes in is checked here once, against an allow-list, before it is used anywhere.
check_app() {
    case $1 in
    '' | *[!a-z0-9+.-]* | [!a-z0-9]*) die 64 "not a package name: $1" ;;
    esac
    [ -f "$etc/apps/$1" ] || die 64 "the application $1 is not declared here; run \`tagboat host prepare\`"
}
check_number() {
    case $1 in '' | *[!0-9]*) die 64 "not a number: $1" ;; esac
    [ "${#1}" -le 18 ] || die 64 "not a number: $1"
}
check_deployment() {
    case $1 in
    deploy-*[!a-z0-9-]* | *[!a-z0-9-]*) die 64 "not a deployment: $1" ;;
    deploy-*) ;;
    *) die 64 "not a deployment: $1" ;;
    esac
}
check_version() {
    case $1 in '' | *[!A-Za-z0-9.+~:-]* | [!0-9]*) die 64 "not a version: $1" ;; esac
}
check_path() {
    case $1 in /*[!A-Za-z0-9._~/?=\&%+-]* | [!/]* | '') die 64 "not a path: $1" ;; /*) ;; esac
}

# A declared value of an application: `unit=api.service`.
declared() { # APP KEY
    sed -n "s/^$2=//p" "$etc/apps/$1"
}

# The newest claim: the ledger's sequence before the deployment, the deployment's id, and its environment; `-` for
# what is not known: claims from before named no environment.
fence_of() { # APP
    if [ -f "$var/apps/$1/fence" ]; then
        read -r sequence deployment environment <"$var/apps/$1/fence"
        echo "$sequence $deployment ${environment:--}"
    else
        echo '- - -'
    fi
}

write_file() { # FILE, content on standard input; appears by rename
    temporary=$(mktemp "$1.XXXXXX")
    cat >"$temporary"
    chmod 0644 "$temporary"
    sync -d "$temporary"
    mv -f "$temporary" "$1"
    sync "${1%/*}"
}

# A phase runs as this unit; systemd refuses a second one of the same name, so at most one runs.
phase_unit() { echo "tagboat-$1.service"; }

verb_facts() { # APP
    check_app "$1"
    printf 'installed %s\n' "$(dpkg_says "$1")"
    printf 'fence %s\n' "$(fence_of "$1")"
    printf 'phase %s\n' "$(systemctl show --property=ActiveState --value "$(phase_unit "$1")")"
    printf 'unit %s\n' "$(systemctl show --property=ActiveState --value "$(declared "$1" unit)")"
    printf 'digest %s\n' "$(verb_digest)"
}

# Takes the application's turn on this host and keeps it until standard input ends: when the deployer lets go,
# dies, or, by sshd's ClientAliveInterval, can no longer be reached. A kernel lock: nothing to unlock by hand.
verb_hold() { # APP PATIENCE DEPLOYMENT WHO
    check_app "$1"
    check_number "$2"
    check_deployment "$3"
    case $4 in '' | *[!A-Za-z0-9@._+-]*) die 64 "not a name: $4" ;; esac
    mkdir -p "$run"
    exec 9>>"$run/$1.lock"
    if ! flock --wait "$2" 9; then
        echo "busy $(cat "$run/$1.holder" 2>/dev/null || echo '- -')"
        exit 75
    fi
    echo "$3 $4" >"$run/$1.holder"
    echo held
    cat >/dev/null
}

# Says that from now on this deployment changes the host. An older one that wakes up is refused from here on.
verb_claim() { # APP SEQUENCE DEPLOYMENT ENVIRONMENT
    check_app "$1"
    check_number "$2"
    check_deployment "$3"
    case $4 in '' | *[!a-z0-9-]*) die 64 "not an environment: $4" ;; esac
    # A deployer that was cut off does not know that its turn ended, and that another's began.
    [ "$(cut -d' ' -f1 "$run/$1.holder" 2>/dev/null)" = "$3" ] ||
        die 73 "the turn was lost; it went to: $(cat "$run/$1.holder" 2>/dev/null || echo nobody)"
    mkdir -p "$var/apps/$1"
    # shellcheck disable=SC2046 # three words are wanted
    set -- "$@" $(fence_of "$1")
    if [ "$5" = - ]; then
        :
    elif [ "$7" != - ] && [ "$7" != "$4" ]; then
        # Another environment's ledger counts for itself. What it left here, if anything, is its own.
        case $(dpkg_says "$1") in
        'not-installed '* | 'config-files '*) ;;
        *) die 73 "$1 is here for the environment $7" ;;
        esac
    elif [ "$5" -gt "$2" ]; then
        die 73 "this host has accepted record $5 of the ledger; record $2 is older"
    fi
    echo "$2 $3 $4" | write_file "$var/apps/$1/fence"
}

check_fence() { # APP SEQUENCE DEPLOYMENT
    case $(fence_of "$1") in
    "$2 $3 "*) ;;
    *) die 73 "another deployment has taken over: $(fence_of "$1")" ;;
    esac
}

# The ledger took the deployment's record: whoever knows less than that is refused from here on.
verb_settle() { # APP SEQUENCE DEPLOYMENT NEW-SEQUENCE
    check_app "$1"
    check_number "$2"
    check_deployment "$3"
    check_number "$4"
    check_fence "$1" "$2" "$3"
    # shellcheck disable=SC2046 # three words are wanted
    set -- "$@" $(fence_of "$1")
    echo "$4 $6 $7" | write_file "$var/apps/$1/fence"
}

# What the host's repository has: size and name of each file.
verb_holdings() {
    mkdir -p "$repository"
    find "$repository" -type f -printf '%s %P\n'
}

# Takes files of the repository as a tar archive: packages first, InRelease last, each by rename, so apt never
# sees an index without its files. apt verifies their signature and hashes, not this.
verb_receive() {
    mkdir -p "$repository"
    # Beside it, on the same file system: nobody who looks into the repository sees what is not whole.
    # What is left of one that was cut off goes after a day; others come and go meanwhile.
    find "$var" -maxdepth 1 -name '.incoming.*' -mmin +1440 -exec rm -rf {} + || true
    incoming=$(mktemp -d "$var/.incoming.XXXXXX")
    trap 'rm -rf "$incoming"' EXIT
    tar --extract --file=- --directory="$incoming" --no-same-owner --no-same-permissions --keep-old-files
    if [ -n "$(find "$incoming" ! -type f ! -type d -print -quit)" ]; then
        die 65 "the archive holds something that is neither file nor folder"
    fi
    # Names go line by line below: one with a newline in it would be read as two, and lead elsewhere.
    if [ -n "$(find "$incoming" -mindepth 1 -name '*[!A-Za-z0-9.+~:_-]*' -print -quit)" ]; then
        die 65 "the archive holds a name that no repository has"
    fi
    find "$incoming" -type d -exec chmod 0755 {} + -o -type f -exec chmod 0644 {} +
    find "$incoming" -type f -exec sync -d {} +
    (
        cd "$incoming"
        find pool -type f -print 2>/dev/null
        find dists -type f ! -name InRelease -print 2>/dev/null
        find dists -type f -name InRelease -print 2>/dev/null
    ) | while IFS= read -r file; do
        [ -d "$repository/${file%/*}" ] || mkdir -p "$repository/${file%/*}"
        mv -f "$incoming/$file" "$repository/$file"
    done
    sync --file-system "$repository"
}

# Runs a phase as a unit of its own and waits for it: a cut connection ends the waiting, not the phase.
start_phase() { # APP DEPLOYMENT PHASE-VERB ARGUMENT…
    app=$1
    deployment=$2
    shift 2
    mkdir -p "$log"
    unit=$(phase_unit "$app")
    # A phase that was asked for over a connection that is gone by now may be about to begin.
    mkdir -p "$run"
    exec 8>>"$run/$app.phase"
    flock --wait 900 8 || die 75 "a phase still begins"
    join_phase "$app"
    systemctl reset-failed "$unit" 2>/dev/null || true
    file=$log/$deployment.log
    touch "$file"
    from=$(($(wc -c <"$file") + 1))
    status=0
    said=$(systemd-run --quiet --unit="$unit" --description="tagboat $1 of $app by $deployment" \
        --property=Type=oneshot --property="StandardOutput=append:$file" --property="StandardError=append:$file" \
        --property=KillMode=mixed --property=TimeoutStartSec=900 \
        "$0" "$@" </dev/null 2>&1) || status=$?
    tail -c "+$from" "$file"
    [ "$status" -eq 0 ] || {
        [ "$(wc -c <"$file")" -ge "$from" ] || die 69 "the phase did not begin: $said"
        systemctl reset-failed "$unit" 2>/dev/null || true
        if tail -c "+$from" "$file" | grep -q '^tagboat-host: another deployment has taken over'; then
            exit 73
        fi
        die 69 "the phase failed; its whole log is $file"
    }
}

# Waits for a phase that an earlier connection left running.
join_phase() { # APP
    unit=$(phase_unit "$1")
    waited=0
    while :; do
        case $(systemctl show --property=ActiveState --value "$unit") in
        active | activating | deactivating | reloading) ;;
        *) return 0 ;;
        esac
        [ "$waited" -lt 900 ] || die 75 "a phase still runs after $waited s: $unit"
        sleep 1
        waited=$((waited + 1))
    done
}

verb_join() { # APP
    check_app "$1"
    join_phase "$1"
}

verb_install() { # APP VERSION SEQUENCE DEPLOYMENT
    check_app "$1"
    check_version "$2"
    check_number "$3"
    check_deployment "$4"
    check_fence "$1" "$3" "$4"
    start_phase "$1" "$4" phase-install "$1" "$2" "$3" "$4"
}

verb_remove() { # APP SEQUENCE DEPLOYMENT
    check_app "$1"
    check_number "$2"
    check_deployment "$3"
    check_fence "$1" "$2" "$3"
    start_phase "$1" "$3" phase-remove "$1" "$2" "$3"
}

# apt that never asks and never waits for ever (apt-get(8), dpkg(1), needrestart(1)).
quiet_apt() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1 \
        apt-get --yes --option=DPkg::Lock::Timeout=300 --option=Dpkg::Use-Pty=0 \
        --option=Dpkg::Options::=--force-confold --option=Dpkg::Options::=--force-confdef "$@" </dev/null
}

# Runs a command again and again as long as it fails because another one, for another application or the
# system's own, holds a lock of apt or dpkg: DPkg::Lock::Timeout waits for dpkg's lock only, and only in apt-get.
when_unlocked() { # COMMAND…
    waited=0
    while :; do
        status=0
        said=$("$@" 2>&1) || status=$?
        case $status/$said in
        0/*) break ;;
        */*[Cc]"ould not get lock"* | */*"lock was locked by another process"*)
            [ "$waited" -lt 300 ] || break
            sleep 1
            waited=$((waited + 1))
            ;;
        *) break ;;
        esac
    done
    printf '%s\n' "$said"
    return "$status"
}

# Finishes what a power cut left half done; of any package, for apt does nothing before. Whether ours is whole
# is looked at in the end.
mend_dpkg() {
    DEBIAN_FRONTEND=noninteractive when_unlocked \
        dpkg --force-confold --force-confdef --configure --pending </dev/null || true
}

# Phases of different applications take turns: apt builds its caches without a lock that waits.
one_apt_at_a_time() {
    exec 7>>"$run/apt.lock"
    flock --wait 600 7 || die 75 "another application's phase still runs"
}

# dpkg's word on a package: `installed 1.2.0`.
dpkg_says() { # PACKAGE
    dpkg-query --show --showformat='${db:Status-Status} ${Version}' "$1" 2>/dev/null || echo 'not-installed -'
}

# When dpkg last wrote down a package's files, which it does when it unpacks them.
unpacked_at() { # PACKAGE
    find /var/lib/dpkg/info -maxdepth 1 \( -name "$1.list" -o -name "$1:*.list" \) -printf '%T@ '
}

verb_phase_install() { # APP VERSION SEQUENCE DEPLOYMENT
    check_fence "$1" "$3" "$4"
    one_apt_at_a_time
    mend_dpkg
    when_unlocked quiet_apt update --option=Dir::Etc::sourcelist=/dev/null --option=Dir::Etc::sourceparts="$etc/apt.d" \
        --option=APT::Get::List-Cleanup=0 --error-on=any
    check_fence "$1" "$3" "$4"
    # The same version again is a repair: its files are put back and its service begins anew.
    again=
    [ "$(dpkg_says "$1")" != "installed $2" ] || again=--reinstall
    before=$(unpacked_at "$1")
    # apt also fails for a neighbour that it could not configure. What became of ours counts, and its health.
    # shellcheck disable=SC2086 # no word, or one
    quiet_apt install --no-install-recommends --allow-downgrades --allow-change-held-packages $again "$1=$2" || true
    found=$(dpkg_says "$1")
    [ "$found" = "installed $2" ] || die 69 "after the installation dpkg says: $found"
    [ -z "$again" ] || [ "$(unpacked_at "$1")" != "$before" ] || die 69 "the files of $1 were not put back"
}

verb_phase_remove() { # APP SEQUENCE DEPLOYMENT
    check_fence "$1" "$2" "$3"
    one_apt_at_a_time
    mend_dpkg
    case $(dpkg_says "$1") in 'not-installed '*) return 0 ;; esac
    # Not by apt, which removes nothing while a neighbour cannot be configured. What was cut off in the middle of its
    # unpacking goes as well (dpkg(1), `remove-reinstreq`). As above: what became of ours counts.
    DEBIAN_FRONTEND=noninteractive when_unlocked \
        dpkg --force-remove-reinstreq --purge "$1" </dev/null || true
    found=$(dpkg_says "$1")
    case $found in 'not-installed '*) ;; *) die 69 "after the removal dpkg says: $found" ;; esac
}

# One question to a service on this host's loopback, as HTTP/1.0; the raw answer goes out, 80 KiB at most.
verb_probe() { # PORT PATH SECONDS
    check_number "$1"
    check_path "$2"
    check_number "$3"
    # shellcheck disable=SC2016 # bash expands it, from its own arguments
    exec timeout --kill-after=1 "$3" bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 7
        # Not the builtin: it writes line by line, and dies if the answer comes before its last line is out.
        /usr/bin/printf "GET %s HTTP/1.0\r\nHost: localhost\r\nUser-Agent: tagboat\r\nAccept: application/json\r\n\r\n" "$2" >&3
        head -c 81920 <&3
    ' tagboat-probe "$1" "$2"
}

# What a person wants to see when a service is sick.
verb_journal() { # APP LINES
    check_app "$1"
    check_number "$2"
    exec journalctl --no-pager --quiet --output=cat --lines="$2" --unit="$(declared "$1" unit)"
}

verb_follow() { # APP LINES
    check_app "$1"
    check_number "$2"
    exec journalctl --no-pager --quiet --follow --output=short-iso --lines="$2" --unit="$(declared "$1" unit)"
}

verb_digest() {
    sha256sum "$0" | cut -d' ' -f1
}

[ "$#" -ge 1 ] || die 64 "no verb"
verb=$1
shift
case $verb/$# in
facts/1 | hold/4 | claim/4 | settle/4 | holdings/0 | receive/0 | join/1 | install/4 | remove/3 | probe/3 | \
    journal/2 | follow/2 | digest/0) "verb_$verb" "$@" ;;
phase-install/4) verb_phase_install "$@" ;;
phase-remove/3) verb_phase_remove "$@" ;;
*) die 64 "unknown verb, or a wrong number of arguments: $verb with $#" ;;
esac
