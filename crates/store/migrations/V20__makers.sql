-- Who made a way in for somebody else: what whoever is demoted has left behind is listed by it. Of what was made before, or by a server of the
-- version before, nobody knows. Null: that, or the command line.
alter table user_identities add column created_by uuid references users (id);
alter table sign_in_codes add column created_by uuid references users (id);

-- In which order sessions began. Two may begin at one instant. Those that are there are numbered as they lie, and over within hours.
alter table sessions add column no bigint generated always as identity;
drop index sessions_user;
create index sessions_user on sessions (user_id, no);
