-- The demo's customers, with e-mail addresses that are made up: the Sample – Superstore data has none.
-- The column is sealed by `story load`, before the first address comes in: a server that is migrated may have no master key yet.

CREATE TABLE demo.customers (
    customer_id text PRIMARY KEY,
    customer_name text NOT NULL,
    email text
);
COMMENT ON TABLE demo.customers IS 'Customers of the order lines. Under policy: each user sees those of the order lines that the user sees.';
COMMENT ON COLUMN demo.customers.customer_id IS 'Customer; names the person that a row is about.';
COMMENT ON COLUMN demo.customers.customer_name IS 'Name of the customer.';
COMMENT ON COLUMN demo.customers.email IS 'Address, made up. Sealed with a key per customer: managers see it, others a mask.';

GRANT SELECT ON demo.customers TO vpd_runtime;

-- The table in the sub-select is under policy as well.
SELECT vpd.add_policy('demo.customers', 'customers_of_orders',
    predicate => $$customer_id IN (SELECT o.customer_id FROM demo.orders o)$$);

-- The identity provider says who is a manager; here it is said what managers may do.
SELECT vpd.define_resource('customer', description => 'A customer of the demo.');
SELECT vpd.define_privilege('customer:read_email', 'See the address of a customer.', mode => 'view');
SELECT vpd.define_role('manager', 'enterprise', 'Manager of regions, as the identity provider says.');
SELECT vpd.grant_authority('privilege:customer:read_email', 'role:manager');
