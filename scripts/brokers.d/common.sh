# shellcheck shell=bash
# What every part needs: words to the person, the lock, does a broker answer.

say() { printf 'brokers: %s\n' "$*"; }

die() {
	printf 'brokers: %s\n' "$*" >&2
	exit 1
}

port() {
	case $1 in
	rabbitmq) echo 5672 ;;
	kafka) echo 9092 ;;
	esac
}

# mode is where the brokers run. It is looked up once per call of the script;
# `native` functions and `docker` functions carry it as a prefix.
mode() {
	if [[ -z ${MODE:-} ]]; then
		MODE=${BRIDGE_BROKERS_MODE:-$(docker_runs && echo docker || echo native)}
	fi
	case $MODE in
	docker | native) echo "$MODE" ;;
	*) die "BRIDGE_BROKERS_MODE is '$MODE'; it may be docker or native" ;;
	esac
}

# one_at_a_time lets two test processes call `up`, or `plugin`, together. Descriptor 9 is the
# lock; daemons are started with 9>&-, or they would hold it for ever.
one_at_a_time() {
	mkdir -p "$STATE"
	command -v flock >/dev/null || return 0
	exec 9>"$STATE/lock"
	flock -w $((2 * WAIT + 300)) 9 || die "another scripts/brokers has held $STATE/lock for too long"
}

# answers speaks the first words of the protocol: a port that is merely open
# (a docker proxy, a broker still starting) does not count.
answers() {
	local hello
	case $1 in
	rabbitmq) hello='AMQP\x00\x00\x09\x01' ;;                                       # protocol header 0-9-1
	kafka) hello='\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff' ;; # ApiVersions v0
	esac
	[[ $(first_byte "$(port "$1")" "$hello" 2>/dev/null) == "$(first_byte_of "$1")" ]]
}

# RabbitMQ opens with a method frame (01), Kafka with the high byte of a length.
first_byte_of() {
	case $1 in
	rabbitmq) echo 01 ;;
	kafka) echo 00 ;;
	esac
}

# shellcheck disable=SC2059 # the greeting is a format on purpose: it has escapes
first_byte() (
	exec 3<>"/dev/tcp/127.0.0.1/$1" || exit
	printf "$2" >&3
	timeout 3 head -c 1 <&3 | od -An -tx1 | tr -d ' \n'
)

# A process that has just been started is not yet what it will be, so it is not
# missed in its first seconds.
await() {
	local until=$((SECONDS + WAIT)) missed=$((SECONDS + 5))
	while ! answers "$1"; do
		if ((SECONDS >= until)); then
			"$(mode)_tail" "$1" >&2
			die "$1 did not answer within $WAIT s; its last words are above"
		fi
		if ((SECONDS >= missed)) && ! "$(mode)_alive" "$1"; then
			"$(mode)_tail" "$1" >&2
			die "$1 ended while starting; its last words are above"
		fi
		sleep 0.2
	done
}
