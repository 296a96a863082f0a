-- A flush of a few records, in one statement. Its sixty arrays are one value: PL/pgSQL takes each array that is an argument apart, those in a row it
-- leaves as they are.
create type usage_entry as (
    -- By which run of which server, and of which database, numbers were given, and from which prices and configuration they are; null: whichever.
    server_started text, database text, known_pricing integer, known_config bigint,
    -- usage_records, sorted by key
    requested_at timestamptz[], correlation_id bigint[], amount_pico bigint[], batch_created_at timestamptz[],
    raw_digest uuid[], rated_digest uuid[], day date[], instance_no integer[], user_no integer[], key_no integer[],
    model_no integer[], tariff_no integer[], pricing_epoch integer[], dimensions_no integer[], duration_ms integer[],
    first_byte_ms integer[], prompt_tokens integer[], completion_tokens integer[], total_tokens integer[],
    reasoning_tokens integer[], cache_read_tokens integer[], cache_write_5m_tokens integer[],
    cache_write_1h_tokens integer[], audio_input_tokens integer[], audio_output_tokens integer[],
    image_input_tokens integer[], status_code smallint[], flags smallint[], state "char"[], usage_source "char"[],
    -- usage_details
    details_day date[], details_instance_no integer[], details_correlation_id bigint[], batch_id uuid[],
    batch_request_id uuid[], custom_id text[], trace_id text[],
    -- usage_rollups, sorted by key
    hour timestamptz[], cell_user_no integer[], cell_key_no integer[], cell_model_no integer[], requests bigint[],
    failed_requests bigint[], unrated_requests bigint[], cell_prompt_tokens bigint[], cell_completion_tokens bigint[],
    cell_reasoning_tokens bigint[], cell_cache_read_tokens bigint[], cell_cache_write_tokens bigint[],
    cell_amount_pico numeric[],
    -- usage_commits
    charged_pico numeric, run_days date[], run_instances integer[], run_firsts bigint[], run_lasts bigint[],
    -- user_balances: what to add, below zero
    payer_no integer[], delta numeric[],
    -- instances: how far its log was seen to be in the books, and how far it is with this
    instance uuid, seen_log_position bigint, position bigint, log_position bigint, admitted bigint, finished bigint,
    interrupted bigint
);

-- Does what the longer way of several statements does (`tollgate-metering`, `flush`), in the same order of locks, for the case that nothing is
-- in its way. Returns the configuration's epoch; null, and nothing is written, where
--   - it is not the server, or not the database, by which numbers were given,
--   - prices have changed since they were read, or, if a configuration is given, anything else has,
--   - a record in quarantine may be one of these, or one is of an hour that may be closed,
--   - the database gives transactions another isolation: then all of it would be seen as of before the lock.
-- Fails with TG001, and nothing is written, where somebody has to be told of a balance, or is without one, or the log is not where it was seen.
create function enter_usage(e usage_entry) returns bigint
-- Its plans are made when tables may be empty still, and kept. Who has asked waits for three seconds, so nothing waits longer for a lock in here and happens
-- when nobody is there any more.
language plpgsql set enable_hashjoin = off set enable_mergejoin = off set lock_timeout = '2s' as $body$
declare
    config bigint;
    moved bigint;
    is_to_be_told boolean;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        return null;
    end if;
    -- The lock of prices, as `epochs::read_shared` takes it; what follows sees what was committed before it was had.
    perform pg_advisory_xact_lock_shared(8390043841926791170);
    select c.config_epoch into config from config_epochs c
     where c.pricing_epoch = e.known_pricing and (e.known_config is null or c.config_epoch = e.known_config)
       and not exists (select from quarantine q where q.correlation_id = any(e.correlation_id))
       and not exists (select from usage_closing u where u.closing_until > e.hour[1])
       and pg_postmaster_start_time()::text = e.server_started
       and coalesce(pg_relation_filepath(to_regclass('installation')), '') = e.database;
    if not found then
        return null;
    end if;
    insert into usage_records (
        requested_at, correlation_id, amount_pico, batch_created_at, raw_digest, rated_digest, day, instance_no, user_no,
        key_no, model_no, tariff_no, pricing_epoch, dimensions_no, duration_ms, first_byte_ms, prompt_tokens,
        completion_tokens, total_tokens, reasoning_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, status_code, flags, state,
        usage_source)
    select * from unnest(
        e.requested_at, e.correlation_id, e.amount_pico, e.batch_created_at, e.raw_digest, e.rated_digest, e.day,
        e.instance_no, e.user_no, e.key_no, e.model_no, e.tariff_no, e.pricing_epoch, e.dimensions_no, e.duration_ms,
        e.first_byte_ms, e.prompt_tokens, e.completion_tokens, e.total_tokens, e.reasoning_tokens, e.cache_read_tokens,
        e.cache_write_5m_tokens, e.cache_write_1h_tokens, e.audio_input_tokens, e.audio_output_tokens,
        e.image_input_tokens, e.status_code, e.flags, e.state, e.usage_source);
    if cardinality(e.details_day) > 0 then
        insert into usage_details (day, instance_no, correlation_id, batch_id, batch_request_id, custom_id, trace_id)
        select * from unnest(e.details_day, e.details_instance_no, e.details_correlation_id, e.batch_id, e.batch_request_id,
                             e.custom_id, e.trace_id);
    end if;
    insert into usage_rollups as r (
        hour, user_no, key_no, model_no, requests, failed_requests, unrated_requests, prompt_tokens, completion_tokens,
        reasoning_tokens, cache_read_tokens, cache_write_tokens, amount_pico)
    select * from unnest(
        e.hour, e.cell_user_no, e.cell_key_no, e.cell_model_no, e.requests, e.failed_requests, e.unrated_requests,
        e.cell_prompt_tokens, e.cell_completion_tokens, e.cell_reasoning_tokens, e.cell_cache_read_tokens,
        e.cell_cache_write_tokens, e.cell_amount_pico)
    on conflict (hour, user_no, key_no, model_no) do update set
        requests = r.requests + excluded.requests,
        failed_requests = r.failed_requests + excluded.failed_requests,
        unrated_requests = r.unrated_requests + excluded.unrated_requests,
        prompt_tokens = r.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = r.completion_tokens + excluded.completion_tokens,
        reasoning_tokens = r.reasoning_tokens + excluded.reasoning_tokens,
        cache_read_tokens = r.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = r.cache_write_tokens + excluded.cache_write_tokens,
        amount_pico = r.amount_pico + excluded.amount_pico;
    insert into usage_commits (slot, xid, is_rating, records, amount_pico, days, instances, firsts, lasts)
    values ((nextval('usage_commits_no') % 131072)::integer, pg_current_xact_id(), false, cardinality(e.correlation_id),
            e.charged_pico, e.run_days, e.run_instances, e.run_firsts, e.run_lasts)
    on conflict (slot) do update set
        xid = excluded.xid, is_rating = excluded.is_rating, records = excluded.records,
        amount_pico = excluded.amount_pico, days = excluded.days, instances = excluded.instances,
        firsts = excluded.firsts, lasts = excluded.lasts;
    if cardinality(e.payer_no) > 0 then
        -- Locked in the order of users before any is changed, as everywhere.
        with payers as materialized (
            select b.user_no from user_balances b where b.user_no = any(e.payer_no) order by b.user_no for no key update),
        moved as (
            update user_balances b
               set balance = b.balance + d.delta, changed_xid = pg_current_xact_id()
              from (select count(*) from payers) as locked (payers), unnest(e.payer_no, e.delta) as d (user_no, delta)
             where b.user_no = d.user_no and locked.payers = cardinality(e.payer_no)
         returning b.balance - d.delta as before, b.balance as after, b.low_balance as low)
        select count(*), bool_or(m.after < 0 or m.before > 0 and m.after <= 0 or m.before > m.low and m.after <= m.low)
          into moved, is_to_be_told from moved m;
        if moved <> cardinality(e.payer_no) or is_to_be_told then
            raise exception 'somebody has to be told of a balance, or has none' using errcode = 'TG001';
        end if;
    end if;
    update instances i
       set committed_position = greatest(i.committed_position, e.position),
           log_position = greatest(i.log_position, e.log_position), admitted = greatest(i.admitted, e.admitted),
           finished = greatest(i.finished, e.finished), interrupted = greatest(i.interrupted, e.interrupted)
     where i.id = e.instance and i.log_position >= e.seen_log_position;
    if not found then
        raise exception 'the log of the instance is not where it was seen' using errcode = 'TG001';
    end if;
    return config;
end $body$;
