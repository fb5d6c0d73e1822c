-- Nobody is told any more of the keys there are: somebody else may have the private half.
UPDATE vpd_private.signing_key SET is_compromised = true WHERE NOT is_compromised;
