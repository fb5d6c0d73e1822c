-- Where the audit trail ends.
SELECT last_sequence, last_hash, ring, ring_number FROM vpd_private.audit_state;
