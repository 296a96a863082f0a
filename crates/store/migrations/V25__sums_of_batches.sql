-- Reports that tell keys for batches from all others have sums of those keys alone, so that they need not read every key's: two more grains,
-- 5 hour × model, 6 day × model. All other keys are what is left of grains 1 and 2. A key's purpose never changes.
--
-- Sums begin anew, because nothing can be closed in four grains and in six. A server of the version before, which may go on beside a new one,
-- knows four: it looks for the column by its old name, finds none, and closes nothing.
select reopen_usage_hours();
alter table usage_closing rename column not_before to may_close_from;
update usage_closing set may_close_from = clock_timestamp();
alter table usage_sums
    drop constraint usage_sums_grain_check,
    -- What there was is gone, so nothing needs to be read for it.
    add constraint usage_sums_grain_check check (grain between 1 and 6) not valid;
