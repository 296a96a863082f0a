-- The wide, readable names. Operators query these; the engine writes what is under them.

create view http_analytics as
select
    r.day || '/' || r.instance_no || '/' || r.correlation_id as id,
    i.id                                as instance_id,
    r.correlation_id,
    r.requested_at                      as "timestamp",
    d.method,
    d.uri,
    coalesce(m.alias, d.request_model)  as model,
    d.response_model,
    r.status_code::integer              as status_code,
    r.duration_ms,
    r.first_byte_ms                     as duration_to_first_byte_ms,
    r.prompt_tokens,
    r.completion_tokens,
    case when r.usage_source <> 'n' then coalesce(r.reasoning_tokens, 0) end      as reasoning_tokens,
    r.total_tokens,
    case when r.usage_source <> 'n' then coalesce(r.cache_read_tokens, 0) end     as cache_read_tokens,
    case when r.usage_source <> 'n' then coalesce(r.cache_write_5m_tokens, 0) end as cache_write_5m_tokens,
    case when r.usage_source <> 'n' then coalesce(r.cache_write_1h_tokens, 0) end as cache_write_1h_tokens,
    case when r.usage_source <> 'n' then coalesce(r.audio_input_tokens, 0) end    as audio_input_tokens,
    case when r.usage_source <> 'n' then coalesce(r.audio_output_tokens, 0) end   as audio_output_tokens,
    case when r.usage_source <> 'n' then coalesce(r.image_input_tokens, 0) end    as image_input_tokens,
    d.response_type,
    d.finish_reason,
    d.outcome,
    u.id                                as user_id,
    k.id                                as api_key_id,
    d.access_source,
    d.api_key_purpose,
    t.input_price                       as input_price_per_token,
    t.output_price                      as output_price_per_token,
    t.id                                as tariff_id,
    (r.amount_pico * 0.000000000001)::numeric(28, 12) as total_cost,
    case r.state when 'c' then 'charged' when 'f' then 'free' when 'u' then 'unrated' when 'v' then 'voided' end as state,
    case r.usage_source when 'p' then 'provider' when 'e' then 'estimated' when 'n' then 'none' end as usage_source,
    d.provider_name,
    d.server_address,
    d.server_port,
    d.served_by,
    x.batch_id,
    x.batch_request_id,
    x.custom_id,
    d.request_origin,
    d.batch_completion_window,
    r.batch_created_at,
    d.batch_request_source,
    d.user_agent,
    x.trace_id
from usage_records r
join instances i on i.no = r.instance_no
join usage_dimensions d on d.no = r.dimensions_no
left join users u on u.no = r.user_no
left join api_keys k on k.no = r.key_no
left join deployed_models m on m.no = r.model_no
left join model_tariffs t on t.no = r.tariff_no
left join usage_details x
       on x.day = r.day and x.instance_no = r.instance_no and x.correlation_id = r.correlation_id;

create view credits_transactions as
select
    'usage:' || r.day || '/' || r.instance_no || '/' || r.correlation_id as id,
    u.id                                              as user_id,
    'usage'                                           as transaction_type,
    (r.amount_pico * 0.000000000001)::numeric(28, 12) as amount,
    r.day || '/' || r.instance_no || '/' || r.correlation_id as source_id,
    'API usage: ' || coalesce(m.alias, d.request_model, 'unknown model') || ' (' || coalesce(r.prompt_tokens, 0)
        || ' input + ' || coalesce(r.completion_tokens, 0) || ' output tokens)' as description,
    r.requested_at                                    as created_at,
    x.batch_id,
    k.id                                              as api_key_id,
    coalesce(m.alias, d.request_model)                as model
from usage_records r
join users u on u.no = r.user_no
join usage_dimensions d on d.no = r.dimensions_no
left join api_keys k on k.no = r.key_no
left join deployed_models m on m.no = r.model_no
left join usage_details x
       on x.day = r.day and x.instance_no = r.instance_no and x.correlation_id = r.correlation_id
where r.amount_pico > 0
union all
select id::text, user_id, type, amount, source_id, description, created_at, null, null, null
from credit_movements;
