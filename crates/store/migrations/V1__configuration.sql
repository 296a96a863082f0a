-- Who pays, with which keys, for which models, at which prices. Rows are never deleted, only marked
-- (`deleted_at`, `revoked_at`, `valid_until`), because usage records point at them for ever.
-- Each table that usage records refer to has a small integer `no` beside its uuid: the books are narrow.

create table users (
    id         uuid primary key,
    no         integer generated always as identity unique,
    name       text not null unique check (name <> ''),
    kind       text not null default 'individual' check (kind in ('individual', 'organization')),
    created_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz
);
-- The system user is recorded and never charged.
insert into users (id, name) values ('00000000-0000-0000-0000-000000000000', 'system');

create table api_keys (
    id         uuid primary key,
    no         integer generated always as identity unique,
    digest     bytea not null unique check (octet_length(digest) = 32),
    prefix     text not null,
    name       text not null default '',
    user_id    uuid not null references users (id),
    created_by uuid references users (id),
    purpose    text not null default 'realtime',
    -- Batch metadata headers count only from a trusted key.
    trusted    boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz
);

create table inference_endpoints (
    id                 uuid primary key,
    name               text not null unique check (name <> ''),
    base_url           text not null,
    provider_name      text,
    -- How the upstream wants its credential: bearer | x-api-key | api-key | x-goog-api-key | none.
    auth_style         text not null default 'bearer'
                       check (auth_style in ('bearer', 'x-api-key', 'api-key', 'x-goog-api-key', 'none')),
    -- AES-256-GCM-SIV with the endpoint's id as associated data; null: no credential.
    sealed_secret      bytea,
    -- Ask for usage in streams where the client did not, and withhold the extra chunk.
    inject_usage       boolean not null default true,
    -- What happens upstream when a client goes away.
    on_disconnect      text not null default 'drain' check (on_disconnect in ('drain', 'cancel')),
    -- A 2xx without usage: count it ourselves, or leave it unrated.
    on_missing_usage   text not null default 'estimate' check (on_missing_usage in ('estimate', 'unrated')),
    -- Route of a surface → path template of this upstream, such as
    -- {"/v1/chat/completions": "/openai/deployments/{model}/chat/completions?api-version=2024-10-21"}.
    path_templates     jsonb not null default '{}',
    -- Further paths that are passed through and recorded.
    pass_through_paths text[] not null default '{}',
    created_at         timestamptz not null default clock_timestamp(),
    deleted_at         timestamptz
);

create table deployed_models (
    id             uuid primary key,
    no             integer generated always as identity unique,
    alias          text not null check (alias <> ''),
    endpoint_id    uuid not null references inference_endpoints (id),
    upstream_model text not null,
    created_at     timestamptz not null default clock_timestamp(),
    deleted_at     timestamptz
);
create unique index deployed_models_live_alias on deployed_models (alias) where deleted_at is null;

-- Moves with every change of a price. A flush reads it under a shared advisory lock, a change of prices takes the
-- same lock exclusively: no record is rated at prices that a committed change has replaced.
create table config_epochs (
    one           boolean primary key default true check (one),
    pricing_epoch integer not null default 1,
    config_epoch  bigint  not null default 1
);
insert into config_epochs default values;

-- A value derived from the master key that all gateways of this database share; never the key itself.
create table installation (
    one              boolean primary key default true check (one),
    master_key_check bytea not null check (octet_length(master_key_check) = 32)
);

create table model_tariffs (
    id                    uuid primary key,
    no                    integer generated always as identity unique,
    model_id              uuid not null references deployed_models (id),
    purpose               text not null default 'realtime',
    completion_window     text,
    input_price           numeric(28, 12) not null check (input_price >= 0),
    output_price          numeric(28, 12) not null check (output_price >= 0),
    cache_read_price      numeric(28, 12) check (cache_read_price >= 0),
    cache_write_5m_price  numeric(28, 12) check (cache_write_5m_price >= 0),
    cache_write_1h_price  numeric(28, 12) check (cache_write_1h_price >= 0),
    audio_input_price     numeric(28, 12) check (audio_input_price >= 0),
    image_input_price     numeric(28, 12) check (image_input_price >= 0),
    reasoning_price       numeric(28, 12) check (reasoning_price >= 0),
    audio_output_price    numeric(28, 12) check (audio_output_price >= 0),
    request_price         numeric(28, 12) check (request_price >= 0),
    valid_from            timestamptz not null,
    valid_until           timestamptz check (valid_until >= valid_from),
    -- When we learned of it, and at which pricing epoch it came and was closed: the auditor asks
    -- which tariffs a record rated at epoch e could have known.
    recorded_at           timestamptz not null default clock_timestamp(),
    recorded_epoch        integer not null,
    closed_epoch          integer
);
create index model_tariffs_model on model_tariffs (model_id, valid_from desc);
-- Two prices of one purpose and window never open at one instant; an empty interval is a price that never came into force.
create unique index model_tariffs_opening on model_tariffs (model_id, purpose, coalesce(completion_window, ''), valid_from)
    where valid_until is distinct from valid_from;

-- Who changed what. Append-only.
create table audit_log (
    id      uuid primary key,
    at      timestamptz not null default clock_timestamp(),
    actor   text not null,
    action  text not null,
    subject text not null,
    before  jsonb,
    after   jsonb
);

-- Every change of configuration moves `config_epoch` and wakes the gateways. The notification is a hint;
-- gateways also poll the epoch each second. Its time is the transaction's, so that one transaction sends one per table.
create function config_changed() returns trigger language plpgsql as $$
begin
    update config_epochs set config_epoch = config_epoch + 1;
    perform pg_notify('auth_config_changed',
                      tg_table_name || ':' || (extract(epoch from transaction_timestamp()) * 1000000)::bigint);
    return null;
end $$;

create trigger config_changed after insert or update or delete on users
    for each statement execute function config_changed();
create trigger config_changed after insert or update or delete on api_keys
    for each statement execute function config_changed();
create trigger config_changed after insert or update or delete on inference_endpoints
    for each statement execute function config_changed();
create trigger config_changed after insert or update or delete on deployed_models
    for each statement execute function config_changed();
create trigger config_changed after insert or update or delete on model_tariffs
    for each statement execute function config_changed();

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op using errcode = 'TG001';
end $$;

-- A tariff is history: only its end may be set or moved, and the epoch at which that was done.
create function guard_tariff() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE'
       and (to_jsonb(old) - array['valid_until', 'closed_epoch']) = (to_jsonb(new) - array['valid_until', 'closed_epoch'])
    then
        return new;
    end if;
    raise exception 'model_tariffs are history: % refused', tg_op using errcode = 'TG001';
end $$;
create trigger append_only before update or delete on model_tariffs
    for each row execute function guard_tariff();
create trigger append_only_truncate before truncate on model_tariffs
    for each statement execute function refuse_change();

create trigger append_only before update or delete on audit_log
    for each row execute function refuse_change();
create trigger append_only_truncate before truncate on audit_log
    for each statement execute function refuse_change();
