-- Names of the cursors of this connection.
SELECT name FROM pg_cursors;
