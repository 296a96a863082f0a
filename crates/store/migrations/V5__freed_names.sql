-- The name of a deleted endpoint is free again, as the alias of a deleted model is.
create unique index inference_endpoints_live_name on inference_endpoints (name) where deleted_at is null;
alter table inference_endpoints drop constraint inference_endpoints_name_key;
