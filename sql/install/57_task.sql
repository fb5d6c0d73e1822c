-- Task types: who may do what with a task, and see what of it, by the part he plays in it. The tasks are rows of the application's own tables.

CREATE TABLE vpd_private.task_type (
    name text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 256 AND name !~ '[[:cntrl:]]' AND name = btrim(name)),
    description text
);
COMMENT ON TABLE vpd_private.task_type IS 'Kinds of tasks.';
COMMENT ON COLUMN vpd_private.task_type.name IS 'Name, unique.';
COMMENT ON COLUMN vpd_private.task_type.description IS 'What it is.';
SELECT pg_extension_config_dump('vpd_private.task_type', '');

CREATE TABLE vpd_private.task_right (
    task_type text NOT NULL REFERENCES vpd_private.task_type ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('action', 'content')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 256 AND name !~ '[[:cntrl:]]' AND name = btrim(name)),
    task_roles text[] NOT NULL
        CHECK (task_roles <@ ARRAY['owner', 'reviewer', 'assignee', 'manager', 'process_owner', 'process_reviewer'] AND cardinality(task_roles) > 0),
    PRIMARY KEY (task_type, kind, name)
);
COMMENT ON TABLE vpd_private.task_right IS 'What the parts in a task allow: an action, or to see an attribute of its content.';
COMMENT ON COLUMN vpd_private.task_right.task_type IS 'Kind of task.';
COMMENT ON COLUMN vpd_private.task_right.kind IS 'action, or content for an attribute.';
COMMENT ON COLUMN vpd_private.task_right.name IS 'Name of the action or attribute.';
COMMENT ON COLUMN vpd_private.task_right.task_roles IS 'Parts that allow it: owner, reviewer, assignee, manager (of the assignee), process_owner, process_reviewer.';
SELECT pg_extension_config_dump('vpd_private.task_right', '');

CREATE TRIGGER vpd_task_type_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vpd_private.task_type
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.authority_changed();
COMMENT ON TRIGGER vpd_task_type_changed ON vpd_private.task_type IS 'Announces changed task types to every backend.';
CREATE TRIGGER vpd_task_right_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vpd_private.task_right
    FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.authority_changed();
COMMENT ON TRIGGER vpd_task_right_changed ON vpd_private.task_right IS 'Announces changed rights of tasks to every backend.';

CREATE FUNCTION vpd.define_task_type(name text, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_task_type_wrapper';
COMMENT ON FUNCTION vpd.define_task_type IS
'Defines a kind of task. Nobody may do anything with its tasks until define_task_action says who may. Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.define_task_action(task_type text, action text, task_roles text[]) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_task_action_wrapper';
COMMENT ON FUNCTION vpd.define_task_action IS
'Says which parts in a task allow an action: owner, reviewer, assignee, manager (whoever the assignee reports to), process_owner and
process_reviewer (who has the role <process>.Owner or <process>.Reviewer). An empty list takes the action away.
Errors: 42704 task_type_not_found, 22023 argument_invalid.';

CREATE FUNCTION vpd.define_task_content(task_type text, attribute text, task_roles text[]) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_task_content_wrapper';
COMMENT ON FUNCTION vpd.define_task_content IS
'Says which parts in a task show an attribute of its content; the parts are those of define_task_action. An empty list hides it from everybody.
Errors: 42704 task_type_not_found, 22023 argument_invalid.';

CREATE FUNCTION vpd.drop_task_type(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_task_type_wrapper';
COMMENT ON FUNCTION vpd.drop_task_type IS
'Drops a kind of task; nobody may do anything with tasks of it any more. Errors: 42704 task_type_not_found.';

CREATE FUNCTION vpd.can_act(task jsonb, action text) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'can_act_wrapper';
COMMENT ON FUNCTION vpd.can_act(jsonb, text) IS
'True when the attached session''s user may do this with the task: {"type", "owner", "assignee", "reviewer", "process"}. Owner, assignee and
reviewer are a user (''alice''), a group (''group:buyers'') or a role (''role:Buyer''), or lists of them. False without a session.';

CREATE FUNCTION vpd.can_act(
    task_type text,
    action text,
    owner text,
    assignee text DEFAULT NULL,
    reviewer text DEFAULT NULL,
    process text DEFAULT NULL
) RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'can_act_on_wrapper';
COMMENT ON FUNCTION vpd.can_act(text, text, text, text, text, text) IS
'As can_act of a document, over the columns of a task table: for policies. NULL stands for nobody.';

CREATE FUNCTION vpd.can_see(
    task_type text,
    attribute text,
    owner text,
    assignee text DEFAULT NULL,
    reviewer text DEFAULT NULL,
    process text DEFAULT NULL
) RETURNS boolean
    LANGUAGE c STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'can_see_wrapper';
COMMENT ON FUNCTION vpd.can_see IS
'True when the attached session''s user may see this attribute of the task''s content: for masks. False without a session.';

CREATE FUNCTION vpd.visible_content(task jsonb) RETURNS jsonb
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'visible_content_wrapper';
COMMENT ON FUNCTION vpd.visible_content IS
'The attributes of the task that the attached session''s user may see; the others are left out. {} without a session.';

CREATE FUNCTION vpd.task_actions(task jsonb) RETURNS text[]
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'task_actions_wrapper';
COMMENT ON FUNCTION vpd.task_actions IS
'The actions that the attached session''s user may do with the task, in order: for the buttons of a front end. Empty without a session.';

CREATE VIEW vpd.task_types AS
    SELECT t.name AS task_type,
           t.description,
           coalesce((SELECT jsonb_object_agg(r.name, r.task_roles ORDER BY r.name)
                       FROM vpd_private.task_right r
                      WHERE r.task_type = t.name AND r.kind = 'action'), '{}') AS actions,
           coalesce((SELECT jsonb_object_agg(r.name, r.task_roles ORDER BY r.name)
                       FROM vpd_private.task_right r
                      WHERE r.task_type = t.name AND r.kind = 'content'), '{}') AS content
      FROM vpd_private.task_type t;
COMMENT ON VIEW vpd.task_types IS 'Kinds of tasks, with the parts that allow each action and show each attribute.';
COMMENT ON COLUMN vpd.task_types.actions IS 'Who may do what: {"action": ["part"]}.';
COMMENT ON COLUMN vpd.task_types.content IS 'Who sees what: {"attribute": ["part"]}.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'define_task_type'),
    ('security_admin', 'define_task_action'),
    ('security_admin', 'define_task_content'),
    ('security_admin', 'drop_task_type'),
    ('security_admin', 'task_types'),
    ('auditor', 'task_types');
