-- How much of a user's credits a gateway may have in holds, and in charges that the books do not have yet: the others leave it alone. An epoch
-- is one life of one gateway's process. A row counts until it expires, whatever became of its gateway; one that
-- is asked for again is renewed, one that nobody needs is deleted. The sum of a user's rows is never above the balance when one is written.
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

-- How far balances fell below zero while leases were out, and all that may have made them. The audit proves
-- fallen <= overrun + fenced + unheld + what is out in leases that are not renewed.
create table credit_overdrafts (
    user_no integer primary key references users (no),
    -- By charges of requests: the sum of all falls, each as far as it went below zero.
    fallen  numeric(28, 12) not null default 0 check (fallen >= 0),
    -- What requests cost beyond their holds, as their gateways tell when they renew.
    overrun numeric(28, 12) not null default 0 check (overrun >= 0),
    -- Leases that ran out: their gateways may have had as much in charges that the books got later.
    fenced  numeric(28, 12) not null default 0 check (fenced >= 0),
    -- What was taken by something that holds nothing: a removal, an expiry, a price that came late.
    unheld  numeric(28, 12) not null default 0 check (unheld >= 0)
) with (fillfactor = 50);

-- What becomes of a stream that has used up what it holds, and cannot hold more.
alter table users add column when_spent text not null default 'finish' check (when_spent in ('finish', 'cut'));
