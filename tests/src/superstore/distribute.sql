-- Profit goes to a table of its own; everything else is an order line.
INSERT INTO demo.orders (
    row_id, order_id, order_date, ship_date, ship_mode, customer_id, customer_name, segment, country, city, state,
    postal_code, region, product_id, category, sub_category, product_name, sales, quantity, discount
)
SELECT "Row ID", "Order ID", "Order Date", "Ship Date", "Ship Mode", "Customer ID", "Customer Name", "Segment", "Country",
       "City", "State", "Postal Code", "Region", "Product ID", "Category", "Sub-Category", "Product Name", "Sales",
       "Quantity", "Discount"
  FROM superstore;
INSERT INTO demo.profits (row_id, region, category, profit)
SELECT "Row ID", "Region", "Category", "Profit"
  FROM superstore;
