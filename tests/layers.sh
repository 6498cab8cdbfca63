#!/bin/sh
# fs/ -> store/ -> schemas/, never back; and who may include whose headers.
cd "$(dirname "$0")/.." || exit 1
wrong=0

# refuse WHAT FILES... : none of them may hold an include that matches.
refuse() {
    pattern=$1 why=$2
    shift 2
    found=$(grep -nE "^ *# *include *[<\"]$pattern" "$@" /dev/null) || return 0
    echo "$why:"
    echo "$found"
    wrong=1
}

others() { find "$@" -name '*.[ch]' ! -path schemas/yaml_doc.c ! -path schemas/expr.c ! -path 'schemas/expr_fn.[ch]' \
    ! -path schemas/expr_lent.c; }

refuse 'yaml\.h'          'yaml.h belongs to schemas/yaml_doc.c' $(others schemas store fs)
refuse 'sqlite3\.h'       'in schemas/ sqlite3.h belongs to expr.c and its functions, and fs/ knows no SQL' $(others schemas fs)
refuse 'fuse'             'FUSE belongs to fs/' $(find schemas store -name '*.[ch]')
refuse '(\.\./)?(store|fs)/' 'schemas/ knows nothing above it' $(find schemas -name '*.[ch]')
refuse '(\.\./)?fs/'      'store/ knows nothing above it' $(find store -name '*.[ch]')
refuse '(\.\./)?(store/)?(internal|tables|backfill|query|verb_log)\.h' 'fs/ sees the store through store.h and verbs.h' $(find fs -name '*.[ch]')
refuse 'pthread\.h'       'schemas/ has no threads' $(find schemas -name '*.[ch]')
exit $wrong
