-- A ledger draws the charges of one batch, with one key, for one model, together in a line. Lines are kept, not drawn when they are read: where
-- one stands must not move while somebody reads pages, and a page must not need the whole history to know what stands in it.
--
-- `starts_at` is where it stands: the earliest of the charges that were entered first. What is entered later never moves it. The rest is
-- exact at all times: who enters a charge adds to its line in the same transaction, also a server of the version before.
create table batch_lines (
    user_no     integer not null,
    batch_id    uuid not null,
    key_no      integer not null,
    model_no    integer not null,
    starts_at   timestamptz not null,
    first_at    timestamptz not null,
    last_at     timestamptz not null,
    entries     bigint not null,
    amount_pico numeric(40, 0) not null,
    primary key (user_no, batch_id, key_no, model_no)
) with (fillfactor = 70);
create index batch_lines_place on batch_lines (user_no, starts_at);

-- By which its entries are found. Text that says nothing.
create function batch_line_id(line batch_lines) returns text language sql immutable
    return md5(line.batch_id || '/' || line.key_no || '/' || line.model_no);

-- With the owner's rights: nobody else writes lines, and who enters records writes them by that. A record is found by its key alone, whatever the
-- planner thinks of how many there are.
do $$
declare
    event record;
begin
    for event in
        -- Details go in after their record. A charge that came late (unrated → charged) has them already.
        select * from (values ('usage_details', 'insert', 'usage_records', 'exists (select from new_rows where batch_id is not null)'),
                              ('usage_records', 'update', 'usage_details', 'exists (select from new_rows where amount_pico > 0)'))
            as events (parent, what, other, is_any)
    loop
        execute format($outer$
create function batch_lines_after_%2$s() returns trigger
language plpgsql security definer set search_path = %4$I, pg_temp
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $body$
begin
    if %5$s then
        insert into batch_lines as l (user_no, batch_id, key_no, model_no, starts_at, first_at, last_at, entries, amount_pico)
        select user_no, batch_id, coalesce(key_no, 0), coalesce(model_no, 0), min(requested_at), min(requested_at), max(requested_at), count(*), sum(amount_pico)
        from new_rows join %3$I using (day, instance_no, correlation_id)
        where batch_id is not null and amount_pico > 0
        group by 1, 2, 3, 4 order by 1, 2, 3, 4
        on conflict (user_no, batch_id, key_no, model_no) do update
            set first_at = least(l.first_at, excluded.first_at), last_at = greatest(l.last_at, excluded.last_at),
                entries = l.entries + excluded.entries, amount_pico = l.amount_pico + excluded.amount_pico;
    end if;
    return null;
end $body$
$outer$, event.parent, event.what, event.other, current_schema(), event.is_any);
        -- Or somebody could let a table of their own write lines.
        execute format('revoke execute on function batch_lines_after_%s() from public', event.what);
        execute format('create trigger batch_lines after %2$s on %1$I referencing new table as new_rows
                            for each statement execute function batch_lines_after_%2$s()', event.parent, event.what);
    end loop;
end $$;

-- What is there already. The triggers hold off who would enter more meanwhile.
insert into batch_lines (user_no, batch_id, key_no, model_no, starts_at, first_at, last_at, entries, amount_pico)
select user_no, batch_id, coalesce(key_no, 0), coalesce(model_no, 0), min(requested_at), min(requested_at), max(requested_at), count(*), sum(amount_pico)
from usage_records join usage_details using (day, instance_no, correlation_id)
where batch_id is not null and amount_pico > 0
group by 1, 2, 3, 4;

-- Who made a way in for somebody else: what whoever is demoted has left behind is listed by it. Of what was made before, nobody knows. Null: the
-- command line did.
alter table user_identities add column created_by uuid references users (id);
alter table sign_in_codes add column created_by uuid references users (id);

-- In which order sessions began. Two may begin at one instant.
alter table sessions add column no bigint generated always as identity;
drop index sessions_user;
create index sessions_user on sessions (user_id, no);
