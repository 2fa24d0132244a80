#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three nodes, HAProxy, Redis, PostgreSQL and a simulated provider as plain processes, all on the loopback:
#   cluster.sh [--dir DIRECTORY] [--run COMMAND...]
# Runs until Ctrl-C, then stops everything. Without --dir the data are in a new directory, which is removed at the end.
# --run: instead of waiting, runs the command with CLUSTER_DIR, CLUSTER_URL and CLUSTER_NODE1..3 set, and ends with its status.
# Needs redis-server, haproxy and PostgreSQL 13 or newer (Debian: tools/setup.sh --test).
set -u
cd "$(dirname "$0")/.." || exit 1
program=${SLUICE:-$PWD/build/release/sluice}
fleet=${FAKEPROVIDER:-$PWD/build/release/fakeprovider}
directory=
keep=no
run=()
while [ $# -gt 0 ]; do
    case $1 in
    --dir) directory=${2:?--dir needs a directory} keep=yes && shift 2 ;;
    --run) shift && run=("$@") && break ;;
    *) echo "usage: cluster.sh [--dir DIRECTORY] [--run COMMAND...]" >&2 && exit 2 ;;
    esac
done

names=()
pids=()
cleaned=no
clean() {
    [ $cleaned = no ] || return
    cleaned=yes
    trap '' INT TERM HUP
    local i
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do # nodes before what they talk to
        local signal=TERM
        [ "${names[i]}" = postgres ] && signal=INT # it does not wait for its clients
        kill -$signal "${pids[i]}" 2>/dev/null
        for _ in {1..100}; do
            kill -0 "${pids[i]}" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "${pids[i]}" 2>/dev/null
    done
    [ $keep = yes ] || rm -rf "$directory"
}
fail() {
    echo "cluster: $1" >&2
    [ -z "${2:-}" ] || tail -n 5 "$directory/$2.log" >&2
    clean
    exit 1
}
trap 'clean; exit 130' INT
trap 'clean; exit 143' TERM HUP
trap clean EXIT

find_tool() { # NAME: in the path, or where Debian keeps PostgreSQL's
    command -v "$1" 2>/dev/null && return
    local found
    found=$(ls -d /usr/sbin/"$1" /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | sort -V | tail -1)
    [ -n "$found" ] || fail "$1 is missing: install redis-server, haproxy and postgresql, or run tools/setup.sh --test"
    echo "$found"
}
[ -x "$program" ] && [ -x "$fleet" ] || fail "build it first: make cluster, or make build build/release/fakeprovider"
redis_server=$(find_tool redis-server) || exit 1
haproxy=$(find_tool haproxy) || exit 1
initdb=$(find_tool initdb) || exit 1
postgres=$(find_tool postgres) || exit 1

# A port that nothing listens on; those of this run are not given twice.
given=" "
free_port() { # VARIABLE
    local port
    for _ in {1..200}; do
        port=$((20000 + RANDOM % 12000))
        if [[ $given != *" $port "* ]] && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            given+="$port "
            printf -v "$1" '%s' "$port"
            return
        fi
    done
    fail "no free port was found"
}
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

start() { # NAME COMMAND...
    local name=$1
    shift
    "$@" </dev/null >>"$directory/$name.log" 2>&1 &
    names+=("$name")
    pids+=($!)
}
await() { # NAME SECONDS COMMAND...: until the command succeeds
    local name=$1 tries=$(($2 * 20)) pid=${pids[-1]}
    shift 2
    while ! "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || fail "$name ended" "$name"
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "$name does not answer" "$name"
        sleep 0.05
    done
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

if [ -z "$directory" ]; then
    directory=$(mktemp -d /tmp/sluice-cluster-XXXXXX)
else
    mkdir -p "$directory" && directory=$(cd "$directory" && pwd) || fail "$directory cannot be made"
fi
chmod 711 "$directory"
[ -f "$directory/secrets" ] || (umask 077 && printf 'postgres_secret=%s\nredis_secret=%s\n' "$(secret)" "$(secret)" >"$directory/secrets")
. "$directory/secrets"
for name in redis_port postgres_port proxy_port fleet_port node1_port node2_port node3_port; do
    free_port $name
done

# PostgreSQL does not run as root: root lends it to another user.
as_postgres=()
if [ "$(id -u)" -eq 0 ]; then
    owner=postgres
    id -u postgres >/dev/null 2>&1 || owner=nobody
    as_postgres=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups)
    mkdir -p "$directory/postgres" && chown "$owner" "$directory/postgres"
fi
if [ ! -f "$directory/postgres/PG_VERSION" ]; then
    echo "cluster: making a PostgreSQL database" >&2
    (umask 077 && printf '%s' "$postgres_secret" >"$directory/pw")
    [ ${#as_postgres[@]} -eq 0 ] || chown "$owner" "$directory/pw"
    "${as_postgres[@]}" "$initdb" -D "$directory/postgres" -U sluice -A scram-sha-256 --pwfile "$directory/pw" -E UTF8 \
        --locale C >"$directory/initdb.log" 2>&1 || fail "initdb failed" initdb
    rm -f "$directory/pw"
fi
start postgres "${as_postgres[@]}" "$postgres" -D "$directory/postgres" -p "$postgres_port" -k "$directory/postgres" \
    -c listen_addresses=127.0.0.1
await postgres 30 listens "$postgres_port"

(umask 077 && printf 'bind 127.0.0.1\nport %s\nsave ""\nappendonly no\ndir %s\nrequirepass %s\n' "$redis_port" \
    "$directory" "$redis_secret" >"$directory/redis.conf")
start redis "$redis_server" "$directory/redis.conf"
await redis 10 listens "$redis_port"

start fleet "$fleet" --listen "127.0.0.1:$fleet_port" --models tiny-1,grand-1 --latency-ms 100
await fleet 10 listens "$fleet_port"

for number in 1 2 3; do
    port=node${number}_port
    mkdir -p "$directory/node$number"
    (umask 077 && cat >"$directory/node$number/sluice.yaml" <<YAML
server: { listen: "127.0.0.1:${!port}", drain_timeout: 5s }
log: { format: json }
keys: { required: true }
ledger: { path: ledger.db }
cluster:
  node: node$number
  postgres: "host=127.0.0.1 port=$postgres_port dbname=postgres user=sluice password=$postgres_secret"
  redis: "redis://:$redis_secret@127.0.0.1:$redis_port/0"
providers:
  simulated: { preset: openai-compatible, base_url: "http://127.0.0.1:$fleet_port/v1" }
targets:
  small: { provider: simulated, model: tiny-1, tier: budget, context_tokens: 128000,
    price: { input_per_mtok: 0.25, output_per_mtok: 1 } }
  large: { provider: simulated, model: grand-1, tier: premium, context_tokens: 128000,
    price: { input_per_mtok: 5, output_per_mtok: 20 } }
routes:
  auto: { baseline: large }
YAML
    )
    start "node$number" "$program" serve -c "$directory/node$number/sluice.yaml"
    await "node$number" 30 bash deploy/ready.sh "127.0.0.1:${!port}"
done

start haproxy env SLUICE_BIND="127.0.0.1:$proxy_port" SLUICE_NODE1="127.0.0.1:$node1_port" \
    SLUICE_NODE2="127.0.0.1:$node2_port" SLUICE_NODE3="127.0.0.1:$node3_port" "$haproxy" -db -f deploy/haproxy.cfg
await haproxy 10 bash deploy/ready.sh "127.0.0.1:$proxy_port"

if [ ${#run[@]} -gt 0 ]; then
    CLUSTER_DIR=$directory CLUSTER_URL=http://127.0.0.1:$proxy_port CLUSTER_NODE1=http://127.0.0.1:$node1_port \
        CLUSTER_NODE2=http://127.0.0.1:$node2_port CLUSTER_NODE3=http://127.0.0.1:$node3_port SLUICE=$program "${run[@]}"
    exit $?
fi

short=$program
[[ $PWD/ == / || $program != "$PWD"/* ]] || short=${program#"$PWD"/}
cat <<TEXT

Three nodes behind HAProxy: http://127.0.0.1:$proxy_port   (data and logs: $directory)

A key with a cap, made on one node and good on all:
  KEY=\$($short key create -c $directory/node1/sluice.yaml --name me --cap-usd 0.05 --per day --rpm 60 --json | sed 's/.*"key": *"\([^"]*\)".*/\1/')

A call through HAProxy, then twenty at once:
  curl -i http://127.0.0.1:$proxy_port/v1/chat/completions -H "Authorization: Bearer \$KEY" -H 'Content-Type: application/json' \\
    -d '{"model":"auto","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}'
  seq 20 | xargs -P 20 -I{} curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:$proxy_port/v1/chat/completions \\
    -H "Authorization: Bearer \$KEY" -H 'Content-Type: application/json' -d '{"model":"small","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}'

What was spent:
  $short report -c $directory/node2/sluice.yaml --by key

TEXT
if "$program" cluster status --help >/dev/null 2>&1; then
    printf 'How the nodes are:\n  %s cluster status -c %s/node3/sluice.yaml\n\n' "$short" "$directory"
fi
echo "Take something away, and watch: kill -9 one of"
for i in "${!pids[@]}"; do
    printf '  %-9s %s\n' "${names[i]}" "${pids[i]}"
done
printf '\nCtrl-C stops everything.\n'
start waiting sleep infinity
wait "${pids[-1]}"
