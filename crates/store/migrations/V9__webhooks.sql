-- Who wants to hear what becomes of balances, and what they are owed of it.
create table webhooks (
    id            uuid primary key,
    no            integer generated always as identity unique,
    url           text not null check (url <> ''),
    -- Null: of all users.
    user_id       uuid references users (id),
    -- As an endpoint's credential is, with the webhook's id as associated data.
    sealed_secret bytea not null,
    created_at    timestamptz not null default clock_timestamp(),
    deleted_at    timestamptz
);

-- Below what a balance is low; null: nobody asked.
alter table user_balances add column low_balance numeric(28, 12) check (low_balance > 0);

-- One row per event and webhook, entered in the transaction that moved the balance. Of one user the numbers are in the order of
-- the events: whoever draws one has the user's balance locked.
create table webhook_deliveries (
    no              bigint generated always as identity primary key,
    webhook_no      integer not null references webhooks (no),
    user_no         integer not null references users (no),
    -- The same for all webhooks that hear of an event, and for all attempts.
    message_id      uuid not null,
    type            text not null,
    balance_before  numeric(28, 12) not null,
    balance         numeric(28, 12) not null,
    low_balance     numeric(28, 12),
    created_at      timestamptz not null default clock_timestamp(),
    attempts        integer not null default 0,
    next_attempt_at timestamptz not null default clock_timestamp(),
    -- Until then somebody is delivering it.
    claimed_until   timestamptz,
    ended_at        timestamptz,
    outcome         text check (outcome in ('delivered', 'given_up')),
    last_status     integer,
    last_error      text,
    constraint webhook_deliveries_end check ((ended_at is null) = (outcome is null))
);
create index webhook_deliveries_waiting on webhook_deliveries (webhook_no, user_no, no) where ended_at is null;
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where ended_at is not null;
