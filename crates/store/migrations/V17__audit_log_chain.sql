-- The audit log as a chain: each entry has a number and a digest over its contents and the digest before it. What is changed, removed or moved
-- afterwards, by whomever and past whatever trigger, fits no more (decision 19).
create table audit_log_chain (
    no       bigint primary key check (no > 0),
    entry_id uuid   not null unique,
    digest   bytea  not null check (octet_length(digest) = 32)
);

-- Where the chain ends. Whoever appends to it has this row locked.
create table audit_log_head (
    is_head boolean primary key default true check (is_head),
    no      bigint  not null,
    digest  bytea   not null check (octet_length(digest) = 32)
) with (fillfactor = 50);

-- SHA-256 of the digest before and of the fields, each as its length in bytes, a colon, its bytes as UTF-8 and a comma; null is a minus
-- sign and a comma. The time is in microseconds since 1970, so no setting of a session changes it.
create function audit_log_digest(previous bytea, no bigint, entry audit_log) returns bytea language sql stable
    return sha256(previous || (
        select convert_to(string_agg(coalesce(octet_length(convert_to(field, 'UTF8')) || ':' || field, '-') || ',', '' order by place), 'UTF8')
        from unnest(array[no::text, entry.id::text, (extract(epoch from entry.at) * 1000000)::bigint::text, entry.actor, entry.action,
                          entry.subject, entry.before::text, entry.after::text]) with ordinality as fields (field, place)));

-- What is there already, in the order of its time. A server of the version before that still runs waits with its next entry, so that
-- none is left out.
lock table audit_log in share row exclusive mode;
do $$
declare
    entry audit_log;
    last_no bigint := 0;
    last_digest bytea := decode(repeat('00', 32), 'hex');
begin
    for entry in select * from audit_log order by at, id loop
        last_no := last_no + 1;
        last_digest := audit_log_digest(last_digest, last_no, entry);
        insert into audit_log_chain (no, entry_id, digest) values (last_no, entry.id, last_digest);
    end loop;
    insert into audit_log_head (no, digest) values (last_no, last_digest);
end $$;

-- With its owner's rights: nobody else may write to the chain, and nobody can write to the log without it. What it looks up is in the schema
-- that it was made in, whatever the caller's search path.
do $$ begin execute format($outer$
create function chain_audit_entry() returns trigger
language plpgsql security definer set search_path = %I, pg_temp as $body$
declare
    head audit_log_head;
begin
    update audit_log_head set no = no + 1, digest = audit_log_digest(digest, no + 1, new) returning * into strict head;
    insert into audit_log_chain (no, entry_id, digest) values (head.no, new.id, head.digest);
    return null;
end $body$
$outer$, current_schema()); end $$;
-- Or somebody could let a table of their own append to the chain.
revoke execute on function chain_audit_entry() from public;

-- Deferred: when the transaction commits. The head is the last thing that a transaction locks, so two that wait for each other cannot do so
-- here, and whoever holds it only has its commit left to do.
create constraint trigger chained after insert on audit_log deferrable initially deferred
    for each row execute function chain_audit_entry();

create trigger append_only before update or delete on audit_log_chain
    for each row execute function refuse_change();
create trigger append_only_truncate before truncate on audit_log_chain
    for each statement execute function refuse_change();

create function guard_audit_log_head() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.no = old.no + 1 then
        return new;
    end if;
    raise exception 'the head of the audit log only moves on: % refused', tg_op using errcode = 'TG001';
end $$;
create trigger append_only before update or delete on audit_log_head
    for each row execute function guard_audit_log_head();
create trigger append_only_truncate before truncate on audit_log_head
    for each statement execute function refuse_change();
