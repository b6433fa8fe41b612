# shellcheck shell=bash
# The brokers as plain processes: what must be installed, and which function of
# rabbitmq.sh or kafka.sh does the work.

native_start() {
	if native_alive "$1"; then
		return # still starting, from a call that was interrupted
	fi
	"$1_install"
	cd / # RabbitMQ cannot change its plugins once the folder that it was started in is gone
	"$1_start"
}

native_stop() {
	if native_alive "$1"; then
		"$1_stop"
		gone "$1" 60 || native_kill "$1"
	elif answers "$1"; then
		die "$1 was not started by this script, so it is not stopped by it"
	fi
}

native_kill() {
	native_alive "$1" || die "$1 does not run, or was not started by this script"
	kill -9 "$(pid "$1")"
	gone "$1" 10 || die "$1 survived kill -9"
}

native_tail() { tail -n 40 "$STATE/$1.log" || true; }
native_ctl() { rabbitmq_ctl "$@"; }
native_plugin() { rabbitmq_plugin "$1"; }
native_wipe() { rm -rf "$STATE/rabbitmq" "$STATE/kafka"; }

# rotate_log keeps the log of the run before: after a kill it is the evidence.
rotate_log() {
	if [[ -f $STATE/$1.log ]]; then
		mv -f "$STATE/$1.log" "$STATE/$1.log.1"
	fi
}

pid() { cat "$STATE/$1.pid" 2>/dev/null; }

# native_alive asks for our process, not for any process: after a reboot or a
# kill -9 the pid may belong to someone else.
native_alive() {
	local id
	id=$(pid "$1") || return
	[[ $(tr '\0' ' ' 2>/dev/null <"/proc/$id/cmdline") == *"$STATE"* ||
		$(tr '\0' ' ' 2>/dev/null <"/proc/$id/environ") == *"HOME=$STATE/"* ]] # RabbitMQ's shell, before it is Erlang
}

# gone waits for the process to end, and says whether it did.
gone() {
	local until=$((SECONDS + $2))
	while native_alive "$1"; do
		((SECONDS < until)) || return 1
		sleep 0.1
	done
	rm -f "$STATE/$1.pid"
}

# apt installs packages, or says what a person has to do.
apt_install() {
	local as=()
	if ! command -v apt-get >/dev/null; then
		die "no docker engine answers and this is not Debian or Ubuntu: start Docker, or run RabbitMQ on 127.0.0.1:5672 and Kafka on 127.0.0.1:9092 yourself"
	fi
	if ((EUID != 0)); then
		command -v sudo >/dev/null || die "as root, run: apt-get install $*"
		as=(sudo)
	fi
	say "installing $*"
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	"${as[@]}" apt-get update -qq >"$STATE/apt.log" 2>&1 9>&- || true
	"${as[@]}" apt-get install -y -qq --no-install-recommends "$@" >>"$STATE/apt.log" 2>&1 9>&- || {
		tail -n 20 "$STATE/apt.log" >&2
		die "apt-get install $* failed"
	}
}
