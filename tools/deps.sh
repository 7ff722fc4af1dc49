#!/bin/sh
# deps.sh PACKAGE ...
# Installs what is missing from Debian's packages, as root or through sudo.
set -eu
missing=
for p do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null |
        grep -q 'ok installed' || missing="$missing $p"
done
if [ -z "$missing" ]; then
    echo "deps: all packages are installed"
    exit 0
fi
echo "deps: installing$missing"
sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "deps: run this as root, or install sudo first" >&2
        exit 1
    }
    sudo=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $missing
