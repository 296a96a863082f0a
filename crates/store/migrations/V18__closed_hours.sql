-- What reports over weeks read: sums of `usage_rollups` by day, and by fewer things, over all hours that are closed. Beside it, which
-- hours that are. Exact at all times: an hour is added when it is closed, by a job, and whoever adds to it later adds here as well, in
-- the same transaction.

-- grain: 1 hour × model, 2 day × model, 3 day × user × key, 4 day × user × key × model. What a grain does not tell apart is 0.
create table usage_sums (
    grain                 smallint not null check (grain between 1 and 4),
    starts_at             timestamptz not null,
    user_no               integer not null,
    key_no                integer not null,
    model_no              integer not null,
    requests              bigint not null default 0,
    failed_requests       bigint not null default 0,
    unrated_requests      bigint not null default 0,
    prompt_tokens         bigint not null default 0,
    completion_tokens     bigint not null default 0,
    reasoning_tokens      bigint not null default 0,
    cache_read_tokens     bigint not null default 0,
    cache_write_tokens    bigint not null default 0,
    amount_pico           numeric(40, 0) not null default 0,
    primary key (grain, starts_at, user_no, key_no, model_no)
) with (fillfactor = 70);
create index usage_sums_user on usage_sums (grain, user_no, starts_at);
create index usage_sums_key on usage_sums (grain, key_no, starts_at);
create index usage_sums_model on usage_sums (model_no, starts_at) where grain = 4;

-- Hours before `closed_until` are in the sums. Those from there to `closing_until` may be on the way: who adds to one of them, or to one
-- that is closed, takes a lock. Both only move on. Null: nothing is closed.
create table usage_closing (
    one           boolean primary key default true check (one),
    closing_until timestamptz,
    closed_until  timestamptz,
    not_before    timestamptz not null
);
-- Servers of the version before, which may go on beside a new one, add to closed hours without adding here. They get an hour to end.
insert into usage_closing (not_before)
select case when exists (select from usage_rollups) then clock_timestamp() + interval '1 hour' else clock_timestamp() end;

-- Begins anew, for whoever finds by an audit that sums differ: nothing is closed, reports read hours, and the servers close them again.
create function reopen_usage_hours() returns void language plpgsql as $$
begin
    -- The lock of closing: nobody adds to sums meanwhile.
    perform pg_advisory_xact_lock(8390043841926791187);
    delete from usage_sums;
    update usage_closing set closed_until = null, closing_until = null;
end $$;
revoke execute on function reopen_usage_hours() from public;
