-- All the profit there is, as far as this session is concerned.
WITH figures AS (
    SELECT p.region,
           count(*) AS count,
           sum(p.profit) AS profit
      FROM demo.profits p
     GROUP BY p.region
)
SELECT jsonb_build_object(
           'count', coalesce(sum(f.count), 0),
           'total', coalesce(sum(f.profit), 0),
           'regions', coalesce(
               jsonb_agg(jsonb_build_object('region', f.region, 'count', f.count, 'profit', f.profit) ORDER BY f.region), '[]'))
  FROM figures f;
