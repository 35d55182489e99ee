#!/bin/sh
# Install the Debian packages that the test suite uses. An ordinary user gets
# one line that names them; the tests that need them then skip, saying why.
set -eu
wanted="chromium poppler-utils xmlsec1 libnss3-tools softhsm2 openssl"
missing=""
for package in $wanted; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    case $status in *"install ok installed"*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    echo "system: installing$missing"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "system: some tests will be skipped; to run them: sudo apt-get install$missing"
fi
