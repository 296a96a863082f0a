-- What the management API keeps. A platform key may have a role on the whole platform; without one it manages what is its own user's.
alter table api_keys
    add column platform_role text check (platform_role in ('manager', 'billing_manager', 'viewer')),
    -- When a key that was replaced ends: until then both are live.
    add column revoke_at     timestamptz,
    add constraint api_keys_role_is_of_a_platform_key check (platform_role is null or purpose = 'platform');
create index api_keys_user on api_keys (user_id, no);
create index api_keys_ending on api_keys (revoke_at) where revoke_at is not null and revoked_at is null;

-- What a write of money came to, under the key that its client chose for it: written in the transaction of the write itself. The
-- same key again is answered from here; with another request it is refused. `fingerprint` is a keyed digest of the request. A key is
-- its user's: the API key that carries a request may be replaced between two tries.
create table idempotency_keys (
    user_id     uuid        not null references users (id),
    key         text        not null check (key <> ''),
    fingerprint uuid        not null,
    status      smallint    not null,
    body        jsonb       not null,
    created_at  timestamptz not null default clock_timestamp(),
    primary key (user_id, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- The log of changes is read newest first, in pages.
create index audit_log_newest on audit_log (at desc, id desc);
