-- Every end that a tariff was given, and the pricing epoch from which on that was its end; null: open. One row when it
-- opens and one for each move. The row in model_tariffs has the last one only, and with clocks that disagree an end may move
-- twice: the auditor asks which end a record rated at epoch e was charged by.
create table tariff_ends (
    tariff_no   integer not null references model_tariffs (no),
    epoch       integer not null,
    valid_until timestamptz,
    primary key (tariff_no, epoch)
);
insert into tariff_ends (tariff_no, epoch, valid_until)
select no, recorded_epoch, case when closed_epoch is not distinct from recorded_epoch then valid_until end
from model_tariffs;
insert into tariff_ends (tariff_no, epoch, valid_until)
select no, closed_epoch, valid_until from model_tariffs where closed_epoch > recorded_epoch;
create trigger append_only before update or delete on tariff_ends
    for each row execute function refuse_change();
create trigger append_only_truncate before truncate on tariff_ends
    for each statement execute function refuse_change();

-- A partition inherits the row triggers of its table and not those of TRUNCATE: emptied by its own name, it would have been.
do $$
declare
    partition regclass;
begin
    for partition in
        select inhrelid::regclass from pg_inherits
        where inhparent in ('usage_records'::regclass, 'usage_details'::regclass)
    loop
        execute format('create trigger append_only_truncate before truncate on %s for each statement execute function refuse_change()',
                       partition);
    end loop;
end $$;
