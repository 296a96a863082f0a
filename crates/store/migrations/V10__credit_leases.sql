-- How much of a user's credits a gateway may have in holds, and in charges that the books do not have yet: the others leave it alone. An epoch
-- is one life of one gateway's process. A row counts until it expires, whatever became of its gateway; one that
-- is asked for again is renewed, one that nobody needs is deleted. What is granted beyond what a gateway keeps fits beside the other rows in the
-- balance; what it keeps may not, where others have charged what they had: the rows may add up to more than the balance, what their
-- gateways may still take from it does not (decision 12).
create table credit_leases (
    user_no     integer not null references users (no),
    epoch       uuid not null,
    instance_id uuid not null,
    amount      numeric(28, 12) not null check (amount >= 0),
    -- What the gateway cannot do without: held, charged, or waited for. Above the amount: it lacks the rest.
    needed      numeric(28, 12) not null check (needed >= 0),
    -- Of that, what its requests in flight hold.
    held        numeric(28, 12) not null check (held >= 0),
    renewed_at  timestamptz not null default clock_timestamp(),
    expires_at  timestamptz not null,
    primary key (user_no, epoch)
) with (fillfactor = 50);

-- How far balances fell below zero while leases were out, and all that may have made them. The first four are sums over all time, for people.
-- The audit goes by the last three: unexplained + depth <= cover + what is out in leases that are not renewed.
create table credit_overdrafts (
    user_no integer primary key references users (no),
    -- By charges of requests: the sum of all falls, each as far as it went below zero.
    fallen  numeric(28, 12) not null default 0 check (fallen >= 0),
    -- What requests cost beyond their holds, as their gateways tell when the charges are in the books.
    overrun numeric(28, 12) not null default 0 check (overrun >= 0),
    -- Leases that ran out: their gateways may have had as much in charges that the books got later.
    fenced  numeric(28, 12) not null default 0 check (fenced >= 0),
    -- What was taken by something that holds nothing: a removal, an expiry, a price that its gateway did not know.
    unheld  numeric(28, 12) not null default 0 check (unheld >= 0),
    -- Falls that no rise of the balance has made up for.
    depth   numeric(28, 12) not null default 0 check (depth >= 0),
    -- What may explain falls: of the three above, what no rise of the balance has used up.
    cover   numeric(28, 12) not null default 0 check (cover >= 0),
    -- Falls that nothing explained when the balance rose, and nothing has explained since.
    unexplained numeric(28, 12) not null default 0 check (unexplained >= 0)
) with (fillfactor = 50);

-- What becomes of a stream that has used up what it holds, and cannot hold more.
alter table users add column when_spent text not null default 'finish' check (when_spent in ('finish', 'cut'));
