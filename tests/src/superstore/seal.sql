-- Seals the addresses of the demo's customers with a key for each of them, unless they are. The table is empty then, so no address was ever in the clear.
LOCK TABLE demo.customers IN SHARE ROW EXCLUSIVE MODE;
DO $$
BEGIN
    IF (SELECT a.atttypid <> 'vpd.sealed_text'::regtype FROM pg_attribute a WHERE a.attrelid = 'demo.customers'::regclass AND a.attname = 'email') THEN
        PERFORM vpd.create_key('customer', privilege => 'customer:read_email', per_person => true);
        PERFORM vpd.name_person('demo.customers', 'customer_id');
        PERFORM vpd.seal_column('demo.customers', 'email', 'customer');
    END IF;
END
$$;
