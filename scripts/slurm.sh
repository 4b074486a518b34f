#!/usr/bin/env bash
# A Slurm cluster on this machine, for tests: munged, slurmctld and a slurmd for each node, on loopback,
# without systemd. Root installs Debian's packages.
#
#   scripts/slurm.sh install              installs what is missing
#   scripts/slurm.sh up DIR               the same, and starts missing daemons; prints SLURM_CONF=…
#   scripts/slurm.sh down DIR             stops all daemons and jobs; keeps DIR
#   scripts/slurm.sh kill DIR slurmctld   SIGKILL to the controller alone
#   scripts/slurm.sh kill DIR slurmd-n1   SIGKILL to a node's daemon alone; its jobs keep running
#   scripts/slurm.sh cut DIR n1           a power failure: kills a node's daemon and jobs at once
#
# `up` restarts what was killed. Each node has a mount and a UTS namespace with its own machine id and
# boot id, so that nodes look like different machines. Each has mock GPUs, character devices that are
# never opened: with ordinary files Slurm would not set CUDA_VISIBLE_DEVICES.
# Settings: SLURM_NODES (2), SLURM_CPUS and SLURM_GPUS of each node (2, 2), SLURM_EXTRA (more lines for
# slurm.conf).
set -u -o pipefail
export PATH="$PATH:/usr/sbin:/sbin"
nodes=${SLURM_NODES:-2} cpus=${SLURM_CPUS:-2} gpus=${SLURM_GPUS:-2}

die() { echo "slurm.sh: $*" >&2; exit 1; }

install() {
    local missing=() program
    for program in munged slurmctld slurmd sbatch; do
        command -v $program >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} = 0 ] && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "not installed: ${missing[*]}"
    # The packages' own services must not start.
    local policy=/usr/sbin/policy-rc.d ours=
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && ours=1; }
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        munge slurmctld slurmd slurm-client >&2
    local status=$?
    [ -z "$ours" ] || rm -f $policy
    [ $status = 0 ] || die "apt-get install failed (are the package lists there? apt-get update)"
}

# Recorded as "PID START", so that another process with the same id is not mistaken for it.
start_of() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    set -- $stat
    case $1 in Z | X) return 1 ;; esac
    echo "${20}"
}
lives() {
    local pid start
    read -r pid start 2>/dev/null <"$dir/run/$1" && [ "$(start_of "$pid")" = "$start" ]
}
launch() { # NAME COMMAND...
    local name=$1
    shift
    setsid "$@" </dev/null >>"$dir/log/$name" 2>&1 9>&- &
    echo "$! $(start_of $!)" >"$dir/run/$name"
    disown $!
}
end() { # SIGNAL NAME
    local pid start i
    lives "$2" || return 0
    read -r pid start <"$dir/run/$2"
    kill "-$1" "$pid" 2>/dev/null
    for ((i = 0; i < 200; i++)); do
        lives "$2" || return 0
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null
}
# The job keepers of a node, or of all: each holds its slurmd's log open.
keepers() { # [NODE]
    local process comm file
    for process in /proc/[0-9]*; do
        read -r comm 2>/dev/null <"$process/comm" && [ "$comm" = slurmstepd ] || continue
        for file in "$process"/fd/*; do
            case $(readlink "$file" 2>/dev/null) in "$dir/log/slurmd-"${1:-*}.log)
                echo "${process#/proc/}"
                break
                ;;
            esac
        done
    done
}
kill_trees() { # PID...
    local -A children=()
    local process stat pid fields
    for process in /proc/[0-9]*; do
        stat=$(cat "$process/stat" 2>/dev/null) || continue
        stat=${stat##*) }
        fields=($stat)
        children[${fields[1]}]+=" ${process#/proc/}"
    done
    while [ $# -gt 0 ]; do
        pid=$1
        shift
        set -- "$@" ${children[$pid]:-}
        kill -KILL "$pid" 2>/dev/null
    done
}

configure() {
    mkdir -p "$dir"/{run,log,state,spool,munge,devices}
    chmod 755 "$dir" "$dir"/{run,log,state,spool,munge,devices}
    local key="$dir/munge/key" port n i
    [ -s "$key" ] || (umask 077 && head -c 128 /dev/urandom >"$key")
    if [ ! -s "$dir/ports" ]; then
        for ((n = 0; n <= nodes; n++)); do
            until port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000)) &&
                ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
            echo $port
        done >"$dir/ports"
    fi
    mapfile -t ports <"$dir/ports"
    {
        cat <<CONF
ClusterName=$(basename "$dir" | tr -dc 'a-z0-9')
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
ReturnToService=2
SlurmdTimeout=30
KillWait=5
GresTypes=gpu
CONF
        for ((n = 1; n <= nodes; n++)); do
            echo "NodeName=n$n NodeHostname=localhost NodeAddr=127.0.0.1 Port=${ports[n]} CPUs=$cpus" \
                "RealMemory=1000 Gres=gpu:$gpus State=UNKNOWN"
        done
        echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime=5"
        echo "PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF"
        [ -z "${SLURM_EXTRA:-}" ] || printf '%s\n' "$SLURM_EXTRA"
    } >"$dir/slurm.conf"
    echo "AutoDetect=off" >"$dir/gres.conf"
    for ((i = 0; i < gpus; i++)); do
        [ -c "$dir/devices/gpu$i" ] || mknod -m 666 "$dir/devices/gpu$i" c 1 3 ||
            die "only root can create mock GPUs"
        echo "Name=gpu File=$dir/devices/gpu$i" >>"$dir/gres.conf"
    done
    printf 'CgroupAutomount=no\nConstrainCores=no\n' >"$dir/cgroup.conf"
    : >"$dir/plugstack.conf"
}

node() { # NAME: the node's daemon, on a machine of its own as far as its jobs can tell
    local made="$dir/spool/$1"
    mkdir -p "$made"
    tr -d - </proc/sys/kernel/random/uuid >"$made/machine-id"
    cat /proc/sys/kernel/random/uuid >"$made/boot_id"
    echo "127.0.0.1 localhost $1" >"$made/hosts"
    launch "slurmd-$1" unshare --mount --uts sh -c '
        hostname "$1"
        [ ! -e /etc/machine-id ] || mount --bind "$2/machine-id" /etc/machine-id
        mount --bind "$2/hosts" /etc/hosts
        mount --bind "$2/boot_id" /proc/sys/kernel/random/boot_id
        exec slurmd -D -N "$1"' sh "$1" "$made"
}

up() {
    local n i ready
    install
    configure
    if ! lives munged; then
        rm -f "$dir"/munge/socket*
        launch munged munged --foreground --force --num-threads=2 --key-file="$dir/munge/key" \
            --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
            --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed"
        for ((i = 0; i < 200; i++)); do
            [ -S "$dir/munge/socket" ] && break
            sleep 0.05
        done
    fi
    lives slurmctld || launch slurmctld slurmctld -D
    for ((n = 1; n <= nodes; n++)); do
        lives "slurmd-n$n" || node "n$n"
    done
    for ((i = 0; i < 240; i++)); do
        # A state with a mark, `idle*`, does not count: the node does not answer yet.
        ready=$(sinfo -h -N -o '%N %T' 2>/dev/null | sort -u |
            grep -cE ' (idle|mixed|allocated|completing)$')
        if [ "$ready" = "$nodes" ]; then
            echo "SLURM_CONF=$dir/slurm.conf"
            return
        fi
        sleep 0.25
    done
    tail -n 5 "$dir"/log/* >&2
    die "the nodes did not come up"
}

down() {
    local name
    # The controller first, by SIGKILL: it would wait for the others' answers.
    end KILL slurmctld
    for name in "$dir"/run/slurmd-*; do
        case $name in *.pid) ;; *) end KILL "$(basename "$name")" ;; esac
    done
    kill_trees $(keepers)
    end TERM munged
    rm -f "$dir"/run/*
}

[ "${1:-}" = install ] && { install; exit; }
[ $# -ge 2 ] || die "usage: slurm.sh install | up|down|kill|cut DIR [WHAT]"
mkdir -p "$2" && dir=$(cd "$2" && pwd -P) || die "cannot use $2"
export SLURM_CONF="$dir/slurm.conf"
mkdir -p "$dir/run"
exec 9>"$dir/lock"
flock 9
case $1 in
up) up ;;
down) down ;;
kill) end KILL "$3" ;;
cut)
    read -r daemon _ <"$dir/run/slurmd-$3"
    kill_trees "$daemon" $(keepers "$3")
    ;;
*) die "no such command: $1" ;;
esac
