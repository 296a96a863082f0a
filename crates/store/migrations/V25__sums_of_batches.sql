-- Reports that tell keys for batches from all others have sums of those keys alone, so that they need not read every key's: two more grains,
-- 5 hour × model, 6 day × model. All other keys are what is left of grains 1 and 2. A key's purpose never changes.
--
-- Sums begin anew, because nothing can be closed in four grains and in six. A server of the version before, which may go on beside a new one,
-- knows four: it gets an hour to end.
select reopen_usage_hours();
update usage_closing
set not_before = case when exists (select from usage_rollups) then clock_timestamp() + interval '1 hour' else clock_timestamp() end;
alter table usage_sums
    drop constraint usage_sums_grain_check,
    add constraint usage_sums_grain_check check (grain between 1 and 6);
