# What tagboat guards, in POSIX sh: used where no tagboat is on PATH. Names are only ever compared, never run.
LC_ALL=C
export LC_ALL
ZERO=0000000000000000000000000000000000000000
VERSION='^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$'

refuse() { # REF WHY
    printf 'refused: %s: %s\n' "$1" "$2" >&2
    bad="$bad$1 $old $new
"
}

is_environment() { # WORD
    case $1 in
        production | staging | canary | sandbox | performance) return 0 ;;
        '' | *[!a-z0-9-]* | [!a-z]* | v[0-9]*) return 1 ;;
    esac
    # A folder on the branch that HEAD names: in a bare remote, the default branch.
    test "$(git cat-file -t "HEAD:environments/$1" 2>/dev/null)" = tree
}

records() { # OBJECT: the lines of its ledger, newest first
    git cat-file tag "$1" 2>/dev/null | sed -n '/^{"format":/p'
}

follows() { # NAME OLD NEW: whether NEW is a tag with a ledger, one record longer than that of OLD
    test "$(git cat-file -t "$3" 2>/dev/null)" = tag || return 1
    test "$(git cat-file tag "$3" | sed -n '/^$/q; s/^tag //p')" = "$1" || return 1
    first=$(records "$3" | sed -n 1p)
    second=$(records "$3" | sed -n 2p)
    before=
    if test "$2" != $ZERO; then
        git cat-file -e "$2" 2>/dev/null || return 1
        before=$(records "$2" | sed -n 1p)
    fi
    test -n "$first" && test "$second" = "$before" && test "$first" != "$before"
}

judge() { # REF OLD NEW: calls refuse where the change may not be
    test "$2" != "$3" || return 0
    case $1 in
        refs/tagboat/ledger/* | refs/tagboat/overrides/*)
            test "$2" = $ZERO || refuse "$1" 'what is written there never changes'
            return 0
            ;;
        refs/tags/*) ;;
        *) return 0 ;;
    esac
    name=${1#refs/tags/}
    last=${name##*/}
    if printf '%s\n' "$last" | grep -Eq "$VERSION"; then
        if test "$3" = $ZERO; then
            refuse "$1" 'version and state tags are never deleted'
        elif test "$2" != $ZERO; then
            refuse "$1" 'version and state tags never move'
        elif is_environment "${last#*-}"; then
            refuse "$1" 'a version tag with an environment at its end is never made'
        fi
    elif is_environment "$last"; then
        if test "$3" = $ZERO; then
            refuse "$1" 'environment tags are never deleted'
        elif ! follows "$name" "$2" "$3"; then
            refuse "$1" 'an environment tag moves by a deployment: this is no ledger that follows'
        fi
    fi
}

record() { # writes why and what was overridden, as a tag object; prints its name and its id
    reason=$(printf '%s' "$ALLOW_PROTECTED_TAG_PUSH" | tr '\000-\037\177' ' ' | cut -c1-500)
    test -n "$(printf '%s' "$reason" | tr -d ' ')" || return 1
    who=$(git var GIT_COMMITTER_IDENT) || return 1
    name=tagboat/overrides/$(date -u +%Y%m%d-%H%M%S)-$$
    target=
    for id in $(printf '%s\n' "$bad" | cut -d ' ' -s -f 3,2) HEAD; do
        if test "$id" != $ZERO && target=$(git rev-parse --verify --quiet "$id^{commit}"); then
            break
        fi
    done
    test -n "$target" || return 1
    changes=$(printf '%s\n' "$bad" | sed -n 's/^refs/change: refs/p')
    id=$(printf 'object %s\ntype commit\ntag %s\ntagger %s\n\na protection was overridden\n\n%s\nreason: %s\n' \
        "$target" "$name" "$who" "$changes" "$reason" | git mktag) || return 1
    echo "$name $id"
}
