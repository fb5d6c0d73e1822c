SELECT secret FROM vpd_private.mask_key;
