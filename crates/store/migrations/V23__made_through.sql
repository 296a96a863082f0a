-- Through whom a way in was made: whoever made the way in by which its maker had come in, and so on. The one who is behind a session, or knows a key's
-- secret, may be any of them. Of what was made before, or by a server of the version before, nobody knows.
alter table api_keys add column made_through uuid[] not null default '{}';
alter table user_identities add column made_through uuid[] not null default '{}';
alter table sign_in_codes add column made_through uuid[] not null default '{}';
alter table sessions add column made_through uuid[] not null default '{}';
alter table user_passwords add column made_through uuid[] not null default '{}';
