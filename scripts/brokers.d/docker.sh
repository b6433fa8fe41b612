# shellcheck shell=bash
# The brokers as the services of docker-compose.yml.

docker_runs() {
	command -v docker >/dev/null &&
		docker info >/dev/null 2>&1 &&
		docker compose version >/dev/null 2>&1
}

compose() { docker compose -f "$ROOT/docker-compose.yml" "$@" 9>&-; }

docker_start() { compose up -d "$1" || die "docker compose could not start $1"; }
docker_stop() { compose stop "$1"; }
docker_kill() { compose kill -s SIGKILL "$1"; }
docker_tail() { compose logs --tail 40 "$1"; }
docker_alive() { [[ -n $(compose ps -q --status running "$1") ]]; }
docker_ctl() { compose exec -T rabbitmq rabbitmqctl "$@"; }
docker_plugin() { compose exec -T rabbitmq rabbitmq-plugins -q enable --online "$1"; }
docker_wipe() { compose down --volumes; }
