# Sourced by the start scripts of the peers. Each of them is called as
#
#   start install              fetch what is missing into benchmarks/.cache; needs no root
#   start version              one line: which versions of what
#   start PORT [CERT KEY]      become the server on 127.0.0.1:PORT, with TLS if it is given files
#   start SOCKET               the same for a server on a Unix socket
#
# and defines the functions install, version and serve PORT [CERT KEY].

set -euo pipefail
peer=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
name=$(basename "$peer")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=$root/benchmarks/.cache/$name
python=${PYTHON:-python3}

# once NAME COMMAND...: run the command, and never again once it went well.
once() {
    local done=$cache/.$1
    shift
    if [ ! -e "$done" ]; then
        mkdir -p "$cache"
        "$@" >&2
        touch "$done"
    fi
}

# python_packages PACKAGE...: in a virtual environment of their own, from PyPI.
python_packages() { once python-packages _python_packages "$@"; }
_python_packages() {
    "$python" -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
}
python_versions() {
    "$cache/venv/bin/python" - "$@" <<'PYTHON'
import platform, sys
from importlib.metadata import version
packages = [f"{name} {version(name)}" for name in sys.argv[1:]]
print(", ".join([*packages, f"Python {platform.python_version()}"]))
PYTHON
}

# node_packages PACKAGE...: from the npm registry.
node_packages() { once node-packages _node_packages "$@"; }
_node_packages() {
    command -v npm > /dev/null || { echo "npm is missing: install Node.js" >&2; return 1; }
    npm install --prefix "$cache" --silent --no-audit --no-fund "$@"
}
node_version() { # PACKAGE
    echo "$1 $(node -p "require('$cache/node_modules/$1/package.json').version")," \
        "Node $(node -p process.versions.node)"
}

# debian_packages PACKAGE...: unpacked, not installed, with what they need and the system lacks.
debian_packages() { once debian-packages _debian_packages "$@"; }
_debian_packages() {
    command -v apt-get > /dev/null || { echo "apt-get is missing: this is not Debian" >&2; return 1; }
    local needed
    needed=$(apt-get install --simulate --no-install-recommends "$@" | awk '/^Inst /{print $2}')
    (
        mkdir -p "$cache/packages"
        cd "$cache/packages"
        [ -z "$needed" ] || apt-get download --quiet=2 $needed
        for package in *.deb; do
            [ ! -e "$package" ] || dpkg --extract "$package" "$cache/system"
        done
    )
}
# program NAME: where it is, unpacked or installed.
program() {
    local place
    for place in "$cache/system/usr/sbin/$1" "$cache/system/usr/bin/$1" "/usr/sbin/$1"; do
        if [ -x "$place" ]; then
            echo "$place"
            return
        fi
    done
    command -v "$1"
}
# Programs that were unpacked find their libraries there too.
libraries=$cache/system/usr/lib/$(uname -m)-linux-gnu

main() {
    case ${1:-} in
        install) install ;;
        version) version ;;
        [0-9]* | /*) install && serve "$@" ;;
        *) echo "usage: $0 install | version | PORT [CERTIFICATE KEY]" >&2; return 2 ;;
    esac
}
