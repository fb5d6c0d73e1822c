-- Moments by their texts ($1); one without an offset is of the time zone of the connection ($2).
SELECT CASE
           WHEN t.text ~* '[t ].*(z|[+-][0-9:]+)$' THEN t.text::timestamptz
           ELSE t.text::timestamp AT TIME ZONE $2
       END
  FROM unnest($1::text[]) WITH ORDINALITY AS t (text, place)
 ORDER BY t.place;
