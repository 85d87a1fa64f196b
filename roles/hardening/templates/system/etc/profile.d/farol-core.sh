# shellcheck shell=sh
# Written by farol.
ulimit -c 0
