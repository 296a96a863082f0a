--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: config_changed(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.config_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    update config_epochs set config_epoch = config_epoch + 1;
    perform pg_notify('auth_config_changed',
                      tg_table_name || ':' || (extract(epoch from transaction_timestamp()) * 1000000)::bigint);
    return null;
end $$;


--
-- Name: guard_tariff(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.guard_tariff() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'UPDATE'
       and (to_jsonb(old) - array['valid_until', 'closed_epoch']) = (to_jsonb(new) - array['valid_until', 'closed_epoch'])
    then
        return new;
    end if;
    raise exception 'model_tariffs are history: % refused', tg_op using errcode = 'TG001';
end $$;


--
-- Name: guard_usage_record(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.guard_usage_record() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'UPDATE' and old.state = 'u' and new.state in ('c', 'f')
       and (old.model_no is null or new.model_no = old.model_no)
       and (to_jsonb(old) - array['state', 'amount_pico', 'model_no', 'tariff_no', 'pricing_epoch', 'rated_digest'])
         = (to_jsonb(new) - array['state', 'amount_pico', 'model_no', 'tariff_no', 'pricing_epoch', 'rated_digest'])
    then
        return new;
    end if;
    raise exception 'usage_records are append-only: % refused', tg_op using errcode = 'TG001';
end $$;


--
-- Name: movement_sign(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.movement_sign(type text) RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN (type = ANY (ARRAY['admin_removal'::text, 'expiry'::text])) THEN '-1'::integer ELSE 1 END;


--
-- Name: refuse_change(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op using errcode = 'TG001';
end $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    no integer NOT NULL,
    digest bytea NOT NULL,
    prefix text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    user_id uuid NOT NULL,
    created_by uuid,
    purpose text DEFAULT 'realtime'::text NOT NULL,
    trusted boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_digest_check CHECK ((octet_length(digest) = 32))
);


--
-- Name: api_keys_no_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.api_keys ALTER COLUMN no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_keys_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: audit_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_log (
    id uuid NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    before jsonb,
    after jsonb
);


--
-- Name: config_epochs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.config_epochs (
    one boolean DEFAULT true NOT NULL,
    pricing_epoch integer DEFAULT 1 NOT NULL,
    config_epoch bigint DEFAULT 1 NOT NULL,
    CONSTRAINT config_epochs_one_check CHECK (one)
);


--
-- Name: credit_movements; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.credit_movements (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    type text NOT NULL,
    amount numeric(28,12) NOT NULL,
    source_id text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT credit_movements_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT credit_movements_source_id_check CHECK ((source_id <> ''::text)),
    CONSTRAINT credit_movements_type_check CHECK ((type = ANY (ARRAY['purchase'::text, 'admin_grant'::text, 'admin_removal'::text, 'adjustment'::text, 'refund'::text, 'expiry'::text])))
);


--
-- Name: deployed_models; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deployed_models (
    id uuid NOT NULL,
    no integer NOT NULL,
    alias text NOT NULL,
    endpoint_id uuid NOT NULL,
    upstream_model text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT deployed_models_alias_check CHECK ((alias <> ''::text))
);


--
-- Name: usage_details; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_details (
    day date NOT NULL,
    instance_no integer NOT NULL,
    correlation_id bigint NOT NULL,
    batch_id uuid,
    batch_request_id uuid,
    custom_id text,
    trace_id text
)
PARTITION BY RANGE (day);


--
-- Name: usage_dimensions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_dimensions (
    no integer NOT NULL,
    fingerprint uuid NOT NULL,
    method text NOT NULL,
    uri text NOT NULL,
    request_model text,
    response_model text,
    response_type text NOT NULL,
    finish_reason text,
    outcome text NOT NULL,
    user_agent text,
    server_address text,
    server_port integer,
    served_by text,
    provider_name text,
    access_source text NOT NULL,
    api_key_purpose text,
    request_origin text NOT NULL,
    batch_completion_window text,
    batch_request_source text
);


--
-- Name: usage_records; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_records (
    requested_at timestamp with time zone NOT NULL,
    correlation_id bigint NOT NULL,
    amount_pico bigint NOT NULL,
    batch_created_at timestamp with time zone,
    raw_digest uuid NOT NULL,
    rated_digest uuid NOT NULL,
    day date NOT NULL,
    instance_no integer NOT NULL,
    user_no integer,
    key_no integer,
    model_no integer,
    tariff_no integer,
    pricing_epoch integer NOT NULL,
    dimensions_no integer NOT NULL,
    duration_ms integer NOT NULL,
    first_byte_ms integer,
    prompt_tokens integer,
    completion_tokens integer,
    total_tokens integer,
    reasoning_tokens integer,
    cache_read_tokens integer,
    cache_write_5m_tokens integer,
    cache_write_1h_tokens integer,
    audio_input_tokens integer,
    audio_output_tokens integer,
    image_input_tokens integer,
    status_code smallint NOT NULL,
    flags smallint DEFAULT 0 NOT NULL,
    state "char" NOT NULL,
    usage_source "char" NOT NULL,
    CONSTRAINT usage_records_amount_pico_check CHECK ((amount_pico >= 0)),
    CONSTRAINT usage_records_audio_input_tokens_check CHECK ((audio_input_tokens >= 0)),
    CONSTRAINT usage_records_audio_output_tokens_check CHECK ((audio_output_tokens >= 0)),
    CONSTRAINT usage_records_cache_read_tokens_check CHECK ((cache_read_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_1h_tokens_check CHECK ((cache_write_1h_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_5m_tokens_check CHECK ((cache_write_5m_tokens >= 0)),
    CONSTRAINT usage_records_charged_has_payer CHECK (((state <> 'c'::"char") OR ((user_no IS NOT NULL) AND (tariff_no IS NOT NULL)))),
    CONSTRAINT usage_records_completion_tokens_check CHECK ((completion_tokens >= 0)),
    CONSTRAINT usage_records_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT usage_records_first_byte_ms_check CHECK ((first_byte_ms >= 0)),
    CONSTRAINT usage_records_image_input_tokens_check CHECK ((image_input_tokens >= 0)),
    CONSTRAINT usage_records_prompt_tokens_check CHECK ((prompt_tokens >= 0)),
    CONSTRAINT usage_records_reasoning_tokens_check CHECK ((reasoning_tokens >= 0)),
    CONSTRAINT usage_records_source CHECK ((usage_source = ANY (ARRAY['p'::"char", 'e'::"char", 'n'::"char"]))),
    CONSTRAINT usage_records_state CHECK (((state = ANY (ARRAY['c'::"char", 'f'::"char", 'u'::"char", 'v'::"char"])) AND ((state = 'c'::"char") = (amount_pico > 0)))),
    CONSTRAINT usage_records_total_tokens_check CHECK ((total_tokens >= 0))
)
PARTITION BY RANGE (day);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id uuid NOT NULL,
    no integer NOT NULL,
    name text NOT NULL,
    kind text DEFAULT 'individual'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT users_kind_check CHECK ((kind = ANY (ARRAY['individual'::text, 'organization'::text]))),
    CONSTRAINT users_name_check CHECK ((name <> ''::text))
);


--
-- Name: credits_transactions; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.credits_transactions AS
 SELECT ((((('usage:'::text || r.day) || '/'::text) || r.instance_no) || '/'::text) || r.correlation_id) AS id,
    u.id AS user_id,
    'usage'::text AS transaction_type,
    (((r.amount_pico)::numeric * 0.000000000001))::numeric(28,12) AS amount,
    ((((r.day || '/'::text) || r.instance_no) || '/'::text) || r.correlation_id) AS source_id,
    (((((('API usage: '::text || COALESCE(m.alias, d.request_model, 'unknown model'::text)) || ' ('::text) || COALESCE(r.prompt_tokens, 0)) || ' input + '::text) || COALESCE(r.completion_tokens, 0)) || ' output tokens)'::text) AS description,
    r.requested_at AS created_at,
    x.batch_id,
    k.id AS api_key_id,
    COALESCE(m.alias, d.request_model) AS model
   FROM (((((public.usage_records r
     JOIN public.users u ON ((u.no = r.user_no)))
     JOIN public.usage_dimensions d ON ((d.no = r.dimensions_no)))
     LEFT JOIN public.api_keys k ON ((k.no = r.key_no)))
     LEFT JOIN public.deployed_models m ON ((m.no = r.model_no)))
     LEFT JOIN public.usage_details x ON (((x.day = r.day) AND (x.instance_no = r.instance_no) AND (x.correlation_id = r.correlation_id))))
  WHERE (r.amount_pico > 0)
UNION ALL
 SELECT (credit_movements.id)::text AS id,
    credit_movements.user_id,
    credit_movements.type AS transaction_type,
    credit_movements.amount,
    credit_movements.source_id,
    credit_movements.description,
    credit_movements.created_at,
    NULL::uuid AS batch_id,
    NULL::uuid AS api_key_id,
    NULL::text AS model
   FROM public.credit_movements;


--
-- Name: deployed_models_no_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.deployed_models ALTER COLUMN no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deployed_models_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: instances; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.instances (
    no integer NOT NULL,
    id uuid NOT NULL,
    committed_position bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    log_position bigint DEFAULT 0 NOT NULL,
    admitted bigint DEFAULT 0 NOT NULL,
    finished bigint DEFAULT 0 NOT NULL,
    interrupted bigint DEFAULT 0 NOT NULL
);


--
-- Name: model_tariffs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_tariffs (
    id uuid NOT NULL,
    no integer NOT NULL,
    model_id uuid NOT NULL,
    purpose text DEFAULT 'realtime'::text NOT NULL,
    completion_window text,
    input_price numeric(28,12) NOT NULL,
    output_price numeric(28,12) NOT NULL,
    cache_read_price numeric(28,12),
    cache_write_5m_price numeric(28,12),
    cache_write_1h_price numeric(28,12),
    audio_input_price numeric(28,12),
    image_input_price numeric(28,12),
    reasoning_price numeric(28,12),
    audio_output_price numeric(28,12),
    request_price numeric(28,12),
    valid_from timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    recorded_epoch integer NOT NULL,
    closed_epoch integer,
    CONSTRAINT model_tariffs_audio_input_price_check CHECK ((audio_input_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_audio_output_price_check CHECK ((audio_output_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_cache_read_price_check CHECK ((cache_read_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_cache_write_1h_price_check CHECK ((cache_write_1h_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_cache_write_5m_price_check CHECK ((cache_write_5m_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_check CHECK ((valid_until >= valid_from)),
    CONSTRAINT model_tariffs_image_input_price_check CHECK ((image_input_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_input_price_check CHECK ((input_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_output_price_check CHECK ((output_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_reasoning_price_check CHECK ((reasoning_price >= (0)::numeric)),
    CONSTRAINT model_tariffs_request_price_check CHECK ((request_price >= (0)::numeric))
);


--
-- Name: http_analytics; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.http_analytics AS
 SELECT ((((r.day || '/'::text) || r.instance_no) || '/'::text) || r.correlation_id) AS id,
    i.id AS instance_id,
    r.correlation_id,
    r.requested_at AS "timestamp",
    d.method,
    d.uri,
    COALESCE(m.alias, d.request_model) AS model,
    d.response_model,
    (r.status_code)::integer AS status_code,
    r.duration_ms,
    r.first_byte_ms AS duration_to_first_byte_ms,
    r.prompt_tokens,
    r.completion_tokens,
        CASE
            WHEN (r.usage_source <> 'n'::"char") THEN COALESCE(r.reasoning_tokens, 0)
            ELSE NULL::integer
        END AS reasoning_tokens,
    r.total_tokens,
        CASE
            WHEN (r.usage_source <> 'n'::"char") THEN COALESCE(r.cache_read_tokens, 0)
            ELSE NULL::integer
        END AS cache_read_tokens,
        CASE
            WHEN (r.usage_source <> 'n'::"char") THEN COALESCE(r.cache_write_5m_tokens, 0)
            ELSE NULL::integer
        END AS cache_write_5m_tokens,
        CASE
            WHEN (r.usage_source <> 'n'::"char") THEN COALESCE(r.cache_write_1h_tokens, 0)
            ELSE NULL::integer
        END AS cache_write_1h_tokens,
        CASE
            WHEN (r.usage_source <> 'n'::"char") THEN COALESCE(r.audio_input_tokens, 0)
            ELSE NULL::integer
        END AS audio_input_tokens,
        CASE
            WHEN (r.usage_source <> 'n'::"char") THEN COALESCE(r.audio_output_tokens, 0)
            ELSE NULL::integer
        END AS audio_output_tokens,
        CASE
            WHEN (r.usage_source <> 'n'::"char") THEN COALESCE(r.image_input_tokens, 0)
            ELSE NULL::integer
        END AS image_input_tokens,
    d.response_type,
    d.finish_reason,
    d.outcome,
    u.id AS user_id,
    k.id AS api_key_id,
    d.access_source,
    d.api_key_purpose,
    t.input_price AS input_price_per_token,
    t.output_price AS output_price_per_token,
    t.id AS tariff_id,
    (((r.amount_pico)::numeric * 0.000000000001))::numeric(28,12) AS total_cost,
        CASE r.state
            WHEN 'c'::"char" THEN 'charged'::text
            WHEN 'f'::"char" THEN 'free'::text
            WHEN 'u'::"char" THEN 'unrated'::text
            WHEN 'v'::"char" THEN 'voided'::text
            ELSE NULL::text
        END AS state,
        CASE r.usage_source
            WHEN 'p'::"char" THEN 'provider'::text
            WHEN 'e'::"char" THEN 'estimated'::text
            WHEN 'n'::"char" THEN 'none'::text
            ELSE NULL::text
        END AS usage_source,
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
   FROM (((((((public.usage_records r
     JOIN public.instances i ON ((i.no = r.instance_no)))
     JOIN public.usage_dimensions d ON ((d.no = r.dimensions_no)))
     LEFT JOIN public.users u ON ((u.no = r.user_no)))
     LEFT JOIN public.api_keys k ON ((k.no = r.key_no)))
     LEFT JOIN public.deployed_models m ON ((m.no = r.model_no)))
     LEFT JOIN public.model_tariffs t ON ((t.no = r.tariff_no)))
     LEFT JOIN public.usage_details x ON (((x.day = r.day) AND (x.instance_no = r.instance_no) AND (x.correlation_id = r.correlation_id))));


--
-- Name: inference_endpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.inference_endpoints (
    id uuid NOT NULL,
    name text NOT NULL,
    base_url text NOT NULL,
    provider_name text,
    auth_style text DEFAULT 'bearer'::text NOT NULL,
    sealed_secret bytea,
    inject_usage boolean DEFAULT true NOT NULL,
    on_disconnect text DEFAULT 'drain'::text NOT NULL,
    on_missing_usage text DEFAULT 'estimate'::text NOT NULL,
    path_templates jsonb DEFAULT '{}'::jsonb NOT NULL,
    pass_through_paths text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT inference_endpoints_auth_style_check CHECK ((auth_style = ANY (ARRAY['bearer'::text, 'x-api-key'::text, 'api-key'::text, 'x-goog-api-key'::text, 'none'::text]))),
    CONSTRAINT inference_endpoints_name_check CHECK ((name <> ''::text)),
    CONSTRAINT inference_endpoints_on_disconnect_check CHECK ((on_disconnect = ANY (ARRAY['drain'::text, 'cancel'::text]))),
    CONSTRAINT inference_endpoints_on_missing_usage_check CHECK ((on_missing_usage = ANY (ARRAY['estimate'::text, 'unrated'::text])))
);


--
-- Name: installation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.installation (
    one boolean DEFAULT true NOT NULL,
    master_key_check bytea NOT NULL,
    CONSTRAINT installation_master_key_check_check CHECK ((octet_length(master_key_check) = 32)),
    CONSTRAINT installation_one_check CHECK (one)
);


--
-- Name: instances_no_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.instances ALTER COLUMN no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.instances_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: model_tariffs_no_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.model_tariffs ALTER COLUMN no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.model_tariffs_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: quarantine; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.quarantine (
    id uuid NOT NULL,
    instance_id uuid NOT NULL,
    correlation_id bigint NOT NULL,
    day date NOT NULL,
    raw_digest uuid NOT NULL,
    payload bytea NOT NULL,
    reason text NOT NULL,
    sqlstate text,
    quarantined_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    written_off_at timestamp with time zone,
    written_off_by text
);


--
-- Name: refinery_schema_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.refinery_schema_history (
    version integer NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);


--
-- Name: tariff_ends; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tariff_ends (
    tariff_no integer NOT NULL,
    epoch integer NOT NULL,
    valid_until timestamp with time zone
);


--
-- Name: usage_commits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_commits (
    slot integer NOT NULL,
    xid xid8 NOT NULL,
    is_rating boolean NOT NULL,
    records bigint NOT NULL,
    amount_pico numeric(40,0) NOT NULL,
    days date[] NOT NULL,
    instances integer[] NOT NULL,
    firsts bigint[] NOT NULL,
    lasts bigint[] NOT NULL
)
WITH (fillfactor='70');


--
-- Name: usage_commits_no; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.usage_commits_no
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: usage_details_2026_11_26; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_details_2026_11_26 (
    day date NOT NULL,
    instance_no integer NOT NULL,
    correlation_id bigint NOT NULL,
    batch_id uuid,
    batch_request_id uuid,
    custom_id text,
    trace_id text
);


--
-- Name: usage_details_2026_11_27; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_details_2026_11_27 (
    day date NOT NULL,
    instance_no integer NOT NULL,
    correlation_id bigint NOT NULL,
    batch_id uuid,
    batch_request_id uuid,
    custom_id text,
    trace_id text
);


--
-- Name: usage_details_2026_11_28; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_details_2026_11_28 (
    day date NOT NULL,
    instance_no integer NOT NULL,
    correlation_id bigint NOT NULL,
    batch_id uuid,
    batch_request_id uuid,
    custom_id text,
    trace_id text
);


--
-- Name: usage_details_2026_11_29; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_details_2026_11_29 (
    day date NOT NULL,
    instance_no integer NOT NULL,
    correlation_id bigint NOT NULL,
    batch_id uuid,
    batch_request_id uuid,
    custom_id text,
    trace_id text
);


--
-- Name: usage_details_default; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_details_default (
    day date NOT NULL,
    instance_no integer NOT NULL,
    correlation_id bigint NOT NULL,
    batch_id uuid,
    batch_request_id uuid,
    custom_id text,
    trace_id text
);


--
-- Name: usage_dimensions_no_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.usage_dimensions ALTER COLUMN no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.usage_dimensions_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: usage_records_2026_11_26; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_records_2026_11_26 (
    requested_at timestamp with time zone NOT NULL,
    correlation_id bigint NOT NULL,
    amount_pico bigint NOT NULL,
    batch_created_at timestamp with time zone,
    raw_digest uuid NOT NULL,
    rated_digest uuid NOT NULL,
    day date NOT NULL,
    instance_no integer NOT NULL,
    user_no integer,
    key_no integer,
    model_no integer,
    tariff_no integer,
    pricing_epoch integer NOT NULL,
    dimensions_no integer NOT NULL,
    duration_ms integer NOT NULL,
    first_byte_ms integer,
    prompt_tokens integer,
    completion_tokens integer,
    total_tokens integer,
    reasoning_tokens integer,
    cache_read_tokens integer,
    cache_write_5m_tokens integer,
    cache_write_1h_tokens integer,
    audio_input_tokens integer,
    audio_output_tokens integer,
    image_input_tokens integer,
    status_code smallint NOT NULL,
    flags smallint DEFAULT 0 NOT NULL,
    state "char" NOT NULL,
    usage_source "char" NOT NULL,
    CONSTRAINT usage_records_amount_pico_check CHECK ((amount_pico >= 0)),
    CONSTRAINT usage_records_audio_input_tokens_check CHECK ((audio_input_tokens >= 0)),
    CONSTRAINT usage_records_audio_output_tokens_check CHECK ((audio_output_tokens >= 0)),
    CONSTRAINT usage_records_cache_read_tokens_check CHECK ((cache_read_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_1h_tokens_check CHECK ((cache_write_1h_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_5m_tokens_check CHECK ((cache_write_5m_tokens >= 0)),
    CONSTRAINT usage_records_charged_has_payer CHECK (((state <> 'c'::"char") OR ((user_no IS NOT NULL) AND (tariff_no IS NOT NULL)))),
    CONSTRAINT usage_records_completion_tokens_check CHECK ((completion_tokens >= 0)),
    CONSTRAINT usage_records_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT usage_records_first_byte_ms_check CHECK ((first_byte_ms >= 0)),
    CONSTRAINT usage_records_image_input_tokens_check CHECK ((image_input_tokens >= 0)),
    CONSTRAINT usage_records_prompt_tokens_check CHECK ((prompt_tokens >= 0)),
    CONSTRAINT usage_records_reasoning_tokens_check CHECK ((reasoning_tokens >= 0)),
    CONSTRAINT usage_records_source CHECK ((usage_source = ANY (ARRAY['p'::"char", 'e'::"char", 'n'::"char"]))),
    CONSTRAINT usage_records_state CHECK (((state = ANY (ARRAY['c'::"char", 'f'::"char", 'u'::"char", 'v'::"char"])) AND ((state = 'c'::"char") = (amount_pico > 0)))),
    CONSTRAINT usage_records_total_tokens_check CHECK ((total_tokens >= 0))
);


--
-- Name: usage_records_2026_11_27; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_records_2026_11_27 (
    requested_at timestamp with time zone NOT NULL,
    correlation_id bigint NOT NULL,
    amount_pico bigint NOT NULL,
    batch_created_at timestamp with time zone,
    raw_digest uuid NOT NULL,
    rated_digest uuid NOT NULL,
    day date NOT NULL,
    instance_no integer NOT NULL,
    user_no integer,
    key_no integer,
    model_no integer,
    tariff_no integer,
    pricing_epoch integer NOT NULL,
    dimensions_no integer NOT NULL,
    duration_ms integer NOT NULL,
    first_byte_ms integer,
    prompt_tokens integer,
    completion_tokens integer,
    total_tokens integer,
    reasoning_tokens integer,
    cache_read_tokens integer,
    cache_write_5m_tokens integer,
    cache_write_1h_tokens integer,
    audio_input_tokens integer,
    audio_output_tokens integer,
    image_input_tokens integer,
    status_code smallint NOT NULL,
    flags smallint DEFAULT 0 NOT NULL,
    state "char" NOT NULL,
    usage_source "char" NOT NULL,
    CONSTRAINT usage_records_amount_pico_check CHECK ((amount_pico >= 0)),
    CONSTRAINT usage_records_audio_input_tokens_check CHECK ((audio_input_tokens >= 0)),
    CONSTRAINT usage_records_audio_output_tokens_check CHECK ((audio_output_tokens >= 0)),
    CONSTRAINT usage_records_cache_read_tokens_check CHECK ((cache_read_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_1h_tokens_check CHECK ((cache_write_1h_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_5m_tokens_check CHECK ((cache_write_5m_tokens >= 0)),
    CONSTRAINT usage_records_charged_has_payer CHECK (((state <> 'c'::"char") OR ((user_no IS NOT NULL) AND (tariff_no IS NOT NULL)))),
    CONSTRAINT usage_records_completion_tokens_check CHECK ((completion_tokens >= 0)),
    CONSTRAINT usage_records_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT usage_records_first_byte_ms_check CHECK ((first_byte_ms >= 0)),
    CONSTRAINT usage_records_image_input_tokens_check CHECK ((image_input_tokens >= 0)),
    CONSTRAINT usage_records_prompt_tokens_check CHECK ((prompt_tokens >= 0)),
    CONSTRAINT usage_records_reasoning_tokens_check CHECK ((reasoning_tokens >= 0)),
    CONSTRAINT usage_records_source CHECK ((usage_source = ANY (ARRAY['p'::"char", 'e'::"char", 'n'::"char"]))),
    CONSTRAINT usage_records_state CHECK (((state = ANY (ARRAY['c'::"char", 'f'::"char", 'u'::"char", 'v'::"char"])) AND ((state = 'c'::"char") = (amount_pico > 0)))),
    CONSTRAINT usage_records_total_tokens_check CHECK ((total_tokens >= 0))
);


--
-- Name: usage_records_2026_11_28; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_records_2026_11_28 (
    requested_at timestamp with time zone NOT NULL,
    correlation_id bigint NOT NULL,
    amount_pico bigint NOT NULL,
    batch_created_at timestamp with time zone,
    raw_digest uuid NOT NULL,
    rated_digest uuid NOT NULL,
    day date NOT NULL,
    instance_no integer NOT NULL,
    user_no integer,
    key_no integer,
    model_no integer,
    tariff_no integer,
    pricing_epoch integer NOT NULL,
    dimensions_no integer NOT NULL,
    duration_ms integer NOT NULL,
    first_byte_ms integer,
    prompt_tokens integer,
    completion_tokens integer,
    total_tokens integer,
    reasoning_tokens integer,
    cache_read_tokens integer,
    cache_write_5m_tokens integer,
    cache_write_1h_tokens integer,
    audio_input_tokens integer,
    audio_output_tokens integer,
    image_input_tokens integer,
    status_code smallint NOT NULL,
    flags smallint DEFAULT 0 NOT NULL,
    state "char" NOT NULL,
    usage_source "char" NOT NULL,
    CONSTRAINT usage_records_amount_pico_check CHECK ((amount_pico >= 0)),
    CONSTRAINT usage_records_audio_input_tokens_check CHECK ((audio_input_tokens >= 0)),
    CONSTRAINT usage_records_audio_output_tokens_check CHECK ((audio_output_tokens >= 0)),
    CONSTRAINT usage_records_cache_read_tokens_check CHECK ((cache_read_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_1h_tokens_check CHECK ((cache_write_1h_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_5m_tokens_check CHECK ((cache_write_5m_tokens >= 0)),
    CONSTRAINT usage_records_charged_has_payer CHECK (((state <> 'c'::"char") OR ((user_no IS NOT NULL) AND (tariff_no IS NOT NULL)))),
    CONSTRAINT usage_records_completion_tokens_check CHECK ((completion_tokens >= 0)),
    CONSTRAINT usage_records_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT usage_records_first_byte_ms_check CHECK ((first_byte_ms >= 0)),
    CONSTRAINT usage_records_image_input_tokens_check CHECK ((image_input_tokens >= 0)),
    CONSTRAINT usage_records_prompt_tokens_check CHECK ((prompt_tokens >= 0)),
    CONSTRAINT usage_records_reasoning_tokens_check CHECK ((reasoning_tokens >= 0)),
    CONSTRAINT usage_records_source CHECK ((usage_source = ANY (ARRAY['p'::"char", 'e'::"char", 'n'::"char"]))),
    CONSTRAINT usage_records_state CHECK (((state = ANY (ARRAY['c'::"char", 'f'::"char", 'u'::"char", 'v'::"char"])) AND ((state = 'c'::"char") = (amount_pico > 0)))),
    CONSTRAINT usage_records_total_tokens_check CHECK ((total_tokens >= 0))
);


--
-- Name: usage_records_2026_11_29; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_records_2026_11_29 (
    requested_at timestamp with time zone NOT NULL,
    correlation_id bigint NOT NULL,
    amount_pico bigint NOT NULL,
    batch_created_at timestamp with time zone,
    raw_digest uuid NOT NULL,
    rated_digest uuid NOT NULL,
    day date NOT NULL,
    instance_no integer NOT NULL,
    user_no integer,
    key_no integer,
    model_no integer,
    tariff_no integer,
    pricing_epoch integer NOT NULL,
    dimensions_no integer NOT NULL,
    duration_ms integer NOT NULL,
    first_byte_ms integer,
    prompt_tokens integer,
    completion_tokens integer,
    total_tokens integer,
    reasoning_tokens integer,
    cache_read_tokens integer,
    cache_write_5m_tokens integer,
    cache_write_1h_tokens integer,
    audio_input_tokens integer,
    audio_output_tokens integer,
    image_input_tokens integer,
    status_code smallint NOT NULL,
    flags smallint DEFAULT 0 NOT NULL,
    state "char" NOT NULL,
    usage_source "char" NOT NULL,
    CONSTRAINT usage_records_amount_pico_check CHECK ((amount_pico >= 0)),
    CONSTRAINT usage_records_audio_input_tokens_check CHECK ((audio_input_tokens >= 0)),
    CONSTRAINT usage_records_audio_output_tokens_check CHECK ((audio_output_tokens >= 0)),
    CONSTRAINT usage_records_cache_read_tokens_check CHECK ((cache_read_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_1h_tokens_check CHECK ((cache_write_1h_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_5m_tokens_check CHECK ((cache_write_5m_tokens >= 0)),
    CONSTRAINT usage_records_charged_has_payer CHECK (((state <> 'c'::"char") OR ((user_no IS NOT NULL) AND (tariff_no IS NOT NULL)))),
    CONSTRAINT usage_records_completion_tokens_check CHECK ((completion_tokens >= 0)),
    CONSTRAINT usage_records_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT usage_records_first_byte_ms_check CHECK ((first_byte_ms >= 0)),
    CONSTRAINT usage_records_image_input_tokens_check CHECK ((image_input_tokens >= 0)),
    CONSTRAINT usage_records_prompt_tokens_check CHECK ((prompt_tokens >= 0)),
    CONSTRAINT usage_records_reasoning_tokens_check CHECK ((reasoning_tokens >= 0)),
    CONSTRAINT usage_records_source CHECK ((usage_source = ANY (ARRAY['p'::"char", 'e'::"char", 'n'::"char"]))),
    CONSTRAINT usage_records_state CHECK (((state = ANY (ARRAY['c'::"char", 'f'::"char", 'u'::"char", 'v'::"char"])) AND ((state = 'c'::"char") = (amount_pico > 0)))),
    CONSTRAINT usage_records_total_tokens_check CHECK ((total_tokens >= 0))
);


--
-- Name: usage_records_default; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_records_default (
    requested_at timestamp with time zone NOT NULL,
    correlation_id bigint NOT NULL,
    amount_pico bigint NOT NULL,
    batch_created_at timestamp with time zone,
    raw_digest uuid NOT NULL,
    rated_digest uuid NOT NULL,
    day date NOT NULL,
    instance_no integer NOT NULL,
    user_no integer,
    key_no integer,
    model_no integer,
    tariff_no integer,
    pricing_epoch integer NOT NULL,
    dimensions_no integer NOT NULL,
    duration_ms integer NOT NULL,
    first_byte_ms integer,
    prompt_tokens integer,
    completion_tokens integer,
    total_tokens integer,
    reasoning_tokens integer,
    cache_read_tokens integer,
    cache_write_5m_tokens integer,
    cache_write_1h_tokens integer,
    audio_input_tokens integer,
    audio_output_tokens integer,
    image_input_tokens integer,
    status_code smallint NOT NULL,
    flags smallint DEFAULT 0 NOT NULL,
    state "char" NOT NULL,
    usage_source "char" NOT NULL,
    CONSTRAINT usage_records_amount_pico_check CHECK ((amount_pico >= 0)),
    CONSTRAINT usage_records_audio_input_tokens_check CHECK ((audio_input_tokens >= 0)),
    CONSTRAINT usage_records_audio_output_tokens_check CHECK ((audio_output_tokens >= 0)),
    CONSTRAINT usage_records_cache_read_tokens_check CHECK ((cache_read_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_1h_tokens_check CHECK ((cache_write_1h_tokens >= 0)),
    CONSTRAINT usage_records_cache_write_5m_tokens_check CHECK ((cache_write_5m_tokens >= 0)),
    CONSTRAINT usage_records_charged_has_payer CHECK (((state <> 'c'::"char") OR ((user_no IS NOT NULL) AND (tariff_no IS NOT NULL)))),
    CONSTRAINT usage_records_completion_tokens_check CHECK ((completion_tokens >= 0)),
    CONSTRAINT usage_records_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT usage_records_first_byte_ms_check CHECK ((first_byte_ms >= 0)),
    CONSTRAINT usage_records_image_input_tokens_check CHECK ((image_input_tokens >= 0)),
    CONSTRAINT usage_records_prompt_tokens_check CHECK ((prompt_tokens >= 0)),
    CONSTRAINT usage_records_reasoning_tokens_check CHECK ((reasoning_tokens >= 0)),
    CONSTRAINT usage_records_source CHECK ((usage_source = ANY (ARRAY['p'::"char", 'e'::"char", 'n'::"char"]))),
    CONSTRAINT usage_records_state CHECK (((state = ANY (ARRAY['c'::"char", 'f'::"char", 'u'::"char", 'v'::"char"])) AND ((state = 'c'::"char") = (amount_pico > 0)))),
    CONSTRAINT usage_records_total_tokens_check CHECK ((total_tokens >= 0))
);


--
-- Name: usage_rollups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usage_rollups (
    hour timestamp with time zone NOT NULL,
    user_no integer NOT NULL,
    key_no integer NOT NULL,
    model_no integer NOT NULL,
    requests bigint DEFAULT 0 NOT NULL,
    failed_requests bigint DEFAULT 0 NOT NULL,
    unrated_requests bigint DEFAULT 0 NOT NULL,
    prompt_tokens bigint DEFAULT 0 NOT NULL,
    completion_tokens bigint DEFAULT 0 NOT NULL,
    reasoning_tokens bigint DEFAULT 0 NOT NULL,
    cache_read_tokens bigint DEFAULT 0 NOT NULL,
    cache_write_tokens bigint DEFAULT 0 NOT NULL,
    amount_pico numeric(40,0) DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');


--
-- Name: user_balances; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_balances (
    user_no integer NOT NULL,
    user_id uuid NOT NULL,
    balance numeric(28,12) DEFAULT 0 NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL
)
WITH (fillfactor='70');


--
-- Name: users_no_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.users ALTER COLUMN no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: usage_details_2026_11_26; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details ATTACH PARTITION public.usage_details_2026_11_26 FOR VALUES FROM ('2026-11-26') TO ('2026-11-27');


--
-- Name: usage_details_2026_11_27; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details ATTACH PARTITION public.usage_details_2026_11_27 FOR VALUES FROM ('2026-11-27') TO ('2026-11-28');


--
-- Name: usage_details_2026_11_28; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details ATTACH PARTITION public.usage_details_2026_11_28 FOR VALUES FROM ('2026-11-28') TO ('2026-11-29');


--
-- Name: usage_details_2026_11_29; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details ATTACH PARTITION public.usage_details_2026_11_29 FOR VALUES FROM ('2026-11-29') TO ('2026-11-30');


--
-- Name: usage_details_default; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details ATTACH PARTITION public.usage_details_default DEFAULT;


--
-- Name: usage_records_2026_11_26; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records ATTACH PARTITION public.usage_records_2026_11_26 FOR VALUES FROM ('2026-11-26') TO ('2026-11-27');


--
-- Name: usage_records_2026_11_27; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records ATTACH PARTITION public.usage_records_2026_11_27 FOR VALUES FROM ('2026-11-27') TO ('2026-11-28');


--
-- Name: usage_records_2026_11_28; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records ATTACH PARTITION public.usage_records_2026_11_28 FOR VALUES FROM ('2026-11-28') TO ('2026-11-29');


--
-- Name: usage_records_2026_11_29; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records ATTACH PARTITION public.usage_records_2026_11_29 FOR VALUES FROM ('2026-11-29') TO ('2026-11-30');


--
-- Name: usage_records_default; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records ATTACH PARTITION public.usage_records_default DEFAULT;


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_keys OVERRIDING SYSTEM VALUE VALUES ('01a21592-900a-73f7-a2bd-2f336f79f0cf', 1, '\xc1b3a5f3900d920f4363f5468cca7c6cf861890ef606838719fb91252e634bff', 'tg-a1084e9', '', '01a21592-8ba1-7606-819a-403db9057ea3', NULL, 'realtime', false, '2026-11-26 01:57:36.39461+00', NULL);


--
-- Data for Name: audit_log; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit_log VALUES ('01a21592-8bb2-776a-8fff-4e53229782ea', '2026-11-26 01:57:35.287933+00', 'cli', 'user.create', 'ada', NULL, '{"id": "01a21592-8ba1-7606-819a-403db9057ea3", "kind": "individual"}');
INSERT INTO public.audit_log VALUES ('01a21592-8bc0-77aa-902c-fa12b0fdef73', '2026-11-26 01:57:35.297701+00', 'cli', 'credit.admin_grant', 'ada', NULL, '{"balance": "10", "movement": {"id": "01a21592-8bbc-7194-8a1a-5a3903a4d3e8", "type": "admin_grant", "amount": "10", "user_id": "01a21592-8ba1-7606-819a-403db9057ea3", "source_id": "user-create:01a21592-8ba1-7606-819a-403db9057ea3", "created_at": "2026-11-26T01:57:35.292705Z", "description": "Credits to begin with"}}');
INSERT INTO public.audit_log VALUES ('01a21592-8be2-76ea-a3ec-9f9d54e1a08e', '2026-11-26 01:57:35.330273+00', 'cli', 'endpoint.create', 'up', NULL, '{"id": "01a21592-8bdf-752c-8279-7ff0bb1ce61a", "name": "up", "base_url": "http://127.0.0.1:44871", "auth_style": "none", "inject_usage": true, "on_disconnect": "drain", "provider_name": null, "path_templates": {}, "on_missing_usage": "estimate", "pass_through_paths": []}');
INSERT INTO public.audit_log VALUES ('01a21592-8c70-73d9-8c15-725719a80946', '2026-11-26 01:57:35.472464+00', 'cli', 'model.create', 'gpt-test', NULL, '{"id": "01a21592-8c48-7642-9577-e38223cb5e48", "alias": "gpt-test", "created_at": "2026-11-26T01:57:35.458045Z", "endpoint_id": "01a21592-8bdf-752c-8279-7ff0bb1ce61a", "endpoint_name": "up", "upstream_model": "upstream-gpt"}');
INSERT INTO public.audit_log VALUES ('01a21592-8e7f-7077-bcc4-cff3278c2876', '2026-11-26 01:57:36.063596+00', 'cli', 'model.create', 'unpriced', NULL, '{"id": "01a21592-8dd7-72fb-8021-832b9dd8ca12", "alias": "unpriced", "created_at": "2026-11-26T01:57:35.880056Z", "endpoint_id": "01a21592-8bdf-752c-8279-7ff0bb1ce61a", "endpoint_name": "up", "upstream_model": "upstream-gpt"}');
INSERT INTO public.audit_log VALUES ('01a21592-8fe6-7499-b3dc-45a81359a155', '2026-11-26 01:57:36.359258+00', 'cli', 'tariff.set', 'gpt-test', '[]', '{"at": "2026-11-26T01:57:36.353441Z", "ended": [], "opened": [{"id": "01a21592-8fe4-710c-8ed0-9755a728d104", "purpose": "realtime", "valid_from": "2026-11-26T01:57:36.353441Z", "input_price": "0.00001", "valid_until": null, "output_price": "0.00003", "completion_window": null}], "extended": []}');
INSERT INTO public.audit_log VALUES ('01a21592-9011-71d6-bec8-d5dddf37700e', '2026-11-26 01:57:36.402181+00', 'cli', 'key.create', '01a21592-900a-73f7-a2bd-2f336f79f0cf', NULL, '{"id": "01a21592-900a-73f7-a2bd-2f336f79f0cf", "name": "", "prefix": "tg-a1084e9", "purpose": "realtime", "trusted": false, "user_id": "01a21592-8ba1-7606-819a-403db9057ea3", "user_name": "ada", "created_at": "2026-11-26T01:57:36.39461Z", "revoked_at": null}');
INSERT INTO public.audit_log VALUES ('01a21592-9168-704f-81f9-17f696c977b3', '2026-11-26 01:57:36.74505+00', 'cli', 'tariff.set', 'gpt-test', '[{"id": "01a21592-8fe4-710c-8ed0-9755a728d104", "purpose": "realtime", "valid_from": "2026-11-26T01:57:36.353441Z", "input_price": "0.00001", "valid_until": null, "output_price": "0.00003", "completion_window": null}]', '{"at": "2026-11-26T01:57:36.71357Z", "ended": [{"id": "01a21592-8fe4-710c-8ed0-9755a728d104", "purpose": "realtime", "valid_from": "2026-11-26T01:57:36.353441Z", "input_price": "0.00001", "valid_until": "2026-11-26T01:57:36.71357Z", "output_price": "0.00003", "completion_window": null}], "opened": [{"id": "01a21592-9168-704f-81f9-17f550bb39e2", "purpose": "realtime", "valid_from": "2026-11-26T01:57:36.71357Z", "input_price": "0.00002", "valid_until": null, "output_price": "0.00003", "completion_window": null}], "extended": []}');


--
-- Data for Name: config_epochs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.config_epochs VALUES (true, 3, 9);


--
-- Data for Name: credit_movements; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.credit_movements VALUES ('01a21592-8bbc-7194-8a1a-5a3903a4d3e8', '01a21592-8ba1-7606-819a-403db9057ea3', 'admin_grant', 10.000000000000, 'user-create:01a21592-8ba1-7606-819a-403db9057ea3', 'Credits to begin with', '2026-11-26 01:57:35.292705+00');


--
-- Data for Name: deployed_models; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.deployed_models OVERRIDING SYSTEM VALUE VALUES ('01a21592-8c48-7642-9577-e38223cb5e48', 1, 'gpt-test', '01a21592-8bdf-752c-8279-7ff0bb1ce61a', 'upstream-gpt', '2026-11-26 01:57:35.458045+00', NULL);
INSERT INTO public.deployed_models OVERRIDING SYSTEM VALUE VALUES ('01a21592-8dd7-72fb-8021-832b9dd8ca12', 2, 'unpriced', '01a21592-8bdf-752c-8279-7ff0bb1ce61a', 'upstream-gpt', '2026-11-26 01:57:35.880056+00', NULL);


--
-- Data for Name: inference_endpoints; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.inference_endpoints VALUES ('01a21592-8bdf-752c-8279-7ff0bb1ce61a', 'up', 'http://127.0.0.1:44871', NULL, 'none', NULL, true, 'drain', 'estimate', '{}', '{}', '2026-11-26 01:57:35.327791+00', NULL);


--
-- Data for Name: installation; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.installation VALUES (true, '\x32472de651effcb2717479594bd92e966329cb6e043964666c87ce2c32e14440');


--
-- Data for Name: instances; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.instances OVERRIDING SYSTEM VALUE VALUES (1, '01a21592-8a1f-7378-94ea-eab635e0deaf', 7, '2026-11-26 01:57:34.935707+00', 3329, 7, 7, 0);


--
-- Data for Name: model_tariffs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.model_tariffs OVERRIDING SYSTEM VALUE VALUES ('01a21592-8fe4-710c-8ed0-9755a728d104', 1, '01a21592-8c48-7642-9577-e38223cb5e48', 'realtime', NULL, 0.000010000000, 0.000030000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 01:57:36.353441+00', '2026-11-26 01:57:36.71357+00', '2026-11-26 01:57:36.356398+00', 2, 3);
INSERT INTO public.model_tariffs OVERRIDING SYSTEM VALUE VALUES ('01a21592-9168-704f-81f9-17f550bb39e2', 2, '01a21592-8c48-7642-9577-e38223cb5e48', 'realtime', NULL, 0.000020000000, 0.000030000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-26 01:57:36.71357+00', NULL, '2026-11-26 01:57:36.744417+00', 3, NULL);


--
-- Data for Name: quarantine; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: refinery_schema_history; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.refinery_schema_history VALUES (1, 'configuration', '2026-11-26T01:57:34.295378949Z', '17971877819064365646');
INSERT INTO public.refinery_schema_history VALUES (2, 'books', '2026-11-26T01:57:34.459772258Z', '9622260873203593256');
INSERT INTO public.refinery_schema_history VALUES (3, 'views', '2026-11-26T01:57:34.647722516Z', '8070615934525604813');
INSERT INTO public.refinery_schema_history VALUES (4, 'guards', '2026-11-26T01:57:34.671138355Z', '1551330886893125302');
INSERT INTO public.refinery_schema_history VALUES (5, 'freed_names', '2026-11-26T01:57:34.703654531Z', '17082167583906437718');
INSERT INTO public.refinery_schema_history VALUES (6, 'log_position', '2026-11-26T01:57:34.72131231Z', '5036347175953973020');
INSERT INTO public.refinery_schema_history VALUES (7, 'usage_commits', '2026-11-26T01:57:34.725053268Z', '6033194566722621063');


--
-- Data for Name: tariff_ends; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tariff_ends VALUES (1, 2, NULL);
INSERT INTO public.tariff_ends VALUES (1, 3, '2026-11-26 01:57:36.71357+00');
INSERT INTO public.tariff_ends VALUES (2, 3, NULL);


--
-- Data for Name: usage_commits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_commits VALUES (1, '750', false, 1, 25000000000, '{2026-11-26}', '{1}', '{1}', '{1}');
INSERT INTO public.usage_commits VALUES (2, '751', false, 2, 50000000000, '{2026-11-26}', '{1}', '{2}', '{3}');
INSERT INTO public.usage_commits VALUES (3, '753', false, 1, 35000000000, '{2026-11-26}', '{1}', '{4}', '{4}');
INSERT INTO public.usage_commits VALUES (4, '754', false, 1, 35000000000, '{2026-11-26}', '{1}', '{5}', '{5}');
INSERT INTO public.usage_commits VALUES (5, '756', false, 1, 0, '{2026-11-26}', '{1}', '{6}', '{6}');
INSERT INTO public.usage_commits VALUES (6, '758', false, 1, 0, '{2026-11-26}', '{1}', '{7}', '{7}');


--
-- Data for Name: usage_details_2026_11_26; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_details_2026_11_27; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_details_2026_11_28; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_details_2026_11_29; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_details_default; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_dimensions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_dimensions OVERRIDING SYSTEM VALUE VALUES (1, '8449f2c3-5596-1cd3-4be3-e298d287dc27', 'POST', '/v1/chat/completions', 'gpt-test', 'upstream-gpt', 'chat_completion', 'stop', 'completed', NULL, '127.0.0.1', 44871, NULL, NULL, 'api_key', 'realtime', 'api', NULL, NULL);
INSERT INTO public.usage_dimensions OVERRIDING SYSTEM VALUE VALUES (2, 'a106369f-9ee1-8582-c8af-96cef737e69e', 'POST', '/v1/chat/completions', 'unpriced', 'upstream-gpt', 'chat_completion', 'stop', 'completed', NULL, '127.0.0.1', 44871, NULL, NULL, 'api_key', 'realtime', 'api', NULL, NULL);
INSERT INTO public.usage_dimensions OVERRIDING SYSTEM VALUE VALUES (3, 'f5642707-87e1-6edb-023b-57d67c15faad', 'POST', '/v1/chat/completions', 'gpt-test', NULL, 'chat_completion', NULL, 'failed', NULL, '127.0.0.1', 44871, NULL, NULL, 'api_key', 'realtime', 'api', NULL, NULL);


--
-- Data for Name: usage_records_2026_11_26; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_records_2026_11_26 VALUES ('2026-11-26 01:57:36.45088+00', 1, 25000000000, NULL, '91c900f9-80ff-f10b-e4e4-cc4815187097', 'b593e43f-7513-d5df-5b8c-90b6828e2b95', '2026-11-26', 1, 2, 1, 1, 1, 2, 1, 2, 2, 1000, 500, 1500, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 200, 0, 'c', 'p');
INSERT INTO public.usage_records_2026_11_26 VALUES ('2026-11-26 01:57:36.49324+00', 2, 25000000000, NULL, 'c01cfbd0-4fb7-1399-b0e7-ef31f23ebfea', '071a8ffa-6441-b268-c2bf-4579fb791bdd', '2026-11-26', 1, 2, 1, 1, 1, 2, 1, 2, 2, 1000, 500, 1500, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 200, 0, 'c', 'p');
INSERT INTO public.usage_records_2026_11_26 VALUES ('2026-11-26 01:57:36.543056+00', 3, 25000000000, NULL, '27c61d8b-1c98-fb1e-5553-53a21ced751e', 'abbfa0d9-df25-f8c7-fef6-e6f52121b65e', '2026-11-26', 1, 2, 1, 1, 1, 2, 1, 1, 1, 1000, 500, 1500, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 200, 0, 'c', 'p');
INSERT INTO public.usage_records_2026_11_26 VALUES ('2026-11-26 01:57:36.787404+00', 4, 35000000000, NULL, 'f7562656-03fe-a7a2-567c-9ad9c22cfd72', 'd08188a2-82ee-f85a-f9b0-889e8c298c5f', '2026-11-26', 1, 2, 1, 1, 2, 3, 1, 30, 30, 1000, 500, 1500, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 200, 0, 'c', 'p');
INSERT INTO public.usage_records_2026_11_26 VALUES ('2026-11-26 01:57:36.847254+00', 5, 35000000000, NULL, '2366287a-d9b6-b6c0-a9b2-cbbf992dbbad', '3a9257b6-7407-bbe1-f52c-1be7dbf27650', '2026-11-26', 1, 2, 1, 1, 2, 3, 1, 8, 1, 1000, 500, 1500, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 200, 0, 'c', 'p');
INSERT INTO public.usage_records_2026_11_26 VALUES ('2026-11-26 01:57:36.865026+00', 6, 0, NULL, 'a28a6c98-0f7f-206e-6d10-002828c622da', '02446d52-4f7e-f588-1a6c-c288197d36c9', '2026-11-26', 1, 2, 1, 2, NULL, 3, 2, 7, 6, 1000, 500, 1500, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 200, 0, 'u', 'p');
INSERT INTO public.usage_records_2026_11_26 VALUES ('2026-11-26 01:57:36.877277+00', 7, 0, NULL, '82b8389f-f023-9478-af84-5d608fef5bc5', '4a76d6d7-a015-16e5-372f-e9752eb4e2c2', '2026-11-26', 1, 2, 1, 1, 2, 3, 3, 18, 9, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 500, 2, 'f', 'n');


--
-- Data for Name: usage_records_2026_11_27; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_records_2026_11_28; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_records_2026_11_29; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_records_default; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: usage_rollups; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usage_rollups VALUES ('2026-11-26 01:00:00+00', 2, 1, 2, 1, 0, 1, 1000, 500, 0, 0, 0, 0);
INSERT INTO public.usage_rollups VALUES ('2026-11-26 01:00:00+00', 2, 1, 1, 6, 1, 0, 5000, 2500, 0, 0, 0, 145000000000);


--
-- Data for Name: user_balances; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.user_balances VALUES (1, '00000000-0000-0000-0000-000000000000', 0.000000000000, '727');
INSERT INTO public.user_balances VALUES (2, '01a21592-8ba1-7606-819a-403db9057ea3', 9.855000000000, '754');


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES ('00000000-0000-0000-0000-000000000000', 1, 'system', 'individual', '2026-11-26 01:57:34.319405+00', NULL);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES ('01a21592-8ba1-7606-819a-403db9057ea3', 2, 'ada', 'individual', '2026-11-26 01:57:35.267775+00', NULL);


--
-- Name: api_keys_no_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.api_keys_no_seq', 1, true);


--
-- Name: deployed_models_no_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.deployed_models_no_seq', 2, true);


--
-- Name: instances_no_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.instances_no_seq', 1, true);


--
-- Name: model_tariffs_no_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.model_tariffs_no_seq', 2, true);


--
-- Name: usage_commits_no; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.usage_commits_no', 6, true);


--
-- Name: usage_dimensions_no_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.usage_dimensions_no_seq', 3, true);


--
-- Name: users_no_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.users_no_seq', 2, true);


--
-- Name: api_keys api_keys_digest_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_digest_key UNIQUE (digest);


--
-- Name: api_keys api_keys_no_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_no_key UNIQUE (no);


--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);


--
-- Name: audit_log audit_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);


--
-- Name: config_epochs config_epochs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.config_epochs
    ADD CONSTRAINT config_epochs_pkey PRIMARY KEY (one);


--
-- Name: credit_movements credit_movements_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_movements
    ADD CONSTRAINT credit_movements_pkey PRIMARY KEY (id);


--
-- Name: credit_movements credit_movements_source_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_movements
    ADD CONSTRAINT credit_movements_source_id_key UNIQUE (source_id);


--
-- Name: deployed_models deployed_models_no_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployed_models
    ADD CONSTRAINT deployed_models_no_key UNIQUE (no);


--
-- Name: deployed_models deployed_models_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployed_models
    ADD CONSTRAINT deployed_models_pkey PRIMARY KEY (id);


--
-- Name: inference_endpoints inference_endpoints_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.inference_endpoints
    ADD CONSTRAINT inference_endpoints_pkey PRIMARY KEY (id);


--
-- Name: installation installation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (one);


--
-- Name: instances instances_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_id_key UNIQUE (id);


--
-- Name: instances instances_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_pkey PRIMARY KEY (no);


--
-- Name: model_tariffs model_tariffs_no_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_tariffs
    ADD CONSTRAINT model_tariffs_no_key UNIQUE (no);


--
-- Name: model_tariffs model_tariffs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_tariffs
    ADD CONSTRAINT model_tariffs_pkey PRIMARY KEY (id);


--
-- Name: quarantine quarantine_instance_id_correlation_id_raw_digest_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_instance_id_correlation_id_raw_digest_key UNIQUE (instance_id, correlation_id, raw_digest);


--
-- Name: quarantine quarantine_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (id);


--
-- Name: refinery_schema_history refinery_schema_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.refinery_schema_history
    ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);


--
-- Name: tariff_ends tariff_ends_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tariff_ends
    ADD CONSTRAINT tariff_ends_pkey PRIMARY KEY (tariff_no, epoch);


--
-- Name: usage_commits usage_commits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_commits
    ADD CONSTRAINT usage_commits_pkey PRIMARY KEY (slot);


--
-- Name: usage_details usage_details_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details
    ADD CONSTRAINT usage_details_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_details_2026_11_26 usage_details_2026_11_26_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details_2026_11_26
    ADD CONSTRAINT usage_details_2026_11_26_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_details_2026_11_27 usage_details_2026_11_27_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details_2026_11_27
    ADD CONSTRAINT usage_details_2026_11_27_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_details_2026_11_28 usage_details_2026_11_28_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details_2026_11_28
    ADD CONSTRAINT usage_details_2026_11_28_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_details_2026_11_29 usage_details_2026_11_29_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details_2026_11_29
    ADD CONSTRAINT usage_details_2026_11_29_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_details_default usage_details_default_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_details_default
    ADD CONSTRAINT usage_details_default_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_dimensions usage_dimensions_fingerprint_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_dimensions
    ADD CONSTRAINT usage_dimensions_fingerprint_key UNIQUE (fingerprint);


--
-- Name: usage_dimensions usage_dimensions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_dimensions
    ADD CONSTRAINT usage_dimensions_pkey PRIMARY KEY (no);


--
-- Name: usage_records usage_records_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records
    ADD CONSTRAINT usage_records_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_records_2026_11_26 usage_records_2026_11_26_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records_2026_11_26
    ADD CONSTRAINT usage_records_2026_11_26_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_records_2026_11_27 usage_records_2026_11_27_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records_2026_11_27
    ADD CONSTRAINT usage_records_2026_11_27_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_records_2026_11_28 usage_records_2026_11_28_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records_2026_11_28
    ADD CONSTRAINT usage_records_2026_11_28_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_records_2026_11_29 usage_records_2026_11_29_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records_2026_11_29
    ADD CONSTRAINT usage_records_2026_11_29_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_records_default usage_records_default_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_records_default
    ADD CONSTRAINT usage_records_default_pkey PRIMARY KEY (day, instance_no, correlation_id);


--
-- Name: usage_rollups usage_rollups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usage_rollups
    ADD CONSTRAINT usage_rollups_pkey PRIMARY KEY (hour, user_no, key_no, model_no);


--
-- Name: user_balances user_balances_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_balances
    ADD CONSTRAINT user_balances_pkey PRIMARY KEY (user_no);


--
-- Name: user_balances user_balances_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_balances
    ADD CONSTRAINT user_balances_user_id_key UNIQUE (user_id);


--
-- Name: users users_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_name_key UNIQUE (name);


--
-- Name: users users_no_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_no_key UNIQUE (no);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: credit_movements_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX credit_movements_user ON public.credit_movements USING btree (user_id, created_at);


--
-- Name: deployed_models_live_alias; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX deployed_models_live_alias ON public.deployed_models USING btree (alias) WHERE (deleted_at IS NULL);


--
-- Name: inference_endpoints_live_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX inference_endpoints_live_name ON public.inference_endpoints USING btree (name) WHERE (deleted_at IS NULL);


--
-- Name: model_tariffs_model; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX model_tariffs_model ON public.model_tariffs USING btree (model_id, valid_from DESC);


--
-- Name: model_tariffs_opening; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX model_tariffs_opening ON public.model_tariffs USING btree (model_id, purpose, COALESCE(completion_window, ''::text), valid_from) WHERE (valid_until IS DISTINCT FROM valid_from);


--
-- Name: usage_records_unrated; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_records_unrated ON ONLY public.usage_records USING btree (day, instance_no, correlation_id) WHERE (state = 'u'::"char");


--
-- Name: usage_records_2026_11_26_day_instance_no_correlation_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_records_2026_11_26_day_instance_no_correlation_id_idx ON public.usage_records_2026_11_26 USING btree (day, instance_no, correlation_id) WHERE (state = 'u'::"char");


--
-- Name: usage_records_2026_11_27_day_instance_no_correlation_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_records_2026_11_27_day_instance_no_correlation_id_idx ON public.usage_records_2026_11_27 USING btree (day, instance_no, correlation_id) WHERE (state = 'u'::"char");


--
-- Name: usage_records_2026_11_28_day_instance_no_correlation_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_records_2026_11_28_day_instance_no_correlation_id_idx ON public.usage_records_2026_11_28 USING btree (day, instance_no, correlation_id) WHERE (state = 'u'::"char");


--
-- Name: usage_records_2026_11_29_day_instance_no_correlation_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_records_2026_11_29_day_instance_no_correlation_id_idx ON public.usage_records_2026_11_29 USING btree (day, instance_no, correlation_id) WHERE (state = 'u'::"char");


--
-- Name: usage_records_default_day_instance_no_correlation_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX usage_records_default_day_instance_no_correlation_id_idx ON public.usage_records_default USING btree (day, instance_no, correlation_id) WHERE (state = 'u'::"char");


--
-- Name: usage_details_2026_11_26_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_details_pkey ATTACH PARTITION public.usage_details_2026_11_26_pkey;


--
-- Name: usage_details_2026_11_27_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_details_pkey ATTACH PARTITION public.usage_details_2026_11_27_pkey;


--
-- Name: usage_details_2026_11_28_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_details_pkey ATTACH PARTITION public.usage_details_2026_11_28_pkey;


--
-- Name: usage_details_2026_11_29_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_details_pkey ATTACH PARTITION public.usage_details_2026_11_29_pkey;


--
-- Name: usage_details_default_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_details_pkey ATTACH PARTITION public.usage_details_default_pkey;


--
-- Name: usage_records_2026_11_26_day_instance_no_correlation_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_unrated ATTACH PARTITION public.usage_records_2026_11_26_day_instance_no_correlation_id_idx;


--
-- Name: usage_records_2026_11_26_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_pkey ATTACH PARTITION public.usage_records_2026_11_26_pkey;


--
-- Name: usage_records_2026_11_27_day_instance_no_correlation_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_unrated ATTACH PARTITION public.usage_records_2026_11_27_day_instance_no_correlation_id_idx;


--
-- Name: usage_records_2026_11_27_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_pkey ATTACH PARTITION public.usage_records_2026_11_27_pkey;


--
-- Name: usage_records_2026_11_28_day_instance_no_correlation_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_unrated ATTACH PARTITION public.usage_records_2026_11_28_day_instance_no_correlation_id_idx;


--
-- Name: usage_records_2026_11_28_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_pkey ATTACH PARTITION public.usage_records_2026_11_28_pkey;


--
-- Name: usage_records_2026_11_29_day_instance_no_correlation_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_unrated ATTACH PARTITION public.usage_records_2026_11_29_day_instance_no_correlation_id_idx;


--
-- Name: usage_records_2026_11_29_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_pkey ATTACH PARTITION public.usage_records_2026_11_29_pkey;


--
-- Name: usage_records_default_day_instance_no_correlation_id_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_unrated ATTACH PARTITION public.usage_records_default_day_instance_no_correlation_id_idx;


--
-- Name: usage_records_default_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.usage_records_pkey ATTACH PARTITION public.usage_records_default_pkey;


--
-- Name: audit_log append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: credit_movements append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.credit_movements FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: model_tariffs append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.model_tariffs FOR EACH ROW EXECUTE FUNCTION public.guard_tariff();


--
-- Name: tariff_ends append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.tariff_ends FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_details append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.usage_details FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_dimensions append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.usage_dimensions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_records append_only; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.usage_records FOR EACH ROW EXECUTE FUNCTION public.guard_usage_record();


--
-- Name: audit_log append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: credit_movements append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.credit_movements FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: model_tariffs append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.model_tariffs FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: tariff_ends append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.tariff_ends FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_details append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_details FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_details_2026_11_26 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_details_2026_11_26 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_details_2026_11_27 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_details_2026_11_27 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_details_2026_11_28 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_details_2026_11_28 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_details_2026_11_29 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_details_2026_11_29 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_details_default append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_details_default FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_dimensions append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_dimensions FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_records append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_records FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_records_2026_11_26 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_records_2026_11_26 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_records_2026_11_27 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_records_2026_11_27 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_records_2026_11_28 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_records_2026_11_28 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_records_2026_11_29 append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_records_2026_11_29 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: usage_records_default append_only_truncate; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.usage_records_default FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();


--
-- Name: api_keys config_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER config_changed AFTER INSERT OR DELETE OR UPDATE ON public.api_keys FOR EACH STATEMENT EXECUTE FUNCTION public.config_changed();


--
-- Name: deployed_models config_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER config_changed AFTER INSERT OR DELETE OR UPDATE ON public.deployed_models FOR EACH STATEMENT EXECUTE FUNCTION public.config_changed();


--
-- Name: inference_endpoints config_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER config_changed AFTER INSERT OR DELETE OR UPDATE ON public.inference_endpoints FOR EACH STATEMENT EXECUTE FUNCTION public.config_changed();


--
-- Name: model_tariffs config_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER config_changed AFTER INSERT OR DELETE OR UPDATE ON public.model_tariffs FOR EACH STATEMENT EXECUTE FUNCTION public.config_changed();


--
-- Name: users config_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER config_changed AFTER INSERT OR DELETE OR UPDATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION public.config_changed();


--
-- Name: api_keys api_keys_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id);


--
-- Name: api_keys api_keys_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: credit_movements credit_movements_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.credit_movements
    ADD CONSTRAINT credit_movements_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: deployed_models deployed_models_endpoint_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployed_models
    ADD CONSTRAINT deployed_models_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES public.inference_endpoints(id);


--
-- Name: model_tariffs model_tariffs_model_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_tariffs
    ADD CONSTRAINT model_tariffs_model_id_fkey FOREIGN KEY (model_id) REFERENCES public.deployed_models(id);


--
-- Name: tariff_ends tariff_ends_tariff_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tariff_ends
    ADD CONSTRAINT tariff_ends_tariff_no_fkey FOREIGN KEY (tariff_no) REFERENCES public.model_tariffs(no);


--
-- Name: user_balances user_balances_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_balances
    ADD CONSTRAINT user_balances_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: user_balances user_balances_user_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_balances
    ADD CONSTRAINT user_balances_user_no_fkey FOREIGN KEY (user_no) REFERENCES public.users(no);


--
-- PostgreSQL database dump complete
--


