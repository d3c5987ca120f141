# Sourced by the start scripts of the Channels peers, which share one application (channels_application.py) and
# one environment: its layers and its servers.

cache=$root/benchmarks/.cache/channels
bin=$cache/venv/bin

channels_packages() {
    python_packages django channels channels-redis daphne "uvicorn[standard]"
}

channel_layer_in_memory() { export CHANNEL_LAYER=memory; }
channel_layer_in_redis() {
    export CHANNEL_LAYER=$cache/redis-$$.sock
    LD_LIBRARY_PATH=$libraries "$(program redis-server)" - > /dev/null << CONFIGURATION &
port 0
unixsocket $CHANNEL_LAYER
maxclients 16000
save ""
CONFIGURATION
    until [ -S "$CHANNEL_LAYER" ]; do sleep 0.05; done
}
redis_version() { LD_LIBRARY_PATH=$libraries "$(program redis-server)" --version | sed 's/.* v=\([0-9.]*\).*/Redis \1/'; }

daphne() { # PORT [CERT KEY]
    local endpoint=tcp:$1:interface=127.0.0.1:backlog=4096
    if [ $# = 3 ]; then
        endpoint=ssl:$1:interface=127.0.0.1:backlog=4096:certKey=$2:privateKey=$3
    fi
    cd "$(dirname "$peer")"
    exec "$bin/daphne" --verbosity 0 --endpoint "$endpoint" channels_application:application
}

uvicorn() { # PORT [CERT KEY]
    cd "$(dirname "$peer")"
    exec "$bin/uvicorn" --log-level warning --host 127.0.0.1 --port "$1" --backlog 4096 \
        ${2:+--ssl-certfile "$2" --ssl-keyfile "$3"} channels_application:application
}
