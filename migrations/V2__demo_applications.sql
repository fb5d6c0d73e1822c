-- The two front ends of the demo, and who logs people in to them. Both front ends are in one pillar, so they share one session.

SELECT vpd.register_app(
    name => 'portal',
    pillar => 'retail',
    origins => '{http://portal.localhost:8480}',
    idle_timeout => '35 minutes',
    absolute_timeout => '12 hours',
    ticket_lifetime => '120 seconds');

SELECT vpd.register_app(
    name => 'floor',
    pillar => 'retail',
    origins => '{http://floor.localhost:8480}',
    idle_timeout => '35 minutes',
    absolute_timeout => '12 hours',
    ticket_lifetime => '120 seconds');

-- Who logs people in: the development provider of the bridge. Its keys are handed in by `session-bridge keys sync`.
SELECT vpd.trust_issuer(
    'http://login.localhost:8480',
    audiences => '{session-bridge}',
    algorithms => '{ES256}',
    roles_claim => 'roles',
    attribute_claims => '{"app": "attributes"}');
