-- The two front ends of the demo. Both are in one pillar, so they share one session.

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
