#!/usr/bin/env bash
# `make demo`: a million-row pipeline, from nothing to a rollback. Everything happens in a temporary folder.
set -euo pipefail

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

step() { printf '\n\033[1;36m%s\033[0m\n' "$*"; }
do_it() {
    printf '\033[1m$ %s\033[0m\n' "$*"
    "$@"
}
# The command must end with this exit code, or the demo fails.
expect() {
    local code=$1 found=0
    shift
    printf '\033[1m$ %s\033[0m\n' "$*"
    "$@" || found=$?
    if [ "$found" != "$code" ]; then
        echo "exit code $found instead of $code" >&2
        exit 3
    fi
}

step "1. A new project, with generated data: daily sales of 1,115 stores"
do_it headgate init "$place/rossmann" --template rossmann --data
cd "$place/rossmann"
sed -i.bak '/^after:/,$d' headgate.yml && rm headgate.yml.bak # the demo trains no model

step "2. What would a run do?"
do_it headgate plan

step "3. The first run: a branch, three layers, their gates, a release"
do_it headgate run
do_it headgate query "select Store, Date, Sales, Sales_Lag_7, Sales_RollingMean_28 from features.train_features where Store = 262 order by Date desc limit 3"

step "4. Nothing new is noticed at once"
do_it headgate run

step "5. Next week's file arrives, and something is wrong with it: the gate closes, readers stay on release 1"
do_it python generate.py --week 1 --break negative-sales
expect 1 headgate run
do_it headgate why
do_it headgate query "select count(*) as bad_rows_that_readers_see from features.train_features where Sales < 0"

step "6. The source is repaired: release 2"
do_it python generate.py --week 1
do_it headgate run
do_it headgate diff 1 2

step "7. Roll back, and nothing brings the data back before somebody says so"
do_it headgate rollback 1
do_it headgate run
do_it headgate resume
do_it headgate releases
do_it headgate doctor
