# shellcheck shell=sh
# Written by farol.
umask 027
