-- The books: one narrow row per request, which is its own ledger entry; every other ledger entry; balances.

-- One stream of correlation ids. `committed_position` is the last position of the instance's stream of
-- finished requests whose effects are in the books; it moves in the flush's own transaction, so a snapshot that
-- reads it beside the balances knows exactly which requests those balances include.
create table instances (
    no                 integer generated always as identity primary key,
    id                 uuid not null unique,
    committed_position bigint not null default 0,
    created_at         timestamptz not null default clock_timestamp()
);

-- Everything about a request that repeats, one row per combination. `fingerprint` is a digest of the other
-- columns, keyed, by which the auditor finds tampering: purpose and window decide which tariff applies. Texts are
-- truncated, and past a cap of combinations client-controlled texts become 'other'.
create table usage_dimensions (
    no                      integer generated always as identity primary key,
    fingerprint             uuid not null unique,
    method                  text not null,
    uri                     text not null,
    request_model           text,
    response_model          text,
    response_type           text not null,
    finish_reason           text,
    outcome                 text not null,
    user_agent              text,
    server_address          text,
    server_port             integer,
    served_by               text,
    provider_name           text,
    access_source           text not null,
    api_key_purpose         text,
    request_origin          text not null,
    batch_completion_window text,
    batch_request_source    text
);

-- state: c charged, f free, u unrated, v voided. usage_source: p provider, e estimated, n none.
-- flags: 1 = stated parts exceeded their whole and were clamped for pricing; 2 = the request failed.
-- A detail count (reasoning, cache, audio, image) of zero is stored as null, which takes no room.
-- Widest columns first: no padding between them.
create table usage_records (
    requested_at           timestamptz not null,
    correlation_id         bigint      not null,
    amount_pico            bigint      not null check (amount_pico >= 0),
    batch_created_at       timestamptz,
    raw_digest             uuid        not null,
    rated_digest           uuid        not null,
    day                    date        not null,
    instance_no            integer     not null,
    user_no                integer,
    key_no                 integer,
    model_no               integer,
    tariff_no              integer,
    pricing_epoch          integer     not null,
    dimensions_no          integer     not null,
    duration_ms            integer     not null check (duration_ms >= 0),
    first_byte_ms          integer     check (first_byte_ms >= 0),
    prompt_tokens          integer     check (prompt_tokens >= 0),
    completion_tokens      integer     check (completion_tokens >= 0),
    total_tokens           integer     check (total_tokens >= 0),
    reasoning_tokens       integer     check (reasoning_tokens >= 0),
    cache_read_tokens      integer     check (cache_read_tokens >= 0),
    cache_write_5m_tokens  integer     check (cache_write_5m_tokens >= 0),
    cache_write_1h_tokens  integer     check (cache_write_1h_tokens >= 0),
    audio_input_tokens     integer     check (audio_input_tokens >= 0),
    audio_output_tokens    integer     check (audio_output_tokens >= 0),
    image_input_tokens     integer     check (image_input_tokens >= 0),
    status_code            smallint    not null,
    flags                  smallint    not null default 0,
    state                  "char"      not null,
    usage_source           "char"      not null,
    constraint usage_records_state check (state in ('c', 'f', 'u', 'v') and (state = 'c') = (amount_pico > 0)),
    constraint usage_records_source check (usage_source in ('p', 'e', 'n')),
    constraint usage_records_charged_has_payer check (state <> 'c' or (user_no is not null and tariff_no is not null)),
    primary key (day, instance_no, correlation_id)
) partition by range (day);
create table usage_records_default partition of usage_records default;
-- What waits for a price. Costs nothing for the rows that do not.
create index usage_records_unrated on usage_records (day, instance_no, correlation_id) where state = 'u';

-- Unique strings, written only where a request has any: a batch job's, or a trace.
create table usage_details (
    day              date    not null,
    instance_no      integer not null,
    correlation_id   bigint  not null,
    batch_id         uuid,
    batch_request_id uuid,
    custom_id        text,
    trace_id         text,
    primary key (day, instance_no, correlation_id)
) partition by range (day);
create table usage_details_default partition of usage_details default;

-- Records are never edited, but for one transition: unrated → charged or free, once. It may settle what rating
-- settles, and the model where the record has none yet; who pays and what was used stay as they were.
create function guard_usage_record() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.state = 'u' and new.state in ('c', 'f')
       and (old.model_no is null or new.model_no = old.model_no)
       and (to_jsonb(old) - array['state', 'amount_pico', 'model_no', 'tariff_no', 'pricing_epoch', 'rated_digest'])
         = (to_jsonb(new) - array['state', 'amount_pico', 'model_no', 'tariff_no', 'pricing_epoch', 'rated_digest'])
    then
        return new;
    end if;
    raise exception 'usage_records are append-only: % refused', tg_op using errcode = 'TG001';
end $$;
create trigger append_only before update or delete on usage_records
    for each row execute function guard_usage_record();
create trigger append_only before update or delete on usage_details
    for each row execute function refuse_change();
create trigger append_only before update or delete on usage_dimensions
    for each row execute function refuse_change();
create trigger append_only_truncate before truncate on usage_records
    for each statement execute function refuse_change();
create trigger append_only_truncate before truncate on usage_details
    for each statement execute function refuse_change();
create trigger append_only_truncate before truncate on usage_dimensions
    for each statement execute function refuse_change();

-- Every ledger entry that is not usage. The amount is positive; the type says which way it goes.
create table credit_movements (
    id          uuid primary key,
    user_id     uuid not null references users (id),
    type        text not null check (type in ('purchase', 'admin_grant', 'admin_removal', 'adjustment', 'refund', 'expiry')),
    amount      numeric(28, 12) not null check (amount > 0),
    source_id   text not null unique check (source_id <> ''),
    description text not null default '',
    created_at  timestamptz not null default clock_timestamp()
);
create index credit_movements_user on credit_movements (user_id, created_at);
create trigger append_only before update or delete on credit_movements
    for each row execute function refuse_change();
create trigger append_only_truncate before truncate on credit_movements
    for each statement execute function refuse_change();

-- +1 for what is given, -1 for what is taken.
create function movement_sign(type text) returns integer language sql immutable
    return case when type in ('admin_removal', 'expiry') then -1 else 1 end;

-- The read model: Σ of the user's ledger, written in the same transaction as the entries.
-- `changed_xid` is the transaction that changed it last: a commit-ordered cursor when read below pg_snapshot_xmin.
create table user_balances (
    user_no     integer primary key references users (no),
    user_id     uuid not null unique references users (id),
    balance     numeric(28, 12) not null default 0,
    changed_xid xid8 not null default pg_current_xact_id()
) with (fillfactor = 70);
insert into user_balances (user_no, user_id) select no, id from users;

-- What every chart and usage API reads: sums per user × key × model × hour. 0 stands for none.
create table usage_rollups (
    hour                  timestamptz not null,
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
    primary key (hour, user_no, key_no, model_no)
) with (fillfactor = 70);

-- Records that the books refuse, with the reason; to be replayed once mended, or written off by name.
create table quarantine (
    id             uuid primary key,
    instance_id    uuid not null,
    correlation_id bigint not null,
    day            date not null,
    raw_digest     uuid not null,
    -- bytea, because the reason may be that no text column can hold it.
    payload        bytea not null,
    reason         text not null,
    sqlstate       text,
    quarantined_at timestamptz not null default clock_timestamp(),
    written_off_at timestamptz,
    written_off_by text,
    unique (instance_id, correlation_id, raw_digest)
);
