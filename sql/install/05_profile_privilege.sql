-- What each profile may do. A topic's file adds its own lines; 90_profile.sql holds those of the first topics and the functions.

CREATE TABLE vpd_private.profile_privilege (
    profile text NOT NULL CHECK (profile IN ('runtime', 'bridge', 'session_creator', 'key_steward', 'security_admin', 'auditor')),
    object text NOT NULL,
    PRIMARY KEY (profile, object)
) WITH (parallel_workers = 0);
COMMENT ON TABLE vpd_private.profile_privilege IS 'What a profile may execute (a function) or read (a view).';
COMMENT ON COLUMN vpd_private.profile_privilege.profile IS 'runtime, bridge, session_creator, key_steward, security_admin or auditor.';
COMMENT ON COLUMN vpd_private.profile_privilege.object IS 'Name of a function or view in the schema vpd, or in another when it has a dot.';
