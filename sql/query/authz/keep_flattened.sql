-- Keeps what a session may do for the next backend that attaches it.
INSERT INTO vpd_private.session_authority
       (session_id, version, valid_until, environment, roles, privileges, data_groups, reports, groups)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
