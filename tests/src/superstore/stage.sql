-- The columns of superstore.csv, named as its header line names them: COPY compares them and refuses another file.
-- The lock lets one loader at a time look whether the tables are empty.
LOCK TABLE demo.orders IN SHARE ROW EXCLUSIVE MODE;
CREATE TEMPORARY TABLE superstore (
    "Row ID" integer,
    "Order ID" text,
    "Order Date" date,
    "Ship Date" date,
    "Ship Mode" text,
    "Customer ID" text,
    "Customer Name" text,
    "Segment" text,
    "Country" text,
    "City" text,
    "State" text,
    "Postal Code" text,
    "Region" text,
    "Product ID" text,
    "Category" text,
    "Sub-Category" text,
    "Product Name" text,
    "Sales" numeric,
    "Quantity" integer,
    "Discount" numeric,
    "Profit" numeric
) ON COMMIT DROP;
