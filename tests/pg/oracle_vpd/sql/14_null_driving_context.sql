-- A driving context without a value.
-- Oracle: the policies of every group apply, so that an application that forgot to set it sees less and not more.
-- Here: the same; an empty text counts as no value, as it does in Oracle.

CREATE SCHEMA sales;
GRANT USAGE ON SCHEMA sales TO PUBLIC;
CREATE TABLE sales.orders (
    id integer PRIMARY KEY,
    tenant text NOT NULL,
    warehouse text NOT NULL,
    ledger text NOT NULL
);
INSERT INTO sales.orders VALUES
    (1, 'acme', 'north', 'open'), (2, 'acme', 'south', 'open'), (3, 'acme', 'south', 'closed'),
    (4, 'zeta', 'north', 'open'), (5, 'zeta', 'south', 'closed');
GRANT SELECT, INSERT, UPDATE, DELETE ON sales.orders TO app_user;
CREATE FUNCTION sales.own_tenant(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'tenant = vpd.attribute(''subject'', ''tenant'')' $$;
CREATE FUNCTION sales.for_shipping(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'warehouse = ''south'' ' $$;
CREATE FUNCTION sales.for_billing(object_schema text, object_name text) RETURNS text
LANGUAGE sql AS $$ SELECT 'ledger = ''open'' ' $$;
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme"}}') AS unset \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": ""}}') AS empty \gset
SELECT vpd.create_session('ann', 'portal', attributes => '{"subject": {"tenant": "acme", "application": "shipping"}}') AS shipping \gset

\connect - sec_admin
SELECT dbms_rls.create_policy_group('sales', 'orders', 'shipping');
SELECT dbms_rls.create_policy_group('sales', 'orders', 'billing');
SELECT dbms_rls.add_policy('sales', 'orders', 'tenant', 'sales', 'own_tenant');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'shipping', 'south', 'sales', 'for_shipping');
SELECT dbms_rls.add_grouped_policy('sales', 'orders', 'billing', 'open', 'sales', 'for_billing');

-- Without a driving context at all, every group applies as well.
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS no_driving_context FROM sales.orders ORDER BY id;
COMMIT;

\connect - sec_admin
SELECT dbms_rls.add_policy_context('sales', 'orders', 'subject', 'application');
\connect - app_user
BEGIN;
SELECT vpd.attach_session(:'unset') \gset
SELECT id AS no_value FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'empty') \gset
SELECT id AS empty_value FROM sales.orders ORDER BY id;
COMMIT;
BEGIN;
SELECT vpd.attach_session(:'shipping') \gset
SELECT id AS shipping FROM sales.orders ORDER BY id;
COMMIT;
