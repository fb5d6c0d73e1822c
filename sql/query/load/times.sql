SELECT t.text::timestamptz FROM unnest($1::text[]) WITH ORDINALITY AS t (text, place) ORDER BY t.place;
