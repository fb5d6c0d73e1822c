-- Where the audit trail ends now. $1 last record, $2 its hash, $3 ring, $4 number in it.
UPDATE vpd_private.audit_state SET last_sequence = $1, last_hash = $2, ring = $3, ring_number = $4;
