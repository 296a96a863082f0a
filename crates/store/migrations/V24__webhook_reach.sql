-- What the management API sets leads to public addresses and opened networks alone, as endpoints do since V15; deliverers judge it when they
-- connect. Those that there are were set on a server's own command line, which may name any address.
alter table webhooks add column public_only boolean not null default false;
