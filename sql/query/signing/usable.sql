-- Keys by which a token may still have to be verified: it lives for 5 minutes at most, and clocks may be 5 minutes apart. The newest first.
SELECT kid, key, retired_at IS NULL
  FROM vpd_private.signing_key
 WHERE retired_at IS NULL
    OR NOT is_compromised AND clock_timestamp() < retired_at + interval '10 minutes'
 ORDER BY made_at DESC;
