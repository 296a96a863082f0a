-- Several times a second each gateway asks whose money others lack, and nearly always nobody lacks any. An index on what is compared would have
-- to follow every renewal. This column hardly ever changes, so renewals stay within their page (HOT), and the index has only those who lack.
alter table credit_leases add column lacks boolean not null generated always as (needed > amount) stored;
create index credit_leases_lacking on credit_leases (user_no) where lacks;
