# shellcheck shell=sh
# Written by farol: ends a shell that waits at its prompt for so many seconds.
[ -n "${TMOUT-}" ] || { TMOUT=900 && readonly TMOUT && export TMOUT; }
