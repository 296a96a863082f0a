-- Only the owner of a table may attach a partition to it, and whoever writes the books should not own them. So the owner lends this one
-- step, and nothing else of its rights. What it looks up is in the schema that it was made in, whatever the caller's search path.
do $$ begin execute format($outer$
create function make_usage_partition(parent text, day date) returns boolean
language plpgsql security definer set search_path = %I, pg_temp as $body$
declare
    partition text := parent || '_' || to_char(day, 'YYYY_MM_DD');
    reader oid;
begin
    if parent not in ('usage_records', 'usage_details') then
        raise exception '%% has no partitions', parent using errcode = 'TG001';
    end if;
    -- Two servers that make the same partition take turns.
    perform pg_advisory_xact_lock(8390043841926791173);
    if to_regclass(partition) is not null then
        return false;
    end if;
    -- Attached, not created in place: that would lock the whole table against the flushes. It gets the table's row triggers by that;
    -- a trigger of TRUNCATE it needs itself.
    execute format('create table %%I (like %%I including defaults including constraints including indexes)', partition, parent);
    execute format('create trigger append_only_truncate before truncate on %%I for each statement execute function refuse_change()',
                   partition);
    execute format('alter table %%I attach partition %%I for values from (%%L) to (%%L)', parent, partition, day, day + 1);
    -- An audit reads partition by partition: who may read the table may read this one.
    for reader in select distinct grantee from pg_class, aclexplode(relacl)
                  where oid = parent::regclass and privilege_type = 'SELECT' and grantee not in (0, relowner)
    loop
        execute format('grant select on %%I to %%s', partition, reader::regrole);
    end loop;
    return true;
end $body$
$outer$, current_schema()); end $$;
revoke execute on function make_usage_partition(text, date) from public;
