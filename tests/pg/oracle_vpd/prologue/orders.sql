\set ECHO none
-- Orders of two tenants, and functions that restrict what is seen of them by tenant, warehouse and ledger.
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
\set ECHO all
