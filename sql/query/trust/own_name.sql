SELECT issuer FROM vpd_private.own_issuer;
