-- The demo's tables: the order lines of the Sample – Superstore data, under policy from the start.
-- The rows come later, from the compressed CSV beside the demo front ends (`story load`).
-- Profit has a table of its own, because a row policy hides rows and not columns: managers see it, others see no row.

CREATE SCHEMA demo;
COMMENT ON SCHEMA demo IS 'Demo of pg_vpd: the Sample – Superstore order lines.';

CREATE TABLE demo.orders (
    row_id integer PRIMARY KEY,
    order_id text NOT NULL,
    order_date date NOT NULL,
    ship_date date NOT NULL,
    ship_mode text NOT NULL,
    customer_id text NOT NULL,
    customer_name text NOT NULL,
    segment text NOT NULL,
    country text NOT NULL,
    city text NOT NULL,
    state text NOT NULL,
    postal_code text NOT NULL,
    region text NOT NULL,
    product_id text NOT NULL,
    category text NOT NULL,
    sub_category text NOT NULL,
    product_name text NOT NULL,
    sales numeric(12, 4) NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    discount numeric(4, 2) NOT NULL CHECK (discount BETWEEN 0 AND 1)
);
CREATE INDEX orders_region_idx ON demo.orders (region);
CREATE INDEX orders_category_idx ON demo.orders (category);
COMMENT ON TABLE demo.orders IS 'Order lines. Under policy: each user sees the regions, and a category buyer only the categories, of the session.';
COMMENT ON COLUMN demo.orders.row_id IS 'Number of the order line.';
COMMENT ON COLUMN demo.orders.order_id IS 'Order the line belongs to.';
COMMENT ON COLUMN demo.orders.order_date IS 'Day of the order.';
COMMENT ON COLUMN demo.orders.ship_date IS 'Day it was shipped.';
COMMENT ON COLUMN demo.orders.ship_mode IS 'First Class, Second Class, Standard Class or Same Day.';
COMMENT ON COLUMN demo.orders.customer_id IS 'Customer.';
COMMENT ON COLUMN demo.orders.customer_name IS 'Name of the customer.';
COMMENT ON COLUMN demo.orders.segment IS 'Consumer, Corporate or Home Office.';
COMMENT ON COLUMN demo.orders.country IS 'Country it was shipped to.';
COMMENT ON COLUMN demo.orders.city IS 'City it was shipped to.';
COMMENT ON COLUMN demo.orders.state IS 'State it was shipped to.';
COMMENT ON COLUMN demo.orders.postal_code IS 'Postal code as the source has it, without leading zeros.';
COMMENT ON COLUMN demo.orders.region IS 'Central, East, South or West; what orders_by_region compares.';
COMMENT ON COLUMN demo.orders.product_id IS 'Product.';
COMMENT ON COLUMN demo.orders.category IS 'Furniture, Office Supplies or Technology; what orders_by_category compares.';
COMMENT ON COLUMN demo.orders.sub_category IS 'Finer category.';
COMMENT ON COLUMN demo.orders.product_name IS 'Name of the product.';
COMMENT ON COLUMN demo.orders.sales IS 'Amount of the line in US dollars.';
COMMENT ON COLUMN demo.orders.quantity IS 'Pieces ordered.';
COMMENT ON COLUMN demo.orders.discount IS 'Discount as a fraction of 1.';

CREATE TABLE demo.profits (
    row_id integer PRIMARY KEY REFERENCES demo.orders (row_id),
    region text NOT NULL,
    category text NOT NULL,
    profit numeric(12, 4) NOT NULL
);
CREATE INDEX profits_region_idx ON demo.profits (region);
CREATE INDEX profits_category_idx ON demo.profits (category);
COMMENT ON TABLE demo.profits IS 'Profit of each order line. Under policy: managers only, within their regions and categories.';
COMMENT ON COLUMN demo.profits.row_id IS 'Order line.';
COMMENT ON COLUMN demo.profits.region IS 'Region of the order line.';
COMMENT ON COLUMN demo.profits.category IS 'Category of the order line.';
COMMENT ON COLUMN demo.profits.profit IS 'Profit of the line in US dollars; negative for a loss.';

GRANT USAGE ON SCHEMA demo TO vpd_runtime;
GRANT SELECT ON demo.orders, demo.profits TO vpd_runtime;

SELECT vpd.add_policy('demo.orders', 'orders_by_region',
    predicate => $$region = ANY (vpd.attribute_list('app', 'regions'))$$);
SELECT vpd.add_policy('demo.orders', 'orders_by_category',
    predicate => $$vpd.attribute_list('app', 'categories') IS NULL OR category = ANY (vpd.attribute_list('app', 'categories'))$$);
SELECT vpd.add_policy('demo.profits', 'orders_by_region',
    predicate => $$region = ANY (vpd.attribute_list('app', 'regions'))$$);
SELECT vpd.add_policy('demo.profits', 'orders_by_category',
    predicate => $$vpd.attribute_list('app', 'categories') IS NULL OR category = ANY (vpd.attribute_list('app', 'categories'))$$);
SELECT vpd.add_policy('demo.profits', 'profits_for_managers',
    predicate => $$vpd.user_in_role('manager')$$);
