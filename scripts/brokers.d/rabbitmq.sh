# shellcheck shell=bash
# RabbitMQ as a node of our own: own name, data, cookie and epmd, so that a
# node of the system is neither needed nor disturbed.

rabbitmq_bin() { echo /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin; }

rabbitmq_install() {
	[[ -x $(rabbitmq_bin)/rabbitmq-server ]] && return
	apt_install rabbitmq-server
	# The package starts a system node where an init runs; it would own the port.
	service rabbitmq-server stop >/dev/null 2>&1 9>&- || true
}

# rabbitmq_env sets RABBITMQ to the command that runs a tool of RabbitMQ with
# the environment of our node, past Debian's wrapper, which insists on root.
# RUNNING_UNDER_SYSTEMD makes the server's script become the Erlang process
# instead of its parent, so that our pid is the one to kill. The unknown flag
# -bridge marks the process as ours.
rabbitmq_env() {
	local home=$STATE/rabbitmq tool=$1
	shift
	mkdir -p "$home"
	RABBITMQ=(env
		HOME="$home"
		ERL_EPMD_ADDRESS=127.0.0.1
		ERL_EPMD_PORT=4379
		RABBITMQ_CONF_ENV_FILE="$home/none"
		RABBITMQ_CONFIG_FILE="$PARTS/rabbitmq.conf"
		RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins"
		RABBITMQ_LOG_BASE="$home/log"
		RABBITMQ_MNESIA_BASE="$home/data"
		RABBITMQ_NODENAME=bridge@localhost
		RABBITMQ_PID_FILE="$home/pid"
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} -bridge $STATE"
		RUNNING_UNDER_SYSTEMD=1
		"$(rabbitmq_bin)/$tool" "$@")
}

rabbitmq_start() {
	rotate_log rabbitmq
	rabbitmq_env rabbitmq-server
	setsid "${RABBITMQ[@]}" >>"$STATE/rabbitmq.log" 2>&1 9>&- </dev/null &
	echo $! >"$STATE/rabbitmq.pid"
}

# rabbitmq_stop also ends our epmd, unless another node still uses it.
rabbitmq_stop() {
	kill "$(pid rabbitmq)"
	gone rabbitmq 60 || return 0
	ERL_EPMD_PORT=4379 epmd -kill >/dev/null 2>&1 || true
}

rabbitmq_ctl() {
	rabbitmq_env rabbitmqctl "$@"
	"${RABBITMQ[@]}" 9>&-
}

# A plugin that is enabled on a node that runs is started in it, and with it.
rabbitmq_plugin() {
	rabbitmq_env rabbitmq-plugins -q enable --online "$1"
	"${RABBITMQ[@]}" 9>&-
}
