DELETE FROM vpd_private.own_issuer;
