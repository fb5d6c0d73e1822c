-- Whether a login, by the hashes of its names ($1), was ended at its provider after one of its tokens was made ($2, in seconds since 1970).
SELECT true FROM vpd_private.provider_logout o WHERE o.login_hash = ANY ($1) AND o.logged_out_at >= to_timestamp($2);
