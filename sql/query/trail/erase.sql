-- Forgets who somebody was in the personal parts of records. $1 his name, $2 what stands there from now on. What else was told beside it goes as well, because it may name him.
UPDATE vpd_private.audit_person p
   SET salt = NULL,
       -- Nothing can be verified of it any more, so no other name stays either.
       user_name = CASE WHEN p.user_name = $1 THEN $2 END,
       audit_identity = CASE WHEN p.audit_identity = $1 THEN $2 END,
       actors = CASE WHEN p.actors::jsonb ? $1 THEN jsonb_build_array($2::text)::text END,
       client_address = NULL,
       statement = NULL,
       details = NULL
 WHERE p.user_name = $1
    OR p.audit_identity = $1
    OR p.actors::jsonb ? $1
    -- As it stands in JSON.
    OR position(btrim(to_json($1::text)::text, '"') IN p.details) > 0;
