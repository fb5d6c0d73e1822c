UPDATE vpd_private.authority_version SET version = version + 1;
