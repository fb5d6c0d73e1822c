-- The bridge verifies identity tokens itself until it hands them to the database: it may create sessions by name.
SELECT vpd.grant_profile('session_creator', 'vpd_bridge');
