-- The one spelling of the qualified name of a function, whether there is one or not. Nothing when it is no such name.
SELECT format('%I.%I', named.parts[1], named.parts[2])
  FROM (SELECT parse_ident($1) AS parts) named
 WHERE cardinality(named.parts) = 2;
