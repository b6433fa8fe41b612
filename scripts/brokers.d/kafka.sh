# shellcheck shell=bash
# Kafka from the jars of Maven Central: one KRaft node, broker and controller.

KAFKA_VERSION=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$PARTS/pom.xml")
KAFKA_JARS=$STATE/kafka-jars-$KAFKA_VERSION

kafka_install() {
	[[ -d $KAFKA_JARS ]] || fetch_jars Kafka "$KAFKA_JARS"
	command -v java >/dev/null || apt_install default-jre-headless
}

# kafka_jars is for tests that start a Kafka of their own, with logins and TLS: a
# plain process even where the brokers are in containers.
kafka_jars() {
	kafka_install >&2
	echo "$KAFKA_JARS"
}

# fetch_jars NAME DIR [MAVEN'S OPTIONS] moves the jars into place at the end: an
# interrupted download is no installation.
fetch_jars() {
	local name=$1 dir=$2
	shift 2
	command -v mvn >/dev/null || apt_install default-jre-headless maven
	say "fetching $name $KAFKA_VERSION"
	rm -rf "$dir.part"
	mvn -B -q -f "$PARTS/pom.xml" "$@" dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$dir.part" \
		>"$STATE/maven.log" 2>&1 9>&- </dev/null || {
		tail -n 20 "$STATE/maven.log" >&2
		die "maven could not fetch $name $KAFKA_VERSION from Maven Central"
	}
	mv "$dir.part" "$dir"
}

# mirrormaker runs beside the brokers, as a plain process even where those are
# in containers.
mirrormaker() {
	local jars=$STATE/mirrormaker-jars-$KAFKA_VERSION
	[[ -d $jars ]] || fetch_jars MirrorMaker "$jars" -P mirrormaker >&2
	command -v java >/dev/null || apt_install default-jre-headless >&2
	echo "$jars"
}

# kafka_java sets JAVA to the command that runs a class of Kafka.
kafka_java() {
	JAVA=(java -Xms512m -Xmx1g -XX:+UseG1GC -XX:MaxGCPauseMillis=20
		-Dlog4j2.configurationFile="$PARTS/log4j2.properties"
		-cp "$KAFKA_JARS/*" "$@")
}

kafka_start() {
	local home=$STATE/kafka
	mkdir -p "$home"
	{
		cat "$PARTS/kafka.properties"
		echo "log.dirs=$home/data"
	} >"$home/server.properties"
	rotate_log kafka
	kafka_format "$home"
	kafka_java kafka.Kafka "$home/server.properties"
	# A session of its own: Ctrl-C in a test run does not reach it.
	setsid "${JAVA[@]}" >>"$STATE/kafka.log" 2>&1 9>&- </dev/null &
	echo $! >"$STATE/kafka.pid"
}

# kafka_format runs once: what a stop or a kill -9 left behind is kept.
kafka_format() {
	[[ -f $1/data/meta.properties ]] && return
	kafka_java kafka.tools.StorageTool format --standalone --ignore-formatted \
		--cluster-id brokerbridge-workshop0 --config "$1/server.properties"
	"${JAVA[@]}" >>"$STATE/kafka.log" 2>&1 9>&- </dev/null || {
		native_tail kafka >&2
		die "kafka's storage could not be formatted"
	}
}

kafka_stop() { kill "$(pid kafka)"; }
