#!/bin/sh
# check-layers.sh "layer: dep dep ..." ...
# Fails if a file of a layer includes a folder that is neither its own nor one
# of its deps.
status=0
for rule do
    layer=${rule%%:*}
    allowed="$layer ${rule#*:} "
    for file in "$layer"/*.[ch]; do
        [ -e "$file" ] || continue
        for seen in $(sed -n 's|^#include "\([a-z]*\)/.*|\1|p' "$file"); do
            case " $allowed" in
            *" $seen "*) ;;
            *) echo "$file: $layer/ may not include $seen/"; status=1 ;;
            esac
        done
    done
done
exit $status
