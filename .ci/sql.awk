# Rules for the objects that SQL scripts create. Prints each breach as file:line: what; fails when there is one.
# - a function states its volatility and its parallel label
# - a function with definer rights sets search_path to pg_catalog, pg_temp
# - every table, column, view and function has a comment

function breach(where, what) {
    print where ": " what
    breaches++
}

# The name after CREATE …, without what follows it.
function object_name(line) {
    sub(/^CREATE (OR REPLACE )?(UNLOGGED )?(TABLE|VIEW|FUNCTION|PROCEDURE) +(IF NOT EXISTS +)?/, "", line)
    sub(/[ (;].*$/, "", line)
    return line
}

/^CREATE (OR REPLACE )?FUNCTION / {
    name = object_name($0)
    place = FILENAME ":" FNR
    wants["FUNCTION " name] = place
    statement = ""
    in_function = 1
}
in_function {
    statement = statement "\n" $0
    if ($0 ~ /;[ \t]*$/) {
        in_function = 0
        if (statement !~ /(IMMUTABLE|STABLE|VOLATILE)/) breach(place, name " does not state its volatility")
        if (statement !~ /PARALLEL (SAFE|RESTRICTED|UNSAFE)/) breach(place, name " has no parallel label")
        if (statement ~ /SECURITY DEFINER/ && statement !~ /SET search_path = pg_catalog, pg_temp/)
            breach(place, name " runs with definer rights and an open search_path")
    }
}

/^CREATE (UNLOGGED )?TABLE / {
    table = object_name($0)
    wants["TABLE " table] = FILENAME ":" FNR
    in_table = 1
}
in_table && /^    [a-z_]+ / { wants["COLUMN " table "." $1] = FILENAME ":" FNR }
in_table && /^\)/ { in_table = 0 }

/^CREATE (OR REPLACE )?VIEW / { wants["VIEW " object_name($0)] = FILENAME ":" FNR }

/^COMMENT ON (TABLE|COLUMN|VIEW|FUNCTION) / {
    name = $4
    sub(/\(.*$/, "", name)
    has[$3 " " name] = 1
}

END {
    for (object in wants)
        if (!(object in has)) breach(wants[object], tolower(object) " has no comment")
    exit breaches > 0
}
