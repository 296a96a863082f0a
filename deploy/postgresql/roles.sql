-- Roles for a database of Tollgate: who may do what, beside the triggers, which hold for everybody.
--
--   psql -v ON_ERROR_STOP=1 -d tollgate -f roles.sql
--
-- Run it as the owner of the schema (who needs CREATEROLE), after the first `tollgate migrate` and again after each upgrade: what a later version
-- adds has no rights until then. It takes back everything and grants anew, in one transaction. Then make logins of your own:
--
--   create role gateway login password '…' in role tollgate_gateway;     -- database.gateway_url: the request path, which writes nothing of the books
--   create role batcher login password '…' in role tollgate_batcher;     -- database.batcher_url, and database.url: what writes the books
--   create role billing login password '…' in role tollgate_admin;       -- database.admin_url: the management API, and commands that change something
--   create role analyst login password '…' in role tollgate_reporting;   -- of people and dashboards with SQL
--
-- One login for all of a server, in database.url alone, is in role tollgate_server; with its management API on (admin.listen) it is in
-- tollgate_admin, whose work that is.
--
-- The owner only migrates (`tollgate migrate`), and no server has its password.
--
-- Nobody here may update or delete what is in the ledger, with one exception: a record that had no price gets one, once, which the trigger
-- guards. The request path writes leases and nothing else; the batcher enters usage and moves balances by it; credits neither can give nor take.
begin;

do $$
declare
    role text;
begin
    foreach role in array array['tollgate_gateway', 'tollgate_batcher', 'tollgate_server', 'tollgate_admin', 'tollgate_reporting'] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I nologin', role);
        end if;
    end loop;
    -- To make anything in the schema is the owner's alone; in databases from before PostgreSQL 15 it was everybody's.
    execute format('revoke create on schema %I from public', current_schema());
    foreach role in array array['public', 'tollgate_gateway', 'tollgate_batcher', 'tollgate_server', 'tollgate_admin',
                                'tollgate_reporting'] loop
        execute format('revoke all on all tables in schema %I from %s', current_schema(), role);
        execute format('revoke all on all sequences in schema %I from %s', current_schema(), role);
    end loop;
    execute format('grant usage on schema %I to tollgate_gateway, tollgate_batcher, tollgate_server, tollgate_admin,
                    tollgate_reporting', current_schema());
end $$;

-- The request path: it knows keys, models, limits and balances, and keeps leases. Of the books it reads sums, and writes nothing.
grant select on
    users, api_keys, inference_endpoints, deployed_models, model_tariffs, tariff_ends, limits, config_epochs, installation,
    instances, usage_rollups, user_balances, credit_leases, credit_overdrafts, refinery_schema_history
    to tollgate_gateway;
grant insert, update, delete on credit_leases to tollgate_gateway;
grant insert, update on credit_overdrafts to tollgate_gateway;

-- The books: the batcher, the audit of what is new and the deliverer of webhooks.
grant select on
    users, api_keys, inference_endpoints, deployed_models, model_tariffs, tariff_ends, limits, config_epochs, installation,
    webhooks, webhook_deliveries, instances, usage_dimensions, usage_records, usage_details, usage_commits, usage_rollups,
    usage_sums, usage_closing, user_balances, credit_leases, credit_overdrafts, credit_movements, quarantine, audit_log, audit_log_chain, audit_log_head,
    refinery_schema_history
    to tollgate_batcher;
grant insert on usage_records, usage_details, usage_dimensions, usage_commits, usage_rollups, usage_sums, instances, quarantine,
    webhook_deliveries, credit_overdrafts, installation
    to tollgate_batcher;
-- The one guarded transition: unrated → charged or free.
grant update (state, amount_pico, model_no, tariff_no, pricing_epoch, rated_digest) on usage_records to tollgate_batcher;
grant update (balance, changed_xid) on user_balances to tollgate_batcher;
grant update on usage_commits, usage_rollups, usage_sums, usage_closing, instances, webhook_deliveries, credit_overdrafts to tollgate_batcher;
grant usage, select on sequence usage_commits_no to tollgate_batcher;
-- A record that is delivered again, mended, leaves quarantine for the books in one transaction; deliveries that ended are forgotten.
grant update (written_off_at), delete on quarantine to tollgate_batcher;
grant delete on webhook_deliveries to tollgate_batcher;
-- Makes the partition of a day, and nothing else.
grant execute on function make_usage_partition(text, date) to tollgate_batcher;

-- Both, for a server with one login. Its management API is not in it.
grant tollgate_gateway, tollgate_batcher to tollgate_server;

-- Who runs the platform: everything that a server may, and configuration and credits. History stays history here too.
grant tollgate_server to tollgate_admin;
grant insert on users, api_keys, inference_endpoints, deployed_models, model_tariffs, tariff_ends, limits, webhooks,
    user_balances, credit_movements, audit_log, idempotency_keys
    to tollgate_admin;
grant select, delete on idempotency_keys to tollgate_admin;
grant update (created_at) on idempotency_keys to tollgate_admin;
grant update on inference_endpoints, deployed_models, limits, config_epochs to tollgate_admin;
grant update (revoked_at, revoke_at, platform_role) on api_keys to tollgate_admin;
grant update (deleted_at, when_spent, role) on users to tollgate_admin;
grant select, insert, update, delete on user_passwords, sessions, sign_in_codes, sign_in_attempts, user_identities, oidc_sign_ins
    to tollgate_admin;
grant update (valid_until, closed_epoch) on model_tariffs to tollgate_admin;
grant update (deleted_at) on webhooks to tollgate_admin;
grant update (low_balance) on user_balances to tollgate_admin;
grant update (written_off_at, written_off_by) on quarantine to tollgate_admin;
grant delete on limits to tollgate_admin;
-- What upstreams ask is no part of the books: it is corrected, and reports of margin follow.
grant select, insert, delete on model_costs to tollgate_admin;
grant select on http_analytics, credits_transactions to tollgate_admin;

-- Who only reads: the views and what they are made of, without digests of keys, sealed secrets and payloads.
grant select on http_analytics, credits_transactions, usage_rollups, user_balances, users, deployed_models, model_tariffs,
    model_costs, tariff_ends, limits, credit_movements, credit_leases, credit_overdrafts, audit_log, audit_log_chain, audit_log_head, instances
    to tollgate_reporting;
grant select (id, no, prefix, name, user_id, created_by, purpose, trusted, created_at, revoked_at) on api_keys to tollgate_reporting;
grant select (id, name, base_url, provider_name, auth_style, created_at, deleted_at) on inference_endpoints to tollgate_reporting;
grant select (id, instance_id, correlation_id, day, reason, sqlstate, quarantined_at, written_off_at, written_off_by)
    on quarantine to tollgate_reporting;

-- An audit reads partition by partition. Those that are made from now on are given to who may read the table.
do $$
declare
    partition regclass;
begin
    for partition in
        select inhrelid::regclass from pg_inherits where inhparent in ('usage_records'::regclass, 'usage_details'::regclass)
    loop
        execute format('grant select on %s to tollgate_batcher', partition);
    end loop;
end $$;

commit;
