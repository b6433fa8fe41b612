#!/usr/bin/env bash
# What `make bench-peers` needs beside the brokers. The benchmark calls it.
#
#   scripts/brokers.d/peers.sh shovel              enable RabbitMQ's shovel, without a restart
#   scripts/brokers.d/peers.sh mirrormaker         fetch MirrorMaker; print the folder of its jars
#   scripts/brokers.d/peers.sh pid rabbitmq|kafka  print its process; exit 1 if it is not one of ours
set -euo pipefail

PARTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$PARTS/../.." && pwd)
STATE=${BRIDGE_BROKERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/brokerbridge}
WAIT=${BRIDGE_BROKERS_WAIT:-120}
export ROOT # docker.sh reads it

# shellcheck source=scripts/brokers.d/common.sh
. "$PARTS/common.sh"
# shellcheck source=scripts/brokers.d/docker.sh
. "$PARTS/docker.sh"
# shellcheck source=scripts/brokers.d/install.sh
. "$PARTS/install.sh"
# shellcheck source=scripts/brokers.d/rabbitmq.sh
. "$PARTS/rabbitmq.sh"
# shellcheck source=scripts/brokers.d/kafka.sh
. "$PARTS/kafka.sh"

shovel() {
	"$(mode)_plugin" rabbitmq_shovel || die "RabbitMQ's shovel could not be enabled: scripts/brokers must have started RabbitMQ, and its plugin rabbitmq_shovel must be installed"
}

# mirrormaker runs beside the brokers, as a plain process even where those are
# in containers.
mirrormaker() {
	local jars=$STATE/mirrormaker-jars-$KAFKA_VERSION
	one_at_a_time
	[[ -d $jars ]] || fetch_jars MirrorMaker "$jars" -P mirrormaker >&2
	command -v java >/dev/null || apt_install default-jre-headless >&2
	echo "$jars"
}

process() {
	[[ $(mode) == native ]] && native_alive "$1" && pid "$1"
}

case ${1:-} in
shovel) shovel ;;
mirrormaker) mirrormaker ;;
pid) process "${2:?rabbitmq or kafka}" ;;
*) die "say which: shovel, mirrormaker or pid" ;;
esac
