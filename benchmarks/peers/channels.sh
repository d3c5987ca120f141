# Sourced by the start scripts of the Channels peers, which share one application (channels_application.py) and
# one environment: its layers and its servers. Two settings come from whoever measures clusters:
#
#   CLUSTER_REDIS     socket of the Redis to use; without it, one of its own
#   CLUSTER_WORKERS   how many Daphne processes accept from the port; without it, one

cache=$root/benchmarks/.cache/channels
bin=$cache/venv/bin

channels_packages() {
    python_packages django channels channels-redis daphne "uvicorn[standard]"
}

redis() { "$root/benchmarks/redis/start" "$@"; }

channel_layer() { # memory, core or pubsub
    export CHANNEL_LAYER=$1
    if [ "$1" != memory ] && [ -z "${CLUSTER_REDIS:-}" ]; then
        export CLUSTER_REDIS=$cache/redis-$$.sock
        redis "$CLUSTER_REDIS" &
        until [ -S "$CLUSTER_REDIS" ]; do sleep 0.05; done
    fi
}

daphne() { # PORT [CERT KEY]
    local endpoint=tcp:$1:interface=127.0.0.1:backlog=4096
    if [ $# = 3 ]; then
        endpoint=ssl:$1:interface=127.0.0.1:backlog=4096:certKey=$2:privateKey=$3
    fi
    cd "$(dirname "$peer")"
    set -- "$1" "$bin/daphne" --verbosity 0
    if [ "${CLUSTER_WORKERS:-1}" != 1 ]; then
        exec "$python" share_port.py "$CLUSTER_WORKERS" "$@" channels_application:application
    fi
    shift
    exec "$@" --endpoint "$endpoint" channels_application:application
}

uvicorn() { # PORT [CERT KEY]
    cd "$(dirname "$peer")"
    exec "$bin/uvicorn" --log-level warning --host 127.0.0.1 --port "$1" --backlog 4096 \
        ${2:+--ssl-certfile "$2" --ssl-keyfile "$3"} channels_application:application
}
