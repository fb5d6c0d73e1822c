\set ECHO none
-- Customers and what they bought.
CREATE SCHEMA oe;
GRANT USAGE ON SCHEMA oe TO PUBLIC;
CREATE TABLE oe.customer (id integer PRIMARY KEY, login text UNIQUE);
INSERT INTO oe.customer VALUES (101, 'ann'), (102, 'bob');
CREATE TABLE oe.purchase (id integer PRIMARY KEY, customer integer, total integer);
INSERT INTO oe.purchase VALUES (1, 101, 10), (2, 101, 20), (3, 102, 30), (4, 103, 40);
GRANT SELECT, INSERT, UPDATE, DELETE ON oe.purchase TO app_user;
\set ECHO all
