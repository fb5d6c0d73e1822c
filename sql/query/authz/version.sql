SELECT version FROM vpd_private.authority_version;
