-- An instance whose requests pass through a durable log (a spool) says, in the transaction that enters them, how far in that log its books
-- reach, and what they have counted up to there: admitted = finished + interrupted + still open. Zero for one without a log.
-- A database that lost commits (a failover) is behind what the instance saw committed, and is told from one that did not.
alter table instances
    add column log_position bigint not null default 0,
    add column admitted     bigint not null default 0,
    add column finished     bigint not null default 0,
    add column interrupted  bigint not null default 0;
