-- What rules read of users of whom a source tells beside others, before it is believed earlier or later than it was.
INSERT INTO vpd_private.user_history (user_id, document)
SELECT d.user_id, d.document
  FROM vpd_private.user_account u
  JOIN vpd_private.user_document d ON d.user_id = u.user_id
 WHERE u.source = $1
   AND EXISTS (SELECT FROM vpd_private.user_account o WHERE o.user_id = u.user_id AND o.source <> u.source);
