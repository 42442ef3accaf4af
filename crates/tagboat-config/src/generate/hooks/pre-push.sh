#!/bin/sh
# pre-push: written by tagboat hooks install; tagboat hooks uninstall takes it away.
# Keeps this clone from moving or deleting version and state tags, and from moving environment tags by hand.
# ALLOW_PROTECTED_TAG_PUSH='why' git push ... goes through all the same, once the reason is recorded on the remote.
set -u
lines=$(cat)
if test -x "$0.chained"; then
    printf '%s\n' "$lines" | "$0.chained" "$@" || exit $?
fi
test -n "$lines" || exit 0
bad=
@GUARD@
# What the judges read: REF OLD NEW.
pushed=$(printf '%s\n' "$lines" | while read -r _ new ref old; do
    echo "$ref $old $new"
done)
if command -v tagboat >/dev/null 2>&1; then
    bad=$(printf '%s\n' "$pushed" | tagboat hooks run pre-push) && exit 0
    # It could not judge: then nothing is judged to be good.
    test -n "$bad" || bad=$pushed
else
    while read -r ref old new; do
        judge "$ref" "$old" "$new"
    done <<PUSHED
$pushed
PUSHED
fi
test -n "$bad" || exit 0
if test -z "${ALLOW_PROTECTED_TAG_PUSH:-}"; then
    echo "nothing was pushed; if it must be: ALLOW_PROTECTED_TAG_PUSH='why' git push ..." >&2
    exit 1
fi
# The reason must be there before what it is for.
if written=$(record) && git push --quiet --no-verify -- "$2" "${written#* }:refs/${written% *}" >&2; then
    echo "overridden; the reason is recorded at refs/${written% *}" >&2
    exit 0
fi
echo 'nothing was pushed: the reason could not be recorded on the remote (git needs user.name and user.email)' >&2
exit 1
