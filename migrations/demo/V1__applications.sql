-- The two front ends of the demo, and who logs people in to them. Both front ends are in one pillar, so they share one session.

SELECT vpd.register_app('portal', 'retail', '{http://portal.localhost:8480}');
SELECT vpd.register_app('floor', 'retail', '{http://floor.localhost:8480}');

-- Who logs people in: the development provider of the bridge. Its keys are handed in by `session-bridge keys sync`.
SELECT vpd.trust_issuer(
    'http://login.localhost:8480',
    audiences => '{session-bridge}',
    algorithms => '{ES256}',
    roles_claim => 'roles',
    attribute_claims => '{"app": "attributes"}');
