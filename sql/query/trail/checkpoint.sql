-- Keeps a checkpoint. $1 record, $2 its hash, $3 when, $4 the key, $5 the signature, $6 whether it stands for all before it.
INSERT INTO vpd_private.audit_checkpoint (sequence, hash, made_at, kid, signature, is_stub)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (sequence) DO UPDATE SET is_stub = audit_checkpoint.is_stub OR excluded.is_stub;
