-- Which usage records each of the latest transactions wrote, or rated: by this the audit of what is new finds it, in the order of
-- commits, without an index on the records. A ring: each transaction takes the next of 131,072 slots, over what was in it, so the
-- table stays small and nobody has to empty it. Keys are kept as runs, [firsts, lasts] of one day and instance; in a run there may be
-- records of others, told apart by the transaction that wrote them (xmin).
create sequence usage_commits_no;
create table usage_commits (
    slot        integer primary key,
    xid         xid8    not null,
    -- Whether it gave a price to records that were there before.
    is_rating   boolean not null,
    records     bigint  not null,
    amount_pico numeric(40, 0) not null,
    days        date[]    not null,
    instances   integer[] not null,
    firsts      bigint[]  not null,
    lasts       bigint[]  not null
) with (fillfactor = 70);
