-- What an upstream asks the operator for a model. Never part of the books: reports multiply it with the sums of usage when they are read, so a
-- price that becomes known late, or was entered wrong, is set for the time that it was in force, and is right from then on for that time too.

-- In force from `valid_from` until the next one of the same model. Usage is summed by the hour, so a price begins with one.
-- Kinds are those that the sums tell apart. null: input's price, output's for reasoning; none for requests.
create table model_costs (
    model_no          integer not null references deployed_models (no),
    valid_from        timestamptz not null check (extract(epoch from valid_from) >= 0 and extract(epoch from valid_from) % 3600 = 0),
    input_price       numeric(28, 12) not null check (input_price >= 0),
    output_price      numeric(28, 12) not null check (output_price >= 0),
    cache_read_price  numeric(28, 12) check (cache_read_price >= 0),
    cache_write_price numeric(28, 12) check (cache_write_price >= 0),
    reasoning_price   numeric(28, 12) check (reasoning_price >= 0),
    request_price     numeric(28, 12) check (request_price >= 0),
    primary key (model_no, valid_from)
);
