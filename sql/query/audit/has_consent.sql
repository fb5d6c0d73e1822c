SELECT c.is_given FROM vpd_private.consent c WHERE c.user_name = $1 AND c.purpose = 'audit' ORDER BY c.id DESC LIMIT 1;
