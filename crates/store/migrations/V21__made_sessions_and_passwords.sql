-- Whoever made a sign-in link may be the one who used it: what began by a link remembers who that was. A session hands it on to a password that
-- is set in it, and a password to the sessions that begin by it. Of what began before, or at a server of the version before, nobody knows.
-- Null: that, or that no link of anybody of the platform led to it.
alter table sessions add column link_made_by uuid references users (id);
alter table user_passwords add column link_made_by uuid references users (id);
