//! Answers that are not streamed.

use super::{Case, json, plain};
use crate::wire::Surface::{
    AnthropicMessages, ChatCompletions, Completions, Embeddings, GeminiGenerate, PassThrough, Rerank,
    Responses,
};

pub(super) const CASES: &[Case] = &[
    // OpenAI API reference: chat with a predicted output; rejected tokens are within the completion.
    json(
        "openai, predicted output and service tier",
        ChatCompletions,
        r#"{"id":"c","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"ok","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1300,"completion_tokens":120,"total_tokens":1420,"prompt_tokens_details":{"cached_tokens":1024,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":60,"rejected_prediction_tokens":40}},"service_tier":"flex","system_fingerprint":null}"#,
        Some([1300, 120, 1024, 0, 0, 0]),
    ),
    json(
        "openai, legacy completions",
        Completions,
        r#"{"id":"cmpl-1","object":"text_completion","model":"gpt-3.5-turbo-instruct","choices":[{"text":"\n\nThis","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#,
        plain(5, 7),
    ),
    json(
        "openai, a failed response that still cost",
        Responses,
        r#"{"id":"r","object":"response","status":"failed","error":{"code":"server_error","message":"m"},"incomplete_details":null,"model":"o3","output":[],"usage":{"input_tokens":40,"input_tokens_details":{"cached_tokens":0},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":9},"total_tokens":49}}"#,
        Some([40, 9, 0, 0, 0, 9]),
    ),
    json(
        "openai, in the background",
        Responses,
        r#"{"id":"r","object":"response","status":"queued","background":true,"error":null,"model":"o3","output":[],"usage":null}"#,
        None,
    ),
    json(
        "openai, images",
        PassThrough,
        r#"{"created":1,"data":[{"b64_json":"iVBO"}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#,
        plain(50, 50),
    ),
    json(
        "openai, transcription in tokens",
        PassThrough,
        r#"{"text":"Hello","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#,
        plain(14, 45),
    ),
    json(
        "openai, transcription in seconds",
        PassThrough,
        r#"{"text":"Hello","usage":{"type":"duration","seconds":12}}"#,
        None,
    ),
    // Microsoft Learn, content filtering.
    json(
        "azure, with content filter results",
        ChatCompletions,
        r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"finish_reason":"content_filter","index":0,"message":{"role":"assistant"}}],"model":"gpt-4o","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}],"usage":{"completion_tokens":3,"prompt_tokens":11,"total_tokens":14}}"#,
        plain(11, 3),
    ),
    // Anthropic API reference. A refusal is charged; server tools are in the counts already.
    json(
        "anthropic, refused, both caches written",
        AnthropicMessages,
        r#"{"type":"message","model":"claude","role":"assistant","content":[],"stop_reason":"refusal","usage":{"input_tokens":21,"cache_creation_input_tokens":556,"cache_read_input_tokens":2000,"cache_creation":{"ephemeral_5m_input_tokens":456,"ephemeral_1h_input_tokens":100},"output_tokens":4,"server_tool_use":{"web_search_requests":1},"service_tier":"priority"}}"#,
        Some([2577, 4, 2000, 456, 100, 0]),
    ),
    json(
        "anthropic on vertex or by invoke-model, on a path of its own",
        PassThrough,
        r#"{"id":"msg_vrtx_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":12,"cache_creation_input_tokens":30,"cache_read_input_tokens":50,"output_tokens":4}}"#,
        Some([92, 4, 50, 30, 0, 0]),
    ),
    // Amazon Bedrock API reference, Converse: TokenUsage and CacheDetail.
    json(
        "bedrock converse",
        PassThrough,
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":4,"outputTokens":20,"totalTokens":1624,"cacheReadInputTokens":1000,"cacheWriteInputTokens":600,"cacheDetails":[{"ttl":"1h","inputTokens":200},{"ttl":"5m","inputTokens":400}]},"metrics":{"latencyMs":551}}"#,
        Some([1604, 20, 1000, 400, 200, 0]),
    ),
    json(
        "bedrock, llama",
        PassThrough,
        r#"{"generation":"Hi","prompt_token_count":25,"generation_token_count":9,"stop_reason":"stop"}"#,
        plain(25, 9),
    ),
    json(
        "bedrock, titan embedding",
        Embeddings,
        r#"{"embedding":[0.1,0.2],"embeddingsByType":{"float":[0.1,0.2]},"inputTextTokenCount":7}"#,
        plain(7, 0),
    ),
    // The same and others by the paths that they have: nothing but the answer says that it embeds.
    json(
        "bedrock, titan embedding by its path",
        PassThrough,
        r#"{"embedding":[0.1,0.2],"inputTextTokenCount":7}"#,
        plain(7, 0),
    ),
    json(
        "cohere, embedding by its path",
        PassThrough,
        r#"{"id":"e","embeddings":{"float":[[0.1,0.2]]},"texts":["a"],"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":4,"image_tokens":0}},"response_type":"embeddings_by_type"}"#,
        plain(4, 0),
    ),
    json(
        "ollama, embedding by its path",
        PassThrough,
        r#"{"model":"m","embeddings":[[0.1,0.2]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}"#,
        plain(8, 0),
    ),
    json(
        "bedrock, nova with its caches by its own names",
        PassThrough,
        r#"{"output":{"message":{"content":[{"text":"Hi"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":23,"outputTokens":412,"totalTokens":435,"cacheReadInputTokenCount":11890,"cacheWriteInputTokenCount":0}}"#,
        Some([11913, 412, 11890, 0, 0, 0]),
    ),
    json(
        "bedrock, caches by both names",
        PassThrough,
        r#"{"output":{"message":{"content":[{"text":"Hi"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":23,"outputTokens":4,"totalTokens":27,"cacheReadInputTokens":90,"cacheReadInputTokenCount":90,"cacheWriteInputTokens":7,"cacheWriteInputTokenCount":7}}"#,
        Some([120, 4, 90, 7, 0, 0]),
    ),
    json(
        "openai, a run, whose details are singular",
        PassThrough,
        r#"{"id":"run","object":"thread.run","status":"completed","model":"gpt-4o","usage":{"prompt_tokens":845,"completion_tokens":57,"total_tokens":902,"prompt_token_details":{"cached_tokens":512},"completion_token_details":{"reasoning_tokens":9}}}"#,
        Some([845, 57, 512, 0, 0, 9]),
    ),
    json(
        "both spellings, of which the plural counts",
        ChatCompletions,
        r#"{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hi","role":"assistant"}}],"model":"m","usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":40},"prompt_token_details":{"cached_tokens":0}}}"#,
        Some([100, 50, 40, 0, 0, 0]),
    ),
    // Gemini API reference.
    json(
        "gemini, a blocked prompt",
        GeminiGenerate,
        r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":9,"totalTokenCount":9,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}]},"modelVersion":"gemini-2.5-flash"}"#,
        plain(9, 0),
    ),
    json(
        "gemini, cached content and thoughts",
        GeminiGenerate,
        r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":2152,"candidatesTokenCount":710,"totalTokenCount":2962,"cachedContentTokenCount":2027,"thoughtsTokenCount":100,"promptTokensDetails":[{"modality":"TEXT","tokenCount":2152}],"cacheTokensDetails":[{"modality":"TEXT","tokenCount":2027}]}}"#,
        Some([2152, 810, 2027, 0, 0, 100]),
    ),
    json(
        "gemini, its interactions",
        PassThrough,
        r#"{"id":"i","model":"gemini-3-flash","object":"interaction","status":"completed","outputs":[{"type":"text","text":"Hi"}],"usage":{"total_input_tokens":11,"total_cached_tokens":4,"total_output_tokens":90,"total_tool_use_tokens":5,"total_thought_tokens":245,"total_tokens":351}}"#,
        Some([16, 335, 4, 0, 0, 245]),
    ),
    json(
        "gemini, wrapped by code assist",
        PassThrough,
        r#"{"response":{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":2,"thoughtsTokenCount":5,"totalTokenCount":15},"modelVersion":"gemini-2.5-pro"}}"#,
        Some([8, 7, 0, 0, 0, 5]),
    ),
    json(
        "gemini, counting tokens is no usage",
        PassThrough,
        r#"{"totalTokens":31,"promptTokensDetails":[{"modality":"TEXT","tokenCount":31}]}"#,
        None,
    ),
    // xAI docs: reasoning is beside the completion, and in the total. Stated so, kept so.
    json(
        "xai",
        ChatCompletions,
        r#"{"model":"grok-3-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning_content":"so","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"prompt_tokens_details":{"text_tokens":32,"audio_tokens":0,"image_tokens":0,"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":94,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"num_sources_used":0}}"#,
        Some([32, 9, 6, 0, 0, 94]),
    ),
    // Perplexity API reference: citation tokens are priced apart.
    json(
        "perplexity, deep research",
        ChatCompletions,
        r#"{"model":"sonar-deep-research","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hi"},"delta":{"role":"assistant","content":""}}],"citations":["https://a.example"],"usage":{"prompt_tokens":19,"completion_tokens":498,"total_tokens":517,"search_context_size":"low","citation_tokens":10175,"num_search_queries":48,"reasoning_tokens":95305,"cost":{"total_cost":0.1}}}"#,
        Some([19, 498, 0, 0, 0, 95305]),
    ),
    json(
        "perplexity, responses",
        Responses,
        r#"{"object":"response","status":"completed","model":"openai/gpt-5","output":[{"type":"message"}],"usage":{"input_tokens":300,"output_tokens":20,"total_tokens":320,"input_tokens_details":{"cache_creation_input_tokens":0,"cache_read_input_tokens":128},"cost":{"currency":"USD"}}}"#,
        Some([300, 20, 128, 0, 0, 0]),
    ),
    // Cohere API reference, v2 chat: tokens are counted, billed units are after discounts.
    json(
        "cohere v2",
        PassThrough,
        r#"{"id":"c","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]},"usage":{"billed_units":{"input_tokens":5,"output_tokens":2},"tokens":{"input_tokens":71,"output_tokens":4},"cached_tokens":64}}"#,
        Some([71, 4, 64, 0, 0, 0]),
    ),
    json(
        "cohere v1",
        PassThrough,
        r#"{"text":"Hi","generation_id":"g","finish_reason":"COMPLETE","meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":5.0,"output_tokens":2.0},"tokens":{"input_tokens":71.0,"output_tokens":4.0}}}"#,
        plain(71, 4),
    ),
    json(
        "cohere embeddings",
        Embeddings,
        r#"{"id":"e","texts":["hi"],"embeddings":{"float":[[0.1,0.2]]},"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":3}},"response_type":"embeddings_by_type"}"#,
        plain(3, 0),
    ),
    json(
        "voyage, multimodal embeddings on a path of their own",
        PassThrough,
        r#"{"object":"list","data":[{"object":"embedding","embedding":[0.1],"index":0}],"model":"voyage-multimodal-3","usage":{"text_tokens":5,"image_pixels":2000000,"total_tokens":3576}}"#,
        plain(3576, 0),
    ),
    json(
        "voyage, rerank",
        Rerank,
        r#"{"object":"list","data":[{"index":0,"relevance_score":0.4}],"model":"rerank-2.5","usage":{"total_tokens":26}}"#,
        plain(26, 0),
    ),
    json(
        "jina, embeddings",
        Embeddings,
        r#"{"model":"jina-embeddings-v3","object":"list","usage":{"total_tokens":16,"prompt_tokens":16},"data":[{"object":"embedding","index":0,"embedding":[0.1]}]}"#,
        plain(16, 0),
    ),
    json(
        "nomic, embeddings",
        Embeddings,
        r#"{"embeddings":[[0.1]],"usage":{"prompt_tokens":10,"total_tokens":10},"model":"nomic-embed-text-v1.5"}"#,
        plain(10, 0),
    ),
    json(
        "cohere and jina alike, rerank as vllm answers it",
        Rerank,
        r#"{"id":"rerank-1","model":"bge","usage":{"total_tokens":56},"results":[{"index":0,"document":{"text":"t"},"relevance_score":0.9}]}"#,
        plain(56, 0),
    ),
    // DeepSeek, Moonshot, Zhipu, Volcengine, Baidu, MiniMax: OpenAI's names and some of their own.
    json(
        "deepseek",
        ChatCompletions,
        r#"{"model":"deepseek-chat","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":8,"total_tokens":108,"prompt_tokens_details":{"cached_tokens":64},"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36}}"#,
        Some([100, 8, 64, 0, 0, 0]),
    ),
    json(
        "moonshot",
        ChatCompletions,
        r#"{"model":"kimi-k2","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":21,"total_tokens":40,"cached_tokens":10}}"#,
        Some([19, 21, 10, 0, 0, 0]),
    ),
    json(
        "dashscope, its own format",
        PassThrough,
        r#"{"output":{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":"Hi"}}]},"usage":{"total_tokens":40,"output_tokens":18,"input_tokens":22,"prompt_tokens_details":{"cached_tokens":16},"output_tokens_details":{"reasoning_tokens":3}},"request_id":"r"}"#,
        Some([22, 18, 16, 0, 0, 3]),
    ),
    // Alibaba Cloud Model Studio, context cache: an explicit cache lives five minutes, and is a part of the prompt.
    json(
        "qwen, an explicit cache",
        ChatCompletions,
        r#"{"model":"qwen3-coder-plus","choices":[{"message":{"role":"assistant","content":"Hi"},"index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":1640,"completion_tokens":50,"total_tokens":1690,"prompt_tokens_details":{"cache_creation":{"ephemeral_5m_input_tokens":1604},"cache_creation_input_tokens":1604,"cache_type":"ephemeral","cached_tokens":0}}}"#,
        Some([1640, 50, 0, 1604, 0, 0]),
    ),
    json(
        "hunyuan, its own format",
        PassThrough,
        r#"{"Response":{"RequestId":"r","Choices":[{"FinishReason":"stop","Message":{"Role":"assistant","Content":"Hi"}}],"Usage":{"PromptTokens":6,"CompletionTokens":2,"TotalTokens":8}}}"#,
        plain(6, 2),
    ),
    // LiteLLM and Databricks: Anthropic's cache counts beside OpenAI's names. The total tells which it is.
    json(
        "litellm, caches inside the prompt",
        ChatCompletions,
        r#"{"model":"claude","object":"chat.completion","choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hi","role":"assistant"}}],"usage":{"completion_tokens":12,"prompt_tokens":2100,"total_tokens":2112,"completion_tokens_details":null,"prompt_tokens_details":{"audio_tokens":null,"cached_tokens":1500,"cache_creation_tokens":500},"cache_creation_input_tokens":500,"cache_read_input_tokens":1500}}"#,
        Some([2100, 12, 1500, 500, 0, 0]),
    ),
    json(
        "a proxy with the caches beside the prompt",
        ChatCompletions,
        r#"{"model":"claude","choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hi","role":"assistant"}}],"usage":{"prompt_tokens":100,"completion_tokens":12,"total_tokens":2112,"cache_creation_input_tokens":500,"cache_read_input_tokens":1500}}"#,
        Some([2100, 12, 1500, 500, 0, 0]),
    ),
    json(
        "a proxy with Anthropic's names in a chat",
        ChatCompletions,
        r#"{"model":"claude","choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hi","role":"assistant"}}],"usage":{"input_tokens":100,"output_tokens":12,"cache_read_input_tokens":1500}}"#,
        Some([1600, 12, 1500, 0, 0, 0]),
    ),
    json(
        "a proxy with Anthropic's names and OpenAI's total",
        Responses,
        r#"{"model":"claude","status":"completed","output":[{"type":"message"}],"usage":{"input_tokens":1600,"output_tokens":12,"total_tokens":1612,"cache_read_input_tokens":1500}}"#,
        Some([1600, 12, 1500, 0, 0, 0]),
    ),
    // Servers one runs oneself.
    json(
        "vllm and sglang, with nulls",
        ChatCompletions,
        r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning_content":null,"tool_calls":[]},"logprobs":null,"finish_reason":"stop","stop_reason":null,"matched_stop":2}],"usage":{"prompt_tokens":7,"total_tokens":15,"completion_tokens":8,"prompt_tokens_details":null,"reasoning_tokens":0},"prompt_logprobs":null,"kv_transfer_params":null}"#,
        plain(7, 8),
    ),
    json(
        "sglang, its own format",
        PassThrough,
        r#"{"text":"Hi","meta_info":{"id":"i","finish_reason":{"type":"stop"},"prompt_tokens":7,"completion_tokens":8,"cached_tokens":1,"e2e_latency":0.1}}"#,
        Some([7, 8, 1, 0, 0, 0]),
    ),
    json(
        "llama.cpp, timings",
        ChatCompletions,
        r#"{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"Hi"}}],"model":"m","usage":{"completion_tokens":10,"prompt_tokens":34,"total_tokens":44},"timings":{"cache_n":24,"prompt_n":10,"predicted_n":10}}"#,
        plain(34, 10),
    ),
    json(
        "llama.cpp, its own format",
        PassThrough,
        r#"{"index":0,"content":"Hi","tokens":[],"stop":true,"model":"m","tokens_predicted":10,"tokens_evaluated":34,"stop_type":"eos","tokens_cached":43,"timings":{"prompt_n":34}}"#,
        plain(34, 10),
    ),
    json(
        "lm studio",
        ChatCompletions,
        r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hi"}}],"model":"m","usage":{"prompt_tokens":24,"completion_tokens":53,"total_tokens":77},"stats":{"tokens_per_second":51.4},"model_info":{"arch":"granite"}}"#,
        plain(24, 53),
    ),
    // LM Studio REST API, v1.
    json(
        "lm studio, its own format",
        PassThrough,
        r#"{"model_instance_id":"m","output":[{"type":"message","content":"Hi"}],"stats":{"input_tokens":24,"total_output_tokens":53,"reasoning_output_tokens":40,"tokens_per_second":51.4},"response_id":"r"}"#,
        Some([24, 53, 0, 0, 0, 40]),
    ),
    // Hosts.
    json(
        "aleph alpha",
        PassThrough,
        r#"{"completions":[{"completion":"Hi","finish_reason":"maximum_tokens"}],"model_version":"1","num_tokens_prompt_total":6,"num_tokens_generated":2}"#,
        plain(6, 2),
    ),
    json(
        "ai21",
        ChatCompletions,
        r#"{"id":"a","model":"jamba-large","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","tool_calls":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":107,"completion_tokens":26,"total_tokens":133},"meta":{"requestDurationMillis":1113}}"#,
        plain(107, 26),
    ),
    json(
        "nvidia nim, ranking",
        PassThrough,
        r#"{"rankings":[{"index":0,"logit":4.2}],"usage":{"prompt_tokens":51,"total_tokens":51}}"#,
        plain(51, 0),
    ),
    json(
        "deepinfra, with a cost",
        ChatCompletions,
        r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","name":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":15,"total_tokens":31,"completion_tokens":16,"estimated_cost":0.0000268,"prompt_tokens_details":null}}"#,
        plain(15, 16),
    ),
    json(
        "sambanova, with times",
        ChatCompletions,
        r#"{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hi","role":"assistant"}}],"model":"m","usage":{"acceptance_rate":4.2,"completion_tokens":35,"completion_tokens_per_sec":900.1,"is_last_response":true,"prompt_tokens":43,"stop_reason":"stop","total_latency":0.1,"total_tokens":78,"prompt_tokens_details":{"cached_tokens":0}}}"#,
        plain(43, 35),
    ),
    json(
        "cloudflare, its own format",
        PassThrough,
        r#"{"result":{"response":"Hi","tool_calls":[],"usage":{"prompt_tokens":30,"completion_tokens":4,"total_tokens":34}},"success":true,"errors":[],"messages":[]}"#,
        plain(30, 4),
    ),
    json(
        "replicate",
        PassThrough,
        r#"{"id":"p","status":"succeeded","output":["Hi"],"metrics":{"input_token_count":11,"output_token_count":3,"predict_time":0.2},"error":null}"#,
        plain(11, 3),
    ),
    json(
        "vertex, OpenAI's format with an extension",
        ChatCompletions,
        r#"{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hi","role":"assistant"}}],"model":"google/gemini-2.5-flash","usage":{"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":30},"extra_properties":{"google":{"traffic_type":"ON_DEMAND"}},"prompt_tokens":9,"total_tokens":41}}"#,
        Some([9, 2, 0, 0, 0, 30]),
    ),
];
