-- People may come in by the company's OpenID provider, too. Who they are there is an issuer and a subject; nobody is let in by these who was not
-- linked to a user. A manager links a subject, or writes down an address: then the first identity whose provider says that this address is its
-- own, and verified, takes the row. An address without a subject awaits somebody; with one it is only how the link came about.
create table user_identities (
    id              uuid        primary key,
    user_id         uuid        not null references users (id),
    issuer          text        not null,
    subject         text,
    email           text        check (email = lower(email)),
    created_at      timestamptz not null,
    linked_at       timestamptz,
    last_sign_in_at timestamptz,
    unique (issuer, subject),
    check (subject is not null or email is not null),
    check ((subject is null) = (linked_at is null)),
    check (last_sign_in_at is null or linked_at is not null)
);
create index user_identities_user on user_identities (user_id, created_at);
create unique index user_identities_awaited on user_identities (issuer, email) where subject is null;

-- Sign-ins that have been sent to the provider and have not come back. `digest` is a keyed digest of what the cookie of the browser carries,
-- of which everything else is made: the row is what makes each good once. `replaces` is the session that the browser had.
create table oidc_sign_ins (
    digest     bytea       primary key check (octet_length(digest) = 32),
    replaces   bytea       check (octet_length(replaces) = 32),
    expires_at timestamptz not null
);
create index oidc_sign_ins_expiry on oidc_sign_ins (expires_at);

alter table sessions
    drop constraint sessions_began_by_check,
    add constraint sessions_began_by_check check (began_by in ('password', 'code', 'oidc'));
