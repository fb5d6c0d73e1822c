SELECT $1::interval;
