#!/bin/sh
# Make the virtual environment with exactly the pinned packages: make_venv.sh run|dev
set -eu
which=$1
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Yba needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if [ ! -x "$VENV/bin/python" ]; then
    if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
        # Debian keeps the module apart.
        if [ "$(id -u)" = 0 ]; then
            apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
        else
            echo "please run: sudo apt-get install python3-venv" >&2
            exit 1
        fi
    fi
    echo "environment: creating $VENV"
    "$PYTHON" -m venv "$VENV"
fi
echo "environment: installing pinned packages ($which)"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.txt
"$VENV/bin/uv" pip install --quiet --compile-bytecode --require-hashes --python "$VENV/bin/python" -r "requirements/$which.txt"
"$VENV/bin/uv" pip install --quiet --no-deps --no-build-isolation --python "$VENV/bin/python" -e .
touch "$VENV/$which.stamp"
if [ "$which" = dev ]; then touch "$VENV/run.stamp"; fi
