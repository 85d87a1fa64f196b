# shellcheck shell=sh
# Written by farol.
# dash and bash, the shells that read this, both know -c.
# shellcheck disable=SC3045
ulimit -c 0
