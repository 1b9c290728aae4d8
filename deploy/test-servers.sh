#!/usr/bin/env bash
# Servers that tests want and no Python package brings: MariaDB, for MySQL sources. On Debian, where one may install.
# Where it cannot be installed the tests that want it are skipped, and say why.
set -euo pipefail
if command -v mariadbd > /dev/null || [ -x /usr/sbin/mariadbd ]; then
    exit 0
fi
if ! command -v apt-get > /dev/null || [ "$(id -u)" != 0 ]; then
    echo "no MariaDB here, and none can be installed: its tests will be skipped" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
timeout 120 apt-get update -qq && timeout 300 apt-get install -y -qq --no-install-recommends \
    mariadb-server-core mariadb-client-core > /dev/null ||
    echo "MariaDB could not be installed: its tests will be skipped" >&2
