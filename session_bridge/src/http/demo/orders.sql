-- All the order lines there are, as far as this session is concerned: figures over all of them and the first fifty.
WITH figures AS (
    SELECT o.region,
           count(*) AS count,
           sum(o.sales) AS sales,
           sum(o.quantity) AS quantity
      FROM demo.orders o
     GROUP BY o.region
), first_rows AS (
    SELECT o.row_id,
           o.order_id,
           o.order_date,
           o.customer_name,
           o.region,
           o.state,
           o.city,
           o.category,
           o.sub_category,
           o.product_name,
           o.sales,
           o.quantity
      FROM demo.orders o
     ORDER BY o.row_id
     LIMIT 50
)
SELECT jsonb_build_object(
           'count', coalesce(sum(f.count), 0),
           'totals', jsonb_build_object('sales', coalesce(sum(f.sales), 0), 'quantity', coalesce(sum(f.quantity), 0)),
           'regions', coalesce(
               jsonb_agg(jsonb_build_object('region', f.region, 'count', f.count, 'sales', f.sales) ORDER BY f.region), '[]'),
           'rows', (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.row_id), '[]') FROM first_rows r))
  FROM figures f;
