//! Answers that come in pieces.

use super::{Case, NDJSON, plain, sse};
use crate::wire::Surface::{
    AnthropicMessages, ChatCompletions, Completions, GeminiStreamGenerate, PassThrough, Responses,
};

pub(super) const CASES: &[Case] = &[
    sse(
        "openai, legacy completions",
        Completions,
        "data: {\"choices\":[{\"text\":\"Hi\",\"index\":0,\"finish_reason\":null}],\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\ndata: [DONE]\n\n",
        plain(5, 7),
    ),
    sse(
        "openai, a response cut short",
        Responses,
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\nevent: response.incomplete\ndata: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"usage\":{\"input_tokens\":40,\"output_tokens\":16,\"output_tokens_details\":{\"reasoning_tokens\":16},\"total_tokens\":56}}}\n\n",
        Some([40, 16, 0, 0, 0, 16]),
    ),
    sse(
        "openai, a response that failed without usage",
        Responses,
        "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"server_error\"},\"usage\":null}}\n\n",
        None,
    ),
    sse(
        "text generation inference, its own format",
        PassThrough,
        "data:{\"index\":1,\"token\":{\"id\":1,\"text\":\"Hi\",\"special\":false},\"generated_text\":null,\"details\":null}\n\ndata:{\"index\":2,\"token\":{\"id\":2,\"text\":\"!\",\"special\":false},\"generated_text\":\"Hi!\",\"details\":{\"finish_reason\":\"length\",\"generated_tokens\":2,\"input_length\":12,\"seed\":null}}\n\n",
        plain(12, 2),
    ),
    sse(
        "openrouter, responses that end with an event of their own",
        Responses,
        ": OPENROUTER PROCESSING\n\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\ndata: {\"type\":\"response.done\",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":12,\"output_tokens\":45,\"total_tokens\":57}}}\n\ndata: [DONE]\n\n",
        plain(12, 45),
    ),
    sse(
        "openrouter, comments before and between",
        ChatCompletions,
        ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n: OPENROUTER PROCESSING\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,\"total_tokens\":13,\"cost\":0.0001,\"prompt_tokens_details\":{\"cached_tokens\":8},\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n\ndata: [DONE]\n\n",
        Some([10, 3, 8, 0, 0, 1]),
    ),
    sse(
        "azure, filter results first",
        ChatCompletions,
        "data: {\"choices\":[],\"model\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"total_tokens\":10}}\n\ndata: [DONE]\n\n",
        plain(9, 1),
    ),
    sse(
        "anthropic, counts that grow with server tools, a ping, an error at the end",
        AnthropicMessages,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude\",\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":100,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":100},\"output_tokens\":1}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"},\"usage\":{\"input_tokens\":20,\"cache_creation_input_tokens\":150,\"cache_read_input_tokens\":100,\"output_tokens\":30,\"server_tool_use\":{\"web_search_requests\":1}}}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
        Some([270, 30, 100, 50, 100, 0]),
    ),
    sse(
        "anthropic's format from zhipu and others: nothing at the start, all at the end",
        AnthropicMessages,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"glm-4.6\",\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":80,\"output_tokens\":20,\"cache_read_input_tokens\":64}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        Some([144, 20, 64, 0, 0, 0]),
    ),
    sse(
        "anthropic on bedrock or vertex, on a path of its own",
        PassThrough,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude\",\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":12}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":10,\"outputTokenCount\":12,\"invocationLatency\":80,\"firstByteLatency\":20}}\n\n",
        Some([15, 12, 5, 0, 0, 0]),
    ),
    sse(
        "bedrock, llama: the prompt in the first chunk only",
        PassThrough,
        "data: {\"generation\":\"\\n\",\"prompt_token_count\":25,\"generation_token_count\":1,\"stop_reason\":null}\n\ndata: {\"generation\":\"Hi\",\"prompt_token_count\":null,\"generation_token_count\":2,\"stop_reason\":\"stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":25,\"outputTokenCount\":2}}\n\n",
        plain(25, 2),
    ),
    sse(
        "gemini, usage in the last chunk only",
        GeminiStreamGenerate,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]}\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2,\"totalTokenCount\":26,\"thoughtsTokenCount\":20}}\r\n\r\n",
        Some([4, 22, 0, 0, 0, 20]),
    ),
    Case {
        content_type: super::JSON,
        ..sse(
            "gemini, an array",
            GeminiStreamGenerate,
            "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"H\"}]}}],\"usageMetadata\":{\"promptTokenCount\":4,\"totalTokenCount\":4,\"trafficType\":\"ON_DEMAND\"}}\n,\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"i\"}]},\"finishReason\":\"MAX_TOKENS\"}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2,\"totalTokenCount\":6}}\n]\n",
            plain(4, 2),
        )
    },
    sse(
        "gemini, on a path of its own",
        PassThrough,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2,\"cachedContentTokenCount\":3,\"totalTokenCount\":6}}\r\n\r\n",
        Some([4, 2, 3, 0, 0, 0]),
    ),
    sse(
        "gemini, its interactions",
        PassThrough,
        "event: content.delta\ndata: {\"event_type\":\"content.delta\",\"delta\":{\"type\":\"text\",\"text\":\"Hi\"}}\n\nevent: interaction.completed\ndata: {\"interaction\":{\"id\":\"i\",\"status\":\"completed\",\"model\":\"gemini-3-flash\",\"usage\":{\"total_tokens\":346,\"total_input_tokens\":11,\"total_cached_tokens\":0,\"total_output_tokens\":90,\"total_tool_use_tokens\":0,\"total_thought_tokens\":245}},\"event_type\":\"interaction.completed\"}\n\nevent: done\ndata: [DONE]\n\n",
        Some([11, 335, 0, 0, 0, 245]),
    ),
    // Groq: its own place, and OpenAI's where it was asked for; both say the same.
    sse(
        "groq, in x_groq",
        ChatCompletions,
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"x_groq\":{\"id\":\"req\"}}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"req\",\"usage\":{\"queue_time\":0.01,\"prompt_tokens\":18,\"completion_tokens\":5,\"total_tokens\":23}}}\n\ndata: [DONE]\n\n",
        plain(18, 5),
    ),
    sse(
        "together and fireworks: null in each chunk, stated with the finish reason",
        ChatCompletions,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"token_id\":5,\"content\":\"Hi\"}}],\"usage\":null}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"eos\",\"seed\":12}],\"usage\":{\"prompt_tokens\":33,\"completion_tokens\":4,\"total_tokens\":37,\"cached_tokens\":16}}\n\ndata: [DONE]\n\n",
        Some([33, 4, 16, 0, 0, 0]),
    ),
    // Moonshot, until it is asked for OpenAI's: inside the choice.
    sse(
        "moonshot, inside the choice",
        ChatCompletions,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":13,\"total_tokens\":32,\"cached_tokens\":8}}]}\n\ndata: [DONE]\n\n",
        Some([19, 13, 8, 0, 0, 0]),
    ),
    sse(
        "vllm with continuous usage, and perplexity: cumulative in every chunk",
        ChatCompletions,
        "data: {\"choices\":[{\"delta\":{\"content\":\"H\"}}],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":8,\"completion_tokens\":1}}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"i\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":null}}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
        plain(7, 2),
    ),
    sse(
        "llama.cpp without a blank line at the end, its own format",
        PassThrough,
        "data: {\"index\":0,\"content\":\"Hi there my friend\",\"tokens\":[1],\"stop\":false,\"id_slot\":-1,\"tokens_predicted\":1,\"tokens_evaluated\":34}\n\ndata: {\"index\":0,\"content\":\"\",\"stop\":true,\"tokens_predicted\":10,\"tokens_evaluated\":34,\"truncated\":false}",
        plain(34, 10),
    ),
    Case {
        content_type: NDJSON,
        ..sse(
            "ollama, its own format",
            PassThrough,
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":false}\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"prompt_eval_count\":26,\"eval_count\":298}\n",
            plain(26, 298),
        )
    },
    // Cohere API reference, v2 and v1 chat streams.
    sse(
        "cohere v2",
        PassThrough,
        "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hi\"}}}}\n\nevent: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":5,\"output_tokens\":2},\"tokens\":{\"input_tokens\":71,\"output_tokens\":4},\"cached_tokens\":64}}}\n\n",
        Some([71, 4, 64, 0, 0, 0]),
    ),
    Case {
        content_type: "application/stream+json",
        ..sse(
            "cohere v1",
            PassThrough,
            "{\"is_finished\":false,\"event_type\":\"text-generation\",\"text\":\"Hi\"}\n{\"is_finished\":true,\"event_type\":\"stream-end\",\"response\":{\"text\":\"Hi\",\"meta\":{\"billed_units\":{\"input_tokens\":5,\"output_tokens\":2},\"tokens\":{\"input_tokens\":71,\"output_tokens\":4}}},\"finish_reason\":\"COMPLETE\"}\n",
            plain(71, 4),
        )
    },
    sse(
        "dashscope, its own format, cumulative",
        PassThrough,
        "id:1\nevent:result\n:HTTP_STATUS/200\ndata:{\"output\":{\"text\":\"H\"},\"usage\":{\"total_tokens\":23,\"output_tokens\":1,\"input_tokens\":22}}\n\nid:2\nevent:result\n:HTTP_STATUS/200\ndata:{\"output\":{\"text\":\"Hi\"},\"usage\":{\"total_tokens\":24,\"output_tokens\":2,\"input_tokens\":22}}\n\n",
        plain(22, 2),
    ),
    sse(
        "cloudflare, its own format",
        PassThrough,
        "data: {\"response\":\"Hi\",\"p\":\"abdefghijklmnopqrstuvwxyz\"}\n\ndata: {\"response\":\"\",\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":4,\"total_tokens\":34}}\n\ndata: [DONE]\n\n",
        plain(30, 4),
    ),
    sse(
        "mistral, an agent's conversation",
        PassThrough,
        "event: message.output.delta\ndata: {\"type\":\"message.output.delta\",\"content\":\"Hi\"}\n\nevent: conversation.response.done\ndata: {\"type\":\"conversation.response.done\",\"usage\":{\"prompt_tokens\":18709,\"total_tokens\":19134,\"completion_tokens\":425,\"connector_tokens\":null,\"connectors\":{\"web_search\":1}}}\n\n",
        plain(18709, 425),
    ),
    sse(
        "lm studio, its own format",
        PassThrough,
        "event: message.delta\ndata: {\"type\":\"message.delta\",\"content\":\"Hi\"}\n\nevent: chat.end\ndata: {\"type\":\"chat.end\",\"result\":{\"model_instance_id\":\"m\",\"stats\":{\"input_tokens\":24,\"total_output_tokens\":53,\"reasoning_output_tokens\":40}}}\n\n",
        Some([24, 53, 0, 0, 0, 40]),
    ),
    sse(
        "snowflake: an empty usage until the last",
        ChatCompletions,
        "data: {\"choices\":[{\"delta\":{\"type\":\"text\",\"content\":\"Hi\"}}],\"usage\":{}}\n\ndata: {\"choices\":[{\"delta\":{\"type\":\"text\",\"content\":\"\"}}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":8,\"total_tokens\":13,\"guard_tokens\":0}}\n\n",
        plain(5, 8),
    ),
    sse(
        "responses from vllm and llama.cpp: zeros at the start",
        Responses,
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\",\"usage\":{\"input_tokens\":0,\"output_tokens\":0,\"total_tokens\":0}}}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":40,\"input_tokens_details\":{\"cached_tokens\":32,\"input_tokens_per_turn\":[],\"cached_tokens_per_turn\":[]},\"output_tokens\":16,\"output_tokens_details\":{\"reasoning_tokens\":2,\"tool_output_tokens\":0},\"total_tokens\":56}}}\n\n",
        Some([40, 16, 32, 0, 0, 2]),
    ),
    // What no provider promises and some do.
    sse(
        "usage without choices, or with null for them",
        ChatCompletions,
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: {\"choices\":null,\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n",
        plain(3, 4),
    ),
    sse(
        "usage twice: the last counts",
        ChatCompletions,
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\ndata: [DONE]\n\n",
        plain(3, 4),
    ),
    sse(
        "usage after the end marker",
        ChatCompletions,
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
        plain(3, 4),
    ),
];
