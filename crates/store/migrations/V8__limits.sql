-- Limits and spend caps: of a key, of a user, or of a model. Null is without.
create table limits (
    key_id              uuid unique references api_keys (id),
    user_id             uuid unique references users (id),
    model_id            uuid unique references deployed_models (id),
    requests_per_minute integer check (requests_per_minute > 0),
    tokens_per_minute   bigint  check (tokens_per_minute > 0),
    concurrent_requests integer check (concurrent_requests > 0),
    daily_cap           numeric(28, 12) check (daily_cap >= 0),
    weekly_cap          numeric(28, 12) check (weekly_cap >= 0),
    monthly_cap         numeric(28, 12) check (monthly_cap >= 0),
    -- As of a balance: who follows what was spent reads all of it again for a cap that is new.
    changed_xid         xid8 not null default pg_current_xact_id(),
    constraint limits_one_subject check (num_nonnulls(key_id, user_id, model_id) = 1),
    -- A model spends nothing.
    constraint limits_caps_have_payer check (model_id is null or num_nonnulls(daily_cap, weekly_cap, monthly_cap) = 0)
);
create trigger config_changed after insert or update or delete on limits
    for each statement execute function config_changed();

-- What one user spent since some hour: each gateway asks it of the few users with caps whose balances have moved. A new entry comes with a new
-- cell, once in an hour; adding to a cell touches no index. While it is built flushes wait: what is asked of models
-- meanwhile is answered, and its records wait in the spool.
create index usage_rollups_user on usage_rollups (user_no, hour);
