-- People sign in to the management API. What a person may do on the whole platform is the user's role; without one it is what is its own.
alter table users
    add column role text check (role in ('manager', 'billing_manager', 'viewer'));

-- Only what cannot be turned back into what somebody typed: argon2id in PHC form, with a pepper that the database does not have.
create table user_passwords (
    user_id uuid        primary key references users (id),
    phc     text        not null check (phc like '$argon2id$%'),
    set_at  timestamptz not null
);

-- `digest` is a keyed digest of what the cookie carries. Ended by deleting the row.
create table sessions (
    digest       bytea       primary key check (octet_length(digest) = 32),
    user_id      uuid        not null references users (id),
    began_by     text        not null check (began_by in ('password', 'code')),
    created_at   timestamptz not null,
    -- To the minute: a row that is written once a minute, not with every request.
    last_seen_at timestamptz not null,
    expires_at   timestamptz not null
);
create index sessions_user on sessions (user_id, created_at);
create index sessions_expiry on sessions (expires_at);

-- One-time codes of sign-in links.
create table sign_in_codes (
    digest     bytea       primary key check (octet_length(digest) = 32),
    user_id    uuid        not null references users (id),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index sign_in_codes_user on sign_in_codes (user_id);
create index sign_in_codes_expiry on sign_in_codes (expires_at);

-- Tries to sign in, by name and by client address, in a window that opens with the first. `subject` is a keyed digest: people type their
-- password where their name belongs.
create table sign_in_attempts (
    subject  uuid        primary key,
    began_at timestamptz not null,
    attempts integer     not null
);
create index sign_in_attempts_age on sign_in_attempts (began_at);
