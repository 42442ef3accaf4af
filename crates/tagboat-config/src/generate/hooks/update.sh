#!/bin/sh
# update: written by tagboat hooks install --remote; tagboat hooks uninstall --remote takes it away.
# Version and state tags are made once, ledgers only grow, and environment tags move to a ledger that follows.
# ALLOW_PROTECTED_TAG_PUSH='why' in the environment of the server's own process lets one through, and is recorded.
set -u
if test -x "$0.chained"; then
    "$0.chained" "$@" || exit $?
fi
bad=
@GUARD@
ref=$1 old=$2 new=$3
if command -v tagboat >/dev/null 2>&1; then
    bad=$(printf '%s %s %s\n' "$ref" "$old" "$new" | tagboat hooks run update) && exit 0
    bad="$ref $old $new"
else
    judge "$ref" "$old" "$new"
fi
test -n "$bad" || exit 0
test -n "${ALLOW_PROTECTED_TAG_PUSH:-}" || exit 1
if written=$(record) && git update-ref "refs/${written% *}" "${written#* }" $ZERO; then
    echo "overridden; the reason is recorded at refs/${written% *}" >&2
    exit 0
fi
echo 'refused: the reason could not be recorded here (git needs user.name and user.email)' >&2
exit 1
