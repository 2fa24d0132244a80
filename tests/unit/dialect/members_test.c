/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every member of a request that the vendors' SDKs know (npm openai 6, @anthropic-ai/sdk 1,
 * @google/genai 2, ollama 0.6), towards every dialect: it is carried (the translated request is
 * another one than without it), or listed as lost, or the request is refused. None may vanish.
 */
#include "tests/unit/dialect/fixture.h"

struct member {
    const char *name; /* what the list of losses must name: a part of an entry; or one of several,
                         with "|" between */
    const char *with; /* the request's members but the model */
    const char *without;
};

struct written {
    struct buf out;
    struct loss loss;
    struct error error;
    bool ok;
};

static void write_it(struct written *w, enum dialect_id front, enum operation operation,
                     const char *members, enum dialect_id back)
{
    const struct request_change change = {.model = SLICE("target-model"), .add_usage = true};
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct request request;
    *w = (struct written){.out = BUF_INIT(FIXTURE_LIMIT)};
    buf_printf(&body, "{\"model\":\"m\",%s}", members);
    request_read_as(&request, front, operation, buf_slice(&body));
    if (!request.ok) {
        printf("# %s: %s at %s\n", members, request.error.text, request.error.pointer);
    }
    EXPECT(request.ok);
    if (request.ok) {
        w->ok =
            dialect_of(back)->write_request(&request.chat, &change, &w->out, &w->loss, &w->error);
        EXPECT(w->ok || strcmp(w->error.code, "untranslatable") == 0);
        if (dialect_of(back)->write_path != NULL) { /* streams are told there */
            EXPECT(dialect_of(back)->write_path(&request.chat, change.model, &w->out));
        }
    }
    request_release(&request);
    buf_release(&body);
}

static bool lists(const struct loss *loss, const char *names)
{
    struct slice rest = slice_from_cstr(names);
    while (rest.len > 0) {
        struct slice name = slice_cut(&rest, '|');
        if (slice_find_slice(slice_of(loss->text, loss->len), name) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static void check_one(enum dialect_id front, enum operation operation, const struct member *member,
                      enum dialect_id back)
{
    struct written with;
    struct written without;
    write_it(&with, front, operation, member->with, back);
    write_it(&without, front, operation, member->without, back);
    bool carried = with.ok && !slice_eq(buf_slice(&with.out), buf_slice(&without.out));
    bool listed = with.ok && lists(&with.loss, member->name);
    bool refused = !with.ok && with.error.pointer[0] != '\0';
    if (!carried && !listed && !refused) {
        printf("# %s vanishes from %s to %s; loss: %.*s; %s %s\n", member->name,
               dialect_of(front)->name, dialect_of(back)->name, (int)with.loss.len, with.loss.text,
               with.error.code, with.error.pointer);
    }
    EXPECT(carried || listed || refused);
    buf_release(&with.out);
    buf_release(&without.out);
}

static void check_all(enum dialect_id front, enum operation operation, const struct member *members,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned back = 0; back < DIALECT_COUNT; back++) {
            const struct dialect *dialect = dialect_of((enum dialect_id)back);
            bool can = (dialect->operations & OPERATION_BIT(operation)) != 0;
            if (can && dialect->write_request != NULL && back != front) {
                check_one(front, operation, &members[i], (enum dialect_id)back);
            }
        }
    }
}

/* --- OpenAI Chat --- */

#define TURN(role, members) "{\"role\":\"" role "\"," members "}"
#define HI TURN("user", "\"content\":\"Hi\"")
#define MESSAGES(list) "\"messages\":[" list "]"
#define CHAT MESSAGES(HI)
#define TOOL(members) "{\"type\":\"function\",\"function\":{\"name\":\"f\"" members "}}"
#define TOOLS ",\"tools\":[" TOOL("") "]"
#define PLUS(name, member)                                                                         \
    {                                                                                              \
        name, CHAT "," member, CHAT                                                                \
    }
#define WITH_TOOLS(name, member)                                                                   \
    {                                                                                              \
        name, CHAT TOOLS "," member, CHAT TOOLS                                                    \
    }
#define USER_PART(name, part, bare)                                                                \
    {                                                                                              \
        name, MESSAGES(TURN("user", "\"content\":[" part "]")),                                    \
            MESSAGES(TURN("user", "\"content\":[" bare "]"))                                       \
    }
#define MADE(members, call)                                                                        \
    MESSAGES(HI "," TURN(                                                                          \
        "assistant",                                                                               \
        "\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":"                                 \
        "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"                                 \
        "\"{}\"}" call "}]" members) "," TURN("tool", "\"tool_call_id\":\"c\",\"content\":\"r\"")) \
    TOOLS
#define SAID(members) MESSAGES(HI "," TURN("assistant", "\"content\":\"Yes.\"" members) "," HI)

static const struct member chat_members[] = {
    PLUS("audio", "\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"}"),
    PLUS("frequency_penalty", "\"frequency_penalty\":0.5"),
    PLUS("functions", "\"functions\":[{\"name\":\"f\"}]"),
    PLUS("function_call", "\"function_call\":\"none\""),
    PLUS("logit_bias", "\"logit_bias\":{\"5\":1}"),
    PLUS("logprobs", "\"logprobs\":true"),
    PLUS("max_tokens", "\"max_completion_tokens\":77"),
    PLUS("max_tokens", "\"max_tokens\":77"),
    PLUS("metadata", "\"metadata\":{\"a\":\"b\"}"),
    PLUS("modalities", "\"modalities\":[\"text\",\"audio\"]"),
    PLUS("moderation", "\"moderation\":{\"policy\":\"x\"}"),
    PLUS("n", "\"n\":2"),
    WITH_TOOLS("parallel_tool_calls", "\"parallel_tool_calls\":false"),
    PLUS("prediction", "\"prediction\":{\"type\":\"content\",\"content\":\"x\"}"),
    PLUS("presence_penalty", "\"presence_penalty\":0.5"),
    PLUS("prompt_cache_key", "\"prompt_cache_key\":\"k\""),
    PLUS("prompt_cache_options", "\"prompt_cache_options\":{\"ttl\":\"1h\"}"),
    PLUS("prompt_cache_retention", "\"prompt_cache_retention\":\"24h\""),
    PLUS("reasoning_effort", "\"reasoning_effort\":\"high\""),
    PLUS("response_format", "\"response_format\":{\"type\":\"json_object\"}"),
    PLUS("response_format", "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                            "{\"name\":\"a\",\"schema\":{\"type\":\"object\"}}}"),
    PLUS("safety_identifier", "\"safety_identifier\":\"s\""),
    PLUS("seed", "\"seed\":7"),
    PLUS("service_tier", "\"service_tier\":\"priority\""),
    PLUS("stop", "\"stop\":[\"END\"]"),
    PLUS("store", "\"store\":true"),
    PLUS("stream", "\"stream\":true"),
    {"stream_options", CHAT ",\"stream\":true,\"stream_options\":{\"include_obfuscation\":true}",
     CHAT ",\"stream\":true"},
    PLUS("temperature", "\"temperature\":0.5"),
    WITH_TOOLS("tool_choice", "\"tool_choice\":\"required\""),
    WITH_TOOLS("tool_choice", "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":"
                              "{\"mode\":\"auto\",\"tools\":[{\"type\":\"function\","
                              "\"function\":{\"name\":\"f\"}}]}}"),
    {"tools", CHAT TOOLS, CHAT},
    {"strict", CHAT ",\"tools\":[" TOOL(",\"strict\":true") "]", CHAT TOOLS},
    {"description", CHAT ",\"tools\":[" TOOL(",\"description\":\"d\"") "]", CHAT TOOLS},
    {"parameters",
     CHAT ",\"tools\":[" TOOL(",\"parameters\":{\"type\":\"object\",\"title\":\"T\"}") "]",
     CHAT TOOLS},
    {"vendor", CHAT ",\"tools\":[" TOOL(",\"vendor\":1") "]", CHAT TOOLS},
    {"logprobs", CHAT ",\"logprobs\":true,\"top_logprobs\":3", CHAT ",\"logprobs\":true"},
    PLUS("top_p", "\"top_p\":0.5"),
    PLUS("top_k", "\"top_k\":5"),
    PLUS("user", "\"user\":\"u\""),
    PLUS("verbosity", "\"verbosity\":\"low\""),
    PLUS("web_search_options", "\"web_search_options\":{}"),
    PLUS("reasoning", "\"reasoning\":{\"max_tokens\":2000}"),
    PLUS("plugins", "\"plugins\":[{\"id\":\"web\"}]"),
    {"name", MESSAGES(TURN("user", "\"content\":\"Hi\",\"name\":\"bob\"")), CHAT},
    {"vendor", MESSAGES(TURN("user", "\"content\":\"Hi\",\"vendor\":1")), CHAT},
    USER_PART("vendor", "{\"type\":\"text\",\"text\":\"a\",\"vendor\":1}",
              "{\"type\":\"text\",\"text\":\"a\"}"),
    USER_PART("prompt_cache_breakpoint",
              "{\"type\":\"text\",\"text\":\"a\",\"prompt_cache_breakpoint\":{\"mode\":\"x\"}}",
              "{\"type\":\"text\",\"text\":\"a\"}"),
    USER_PART("cache_control",
              "{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}",
              "{\"type\":\"text\",\"text\":\"a\"}"),
    USER_PART("detail",
              "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUJD\","
              "\"detail\":\"low\"}}",
              "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUJD\"}}"),
    USER_PART("vendor",
              "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUJD\","
              "\"vendor\":1}}",
              "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUJD\"}}"),
    USER_PART("filename",
              "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"file\",\"file\":{\"file_data\":"
              "\"data:application/pdf;base64,QUJD\",\"filename\":\"x.pdf\"}}",
              "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"file\",\"file\":{\"file_data\":"
              "\"data:application/pdf;base64,QUJD\"}}"),
    {"refusal", SAID(",\"refusal\":\"No.\""), SAID("")},
    {"audio", SAID(",\"audio\":{\"id\":\"a\"}"), SAID("")},
    {"annotations", SAID(",\"annotations\":[{\"type\":\"x\"}]"), SAID("")},
    {"images", SAID(",\"images\":[{\"type\":\"image_url\"}]"), SAID("")},
    {"reasoning", SAID(",\"reasoning_content\":\"hm\""), SAID("")},
    {"reasoning",
     SAID(",\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"x\"}]"), SAID("")},
    {"vendor", MADE("", ",\"vendor\":1"), MADE("", "")},
    {"extra_content", MADE("", ",\"extra_content\":{\"google\":{}}"), MADE("", "")},
};

static void chat_loses_nothing_unlisted(void)
{
    check_all(DIALECT_OPENAI_CHAT, OPERATION_CHAT, chat_members, ARRAY_LEN(chat_members));
}

/* --- OpenAI Completions --- */

#define PROMPT "\"prompt\":\"Hi\""
#define PROMPT_PLUS(name, member)                                                                  \
    {                                                                                              \
        name, PROMPT "," member, PROMPT                                                            \
    }
static const struct member completion_members[] = {
    PROMPT_PLUS("echo", "\"echo\":true"),
    PROMPT_PLUS("frequency_penalty", "\"frequency_penalty\":0.5"),
    PROMPT_PLUS("logit_bias", "\"logit_bias\":{\"5\":1}"),
    PROMPT_PLUS("logprobs", "\"logprobs\":2"),
    PROMPT_PLUS("max_tokens", "\"max_tokens\":77"),
    PROMPT_PLUS("n", "\"n\":2"),
    PROMPT_PLUS("presence_penalty", "\"presence_penalty\":0.5"),
    PROMPT_PLUS("seed", "\"seed\":7"),
    PROMPT_PLUS("stop", "\"stop\":\"END\""),
    PROMPT_PLUS("stream", "\"stream\":true"),
    PROMPT_PLUS("suffix", "\"suffix\":\"end\""),
    PROMPT_PLUS("temperature", "\"temperature\":0.5"),
    PROMPT_PLUS("top_p", "\"top_p\":0.5"),
    PROMPT_PLUS("user", "\"user\":\"u\""),
};

static void completions_lose_nothing_unlisted(void)
{
    check_all(DIALECT_OPENAI_COMPLETIONS, OPERATION_COMPLETION, completion_members,
              ARRAY_LEN(completion_members));
}

/* --- OpenAI Responses --- */

#define INPUT(list) "\"input\":[" list "]"
#define RESPONSE INPUT(HI)
#define OUR_TOOL(members) ",\"tools\":[{\"type\":\"function\",\"name\":\"f\"" members "}]"
#define RESPONSE_PLUS(name, member)                                                                \
    {                                                                                              \
        name, RESPONSE "," member, RESPONSE                                                        \
    }
#define INPUT_PART(name, part, bare)                                                               \
    {                                                                                              \
        name, INPUT(TURN("user", "\"content\":[" part "]")),                                       \
            INPUT(TURN("user", "\"content\":[" bare "]"))                                          \
    }
#define CALLED(members)                                                                            \
    INPUT(HI ",{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}"    \
             "\"" members                                                                          \
             "},{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"r\"}")           \
    OUR_TOOL("")

static const struct member response_members[] = {
    RESPONSE_PLUS("context_management", "\"context_management\":[{\"type\":\"compaction\"}]"),
    RESPONSE_PLUS("conversation", "\"conversation\":\"conv_1\""),
    RESPONSE_PLUS("include", "\"include\":[\"file_search_call.results\"]"),
    RESPONSE_PLUS("logprobs", "\"include\":[\"message.output_text.logprobs\"]"),
    RESPONSE_PLUS("instructions", "\"instructions\":\"Be brief.\""),
    RESPONSE_PLUS("max_tokens", "\"max_output_tokens\":77"),
    RESPONSE_PLUS("max_tool_calls", "\"max_tool_calls\":2"),
    RESPONSE_PLUS("metadata", "\"metadata\":{\"a\":\"b\"}"),
    RESPONSE_PLUS("moderation", "\"moderation\":{\"policy\":\"x\"}"),
    {"parallel_tool_calls", RESPONSE OUR_TOOL("") ",\"parallel_tool_calls\":false",
     RESPONSE OUR_TOOL("")},
    RESPONSE_PLUS("previous_response_id", "\"previous_response_id\":\"resp_1\""),
    RESPONSE_PLUS("prompt", "\"prompt\":{\"id\":\"p\"}"),
    RESPONSE_PLUS("prompt_cache_key", "\"prompt_cache_key\":\"k\""),
    RESPONSE_PLUS("prompt_cache_options", "\"prompt_cache_options\":{\"ttl\":\"1h\"}"),
    RESPONSE_PLUS("prompt_cache_retention", "\"prompt_cache_retention\":\"24h\""),
    RESPONSE_PLUS("reasoning_effort", "\"reasoning\":{\"effort\":\"high\"}"),
    RESPONSE_PLUS("mode", "\"reasoning\":{\"mode\":\"pro\"}"),
    RESPONSE_PLUS("context", "\"reasoning\":{\"context\":\"all_turns\"}"),
    RESPONSE_PLUS("user", "\"safety_identifier\":\"s\""),
    RESPONSE_PLUS("service_tier", "\"service_tier\":\"priority\""),
    /* "store" is no wish of a provider: the gateway itself keeps answers of other dialects */
    RESPONSE_PLUS("stream", "\"stream\":true"),
    {"stream_options",
     RESPONSE ",\"stream\":true,\"stream_options\":{\"include_obfuscation\":true}",
     RESPONSE ",\"stream\":true"},
    RESPONSE_PLUS("temperature", "\"temperature\":0.5"),
    RESPONSE_PLUS("response_format", "\"text\":{\"format\":{\"type\":\"json_object\"}}"),
    RESPONSE_PLUS("verbosity", "\"text\":{\"verbosity\":\"low\"}"),
    {"tool_choice", RESPONSE OUR_TOOL("") ",\"tool_choice\":\"required\"", RESPONSE OUR_TOOL("")},
    {"logprobs", RESPONSE ",\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":3",
     RESPONSE ",\"include\":[\"message.output_text.logprobs\"]"},
    RESPONSE_PLUS("top_p", "\"top_p\":0.5"),
    RESPONSE_PLUS("truncation", "\"truncation\":\"auto\""),
    RESPONSE_PLUS("user", "\"user\":\"u\""),
    {"tools", RESPONSE ",\"tools\":[{\"type\":\"web_search\"}]", RESPONSE},
    {"strict", RESPONSE OUR_TOOL(",\"strict\":true"), RESPONSE OUR_TOOL("")},
    {"defer_loading", RESPONSE OUR_TOOL(",\"defer_loading\":true"), RESPONSE OUR_TOOL("")},
    {"output_schema", RESPONSE OUR_TOOL(",\"output_schema\":{\"type\":\"object\"}"),
     RESPONSE OUR_TOOL("")},
    {"allowed_callers", RESPONSE OUR_TOOL(",\"allowed_callers\":[\"direct\"]"),
     RESPONSE OUR_TOOL("")},
    {"phase",
     INPUT(HI "," TURN("assistant", "\"content\":\"Yes.\",\"phase\":\"commentary\"") "," HI),
     INPUT(HI "," TURN("assistant", "\"content\":\"Yes.\"") "," HI)},
    INPUT_PART("detail",
               "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,QUJD\","
               "\"detail\":\"low\"}",
               "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,QUJD\"}"),
    INPUT_PART("detail",
               "{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"input_file\",\"file_data\":"
               "\"data:application/pdf;base64,QUJD\",\"detail\":\"high\"}",
               "{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"input_file\",\"file_data\":"
               "\"data:application/pdf;base64,QUJD\"}"),
    INPUT_PART("prompt_cache_breakpoint",
               "{\"type\":\"input_text\",\"text\":\"a\",\"prompt_cache_breakpoint\":{\"mode\":"
               "\"x\"}}",
               "{\"type\":\"input_text\",\"text\":\"a\"}"),
    {"caller", CALLED(",\"caller\":{\"type\":\"direct\"}"), CALLED("")},
    {"web_search_call",
     INPUT("{\"type\":\"web_search_call\",\"id\":\"ws_1\",\"status\":\"completed\"}," HI),
     RESPONSE},
    {"image",
     INPUT(HI ",{\"type\":\"image_generation_call\",\"id\":\"ig_1\",\"status\":"
              "\"completed\",\"result\":\"QUJD\"}," HI),
     INPUT(HI "," HI)},
    {"compaction", INPUT("{\"type\":\"compaction\",\"encrypted_content\":\"x\"}," HI), RESPONSE},
};

static void responses_lose_nothing_unlisted(void)
{
    check_all(DIALECT_OPENAI_RESPONSES, OPERATION_CHAT, response_members,
              ARRAY_LEN(response_members));
}

/* --- Anthropic --- */

#define CLAUDE "\"max_tokens\":99," CHAT
#define CLAUDE_TOOL(members)                                                                       \
    ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}" members "}]"
#define CLAUDE_PLUS(name, member)                                                                  \
    {                                                                                              \
        name, CLAUDE "," member, CLAUDE                                                            \
    }
#define CLAUDE_WITH_TOOL(name, member)                                                             \
    {                                                                                              \
        name, CLAUDE CLAUDE_TOOL("") "," member, CLAUDE CLAUDE_TOOL("")                            \
    }
#define BLOCK(name, block, bare)                                                                   \
    {                                                                                              \
        name, "\"max_tokens\":99," MESSAGES(TURN("user", "\"content\":[" block "]")),              \
            "\"max_tokens\":99," MESSAGES(TURN("user", "\"content\":[" bare "]"))                  \
    }
#define PDF(members)                                                                               \
    "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"document\",\"source\":{\"type\":\"base64\","   \
    "\"media_type\":\"application/pdf\",\"data\":\"QUJD\"}" members "}"
#define PLAIN(members)                                                                             \
    "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":" \
    "\"words\"}" members "}"
#define USED(use, result)                                                                          \
    "\"max_tokens\":99," MESSAGES(HI "," TURN(                                                     \
        "assistant",                                                                               \
        "\"content\":[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":"                               \
        "\"f\",\"input\":{}" use                                                                   \
        "}]") "," TURN("user",                                                                     \
                       "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"content\":" \
                       "\"r\"" result "}]")) CLAUDE_TOOL("")

static const struct member claude_members[] = {
    {"max_tokens", "\"max_tokens\":77," CHAT, CLAUDE},
    CLAUDE_PLUS("cache_control", "\"cache_control\":{\"type\":\"ephemeral\"}"),
    CLAUDE_PLUS("container", "\"container\":\"c1\""),
    CLAUDE_PLUS("diagnostics", "\"diagnostics\":{\"a\":1}"),
    CLAUDE_PLUS("inference_geo", "\"inference_geo\":\"us\""),
    CLAUDE_PLUS("user", "\"metadata\":{\"user_id\":\"u\"}"),
    CLAUDE_PLUS("metadata", "\"metadata\":{\"vendor\":\"u\"}"),
    CLAUDE_PLUS("reasoning_effort", "\"output_config\":{\"effort\":\"high\"}"),
    CLAUDE_PLUS("output_config", "\"output_config\":{\"task_budget\":{\"total\":9}}"),
    CLAUDE_PLUS("response_format", "\"output_config\":{\"format\":{\"type\":\"json_schema\","
                                   "\"schema\":{\"type\":\"object\"}}}"),
    CLAUDE_PLUS("output_format",
                "\"output_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}"),
    CLAUDE_PLUS("service_tier", "\"service_tier\":\"standard_only\""),
    CLAUDE_PLUS("speed", "\"speed\":\"fast\""),
    CLAUDE_PLUS("stop", "\"stop_sequences\":[\"END\"]"),
    CLAUDE_PLUS("stream", "\"stream\":true"),
    CLAUDE_PLUS("system", "\"system\":\"Be brief.\""),
    CLAUDE_PLUS("temperature", "\"temperature\":0.5"),
    CLAUDE_PLUS("top_k", "\"top_k\":5"),
    CLAUDE_PLUS("top_p", "\"top_p\":0.5"),
    CLAUDE_PLUS("thinking|reasoning_effort", "\"thinking\":{\"type\":\"adaptive\"}"),
    {"vendor",
     "\"max_tokens\":9000," CHAT ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000,"
     "\"display\":\"omitted\",\"vendor\":1}",
     "\"max_tokens\":9000," CHAT ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}"},
    CLAUDE_WITH_TOOL("tool_choice", "\"tool_choice\":{\"type\":\"any\"}"),
    CLAUDE_WITH_TOOL("parallel_tool_calls",
                     "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"),
    CLAUDE_PLUS("user_profile_id", "\"user_profile_id\":\"u\""),
    CLAUDE_PLUS("workspace_id", "\"workspace_id\":\"w\""),
    CLAUDE_PLUS("betas", "\"betas\":[\"b\"]"),
    CLAUDE_PLUS("billing_policy", "\"billing_policy\":{\"a\":1}"),
    CLAUDE_PLUS("compaction", "\"compaction\":{\"a\":1}"),
    CLAUDE_PLUS("context_management", "\"context_management\":{\"edits\":[]}"),
    CLAUDE_PLUS("fallbacks", "\"fallbacks\":[{\"model\":\"x\"}]"),
    CLAUDE_PLUS("fallback_credit_token", "\"fallback_credit_token\":\"x\""),
    CLAUDE_PLUS("mcp_servers", "\"mcp_servers\":[{\"url\":\"https://x\"}]"),
    CLAUDE_PLUS("thread", "\"thread\":{\"id\":\"t\"}"),
    {"tools", CLAUDE ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]",
     CLAUDE},
    {"allowed_callers", CLAUDE CLAUDE_TOOL(",\"allowed_callers\":[\"direct\"]"),
     CLAUDE CLAUDE_TOOL("")},
    {"cache_control", CLAUDE CLAUDE_TOOL(",\"cache_control\":{\"type\":\"ephemeral\"}"),
     CLAUDE CLAUDE_TOOL("")},
    {"defer_loading", CLAUDE CLAUDE_TOOL(",\"defer_loading\":true"), CLAUDE CLAUDE_TOOL("")},
    {"eager_input_streaming", CLAUDE CLAUDE_TOOL(",\"eager_input_streaming\":true"),
     CLAUDE CLAUDE_TOOL("")},
    {"input_examples", CLAUDE CLAUDE_TOOL(",\"input_examples\":[{}]"), CLAUDE CLAUDE_TOOL("")},
    {"strict", CLAUDE CLAUDE_TOOL(",\"strict\":true"), CLAUDE CLAUDE_TOOL("")},
    BLOCK("title|filename", PDF(",\"title\":\"t\""), PDF("")),
    BLOCK("context", PDF(",\"context\":\"c\""), PDF("")),
    BLOCK("citations", PDF(",\"citations\":{\"enabled\":true}"), PDF("")),
    BLOCK("title", PLAIN(",\"title\":\"t\""), PLAIN("")),
    BLOCK("context", PLAIN(",\"context\":\"c\""), PLAIN("")),
    BLOCK("citations", PLAIN(",\"citations\":{\"enabled\":true}"), PLAIN("")),
    BLOCK("cache_control",
          "{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}",
          "{\"type\":\"text\",\"text\":\"a\"}"),
    BLOCK("transformations",
          "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
          "\"data\":\"QUJD\"},\"transformations\":{\"a\":1}}",
          "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
          "\"data\":\"QUJD\"}}"),
    BLOCK("search_result",
          "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"search_result\",\"source\":\"s\"}",
          "{\"type\":\"text\",\"text\":\"a\"}"),
    {"caller", USED(",\"caller\":{\"type\":\"direct\"}", ""), USED("", "")},
    {"toolset_name", USED(",\"toolset_name\":\"t\"", ""), USED("", "")},
    {"is_error", USED("", ",\"is_error\":true"), USED("", "")},
    {"toolset_name", USED("", ",\"toolset_name\":\"t\""), USED("", "")},
    {"citations",
     "\"max_tokens\":99," MESSAGES(
         HI "," TURN("assistant", "\"content\":[{\"type\":\"text\",\"text\":\"Yes.\","
                                  "\"citations\":[{\"type\":\"char_location\"}]}]") "," HI),
     "\"max_tokens\":99," MESSAGES(
         HI "," TURN("assistant", "\"content\":[{\"type\":\"text\",\"text\":\"Yes.\"}]") "," HI)},
};

static void anthropic_loses_nothing_unlisted(void)
{
    check_all(DIALECT_ANTHROPIC, OPERATION_CHAT, claude_members, ARRAY_LEN(claude_members));
}

/* --- Gemini --- */

#define CONTENTS(parts) "\"contents\":[{\"role\":\"user\",\"parts\":[" parts "]}]"
#define GEM CONTENTS("{\"text\":\"Hi\"}")
#define GEM_PLUS(name, member)                                                                     \
    {                                                                                              \
        name, GEM "," member, GEM                                                                  \
    }
#define CONFIG(name, member) GEM_PLUS(name, "\"generationConfig\":{" member "}")
#define GEM_TOOL(members) ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"" members "}]}]"
#define GEM_TOOL_CONFIG(name, member)                                                              \
    {                                                                                              \
        name, GEM GEM_TOOL("") ",\"toolConfig\":{" member "}", GEM GEM_TOOL("")                    \
    }
#define PART(name, members)                                                                        \
    {                                                                                              \
        name, CONTENTS("{\"text\":\"Hi\"" members "}"), GEM                                        \
    }
#define BLOB "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"QUJD\""
#define GEM_CALLED(call, result)                                                                   \
    "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]},{\"role\":\"model\","         \
    "\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}" call "}}]},{\"role\":\"user\","     \
    "\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"r\"}" result      \
    "}}]}]" GEM_TOOL("")

static const struct member gemini_members_of_sdk[] = {
    GEM_PLUS("service_tier", "\"serviceTier\":\"flex\""),
    GEM_PLUS("system", "\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief.\"}]}"),
    GEM_PLUS("safetySettings", "\"safetySettings\":[{\"category\":\"c\"}]"),
    GEM_PLUS("labels", "\"labels\":{\"a\":\"b\"}"),
    GEM_PLUS("cachedContent", "\"cachedContent\":\"cachedContents/x\""),
    GEM_PLUS("modelArmorConfig", "\"modelArmorConfig\":{\"a\":1}"),
    GEM_PLUS("continuationToken", "\"continuationToken\":\"x\""),
    GEM_PLUS("automaticContinuation", "\"automaticContinuation\":true"),
    GEM_PLUS("store", "\"store\":true"),
    CONFIG("temperature", "\"temperature\":0.5"),
    CONFIG("top_p", "\"topP\":0.5"),
    CONFIG("top_k", "\"topK\":5"),
    CONFIG("n", "\"candidateCount\":2"),
    CONFIG("max_tokens", "\"maxOutputTokens\":77"),
    CONFIG("stop", "\"stopSequences\":[\"END\"]"),
    CONFIG("logprobs", "\"responseLogprobs\":true"),
    {"logprobs", GEM ",\"generationConfig\":{\"responseLogprobs\":true,\"logprobs\":3}",
     GEM ",\"generationConfig\":{\"responseLogprobs\":true}"},
    CONFIG("presence_penalty", "\"presencePenalty\":0.5"),
    CONFIG("frequency_penalty", "\"frequencyPenalty\":0.5"),
    CONFIG("seed", "\"seed\":7"),
    CONFIG("response_format", "\"responseMimeType\":\"application/json\""),
    CONFIG("responseMimeType", "\"responseMimeType\":\"text/x.enum\""),
    {"response_format",
     GEM ",\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseSchema\":"
         "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\"}}}}",
     GEM ",\"generationConfig\":{\"responseMimeType\":\"application/json\"}"},
    {"response_format",
     GEM ",\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseJsonSchema\":"
         "{\"type\":\"object\"}}",
     GEM ",\"generationConfig\":{\"responseMimeType\":\"application/json\"}"},
    CONFIG("responseFormat", "\"responseFormat\":[{\"a\":1}]"),
    CONFIG("routingConfig", "\"routingConfig\":{\"autoMode\":{}}"),
    CONFIG("modelSelectionConfig", "\"modelSelectionConfig\":{\"a\":1}"),
    CONFIG("responseModalities", "\"responseModalities\":[\"TEXT\",\"IMAGE\"]"),
    CONFIG("mediaResolution", "\"mediaResolution\":\"MEDIA_RESOLUTION_LOW\""),
    CONFIG("speechConfig", "\"speechConfig\":{\"languageCode\":\"de\"}"),
    CONFIG("audioTimestamp", "\"audioTimestamp\":true"),
    CONFIG("audioTranscriptionConfig", "\"audioTranscriptionConfig\":{\"a\":1}"),
    CONFIG("imageConfig", "\"imageConfig\":{\"aspectRatio\":\"1:1\"}"),
    CONFIG("translationConfig", "\"translationConfig\":{\"a\":1}"),
    CONFIG("enableEnhancedCivicAnswers", "\"enableEnhancedCivicAnswers\":true"),
    CONFIG("enableAffectiveDialog", "\"enableAffectiveDialog\":true"),
    CONFIG("thinking|reasoning_effort", "\"thinkingConfig\":{\"thinkingBudget\":2048}"),
    CONFIG("reasoning_effort", "\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\"}"),
    CONFIG("future", "\"thinkingConfig\":{\"future\":1}"),
    {"tools", GEM ",\"tools\":[{\"googleSearch\":{}}]", GEM},
    {"tools", GEM ",\"tools\":[{\"codeExecution\":{}}]", GEM},
    {"behavior", GEM GEM_TOOL(",\"behavior\":\"NON_BLOCKING\""), GEM GEM_TOOL("")},
    {"description", GEM GEM_TOOL(",\"description\":\"d\""), GEM GEM_TOOL("")},
    {"parameters", GEM GEM_TOOL(",\"parameters\":{\"type\":\"OBJECT\",\"description\":\"d\"}"),
     GEM GEM_TOOL("")},
    {"parameters", GEM GEM_TOOL(",\"parametersJsonSchema\":{\"type\":\"object\",\"title\":\"t\"}"),
     GEM GEM_TOOL("")},
    {"response", GEM GEM_TOOL(",\"response\":{\"type\":\"STRING\"}"), GEM GEM_TOOL("")},
    {"responseJsonSchema", GEM GEM_TOOL(",\"responseJsonSchema\":{\"type\":\"string\"}"),
     GEM GEM_TOOL("")},
    GEM_TOOL_CONFIG("tool_choice", "\"functionCallingConfig\":{\"mode\":\"ANY\"}"),
    GEM_TOOL_CONFIG("mode", "\"functionCallingConfig\":{\"mode\":\"VALIDATED\"}"),
    GEM_TOOL_CONFIG("streamFunctionCallArguments",
                    "\"functionCallingConfig\":{\"streamFunctionCallArguments\":true}"),
    GEM_TOOL_CONFIG("retrievalConfig", "\"retrievalConfig\":{\"languageCode\":\"de\"}"),
    GEM_TOOL_CONFIG("includeServerSideToolInvocations",
                    "\"includeServerSideToolInvocations\":true"),
    PART("videoMetadata", ",\"videoMetadata\":{\"startOffset\":\"1s\"}"),
    PART("mediaResolution", ",\"mediaResolution\":{\"level\":\"LOW\"}"),
    PART("partMetadata", ",\"partMetadata\":{\"a\":1}"),
    PART("thoughtSignature", ",\"thoughtSignature\":\"QUJD\""),
    {"displayName", CONTENTS(BLOB ",\"displayName\":\"x.png\"}}"), CONTENTS(BLOB "}}")},
    {"executableCode", CONTENTS("{\"executableCode\":{\"code\":\"1\"}}"), GEM},
    {"willContinue", GEM_CALLED(",\"willContinue\":true", ""), GEM_CALLED("", "")},
    {"scheduling", GEM_CALLED("", ",\"scheduling\":\"SILENT\""), GEM_CALLED("", "")},
};

static void gemini_loses_nothing_unlisted(void)
{
    check_all(DIALECT_GEMINI, OPERATION_CHAT, gemini_members_of_sdk,
              ARRAY_LEN(gemini_members_of_sdk));
}

/* --- Ollama --- */

#define LLAMA CHAT ",\"stream\":false"
#define LLAMA_PLUS(name, member)                                                                   \
    {                                                                                              \
        name, LLAMA "," member, LLAMA                                                              \
    }
#define OPTION(member) LLAMA_PLUS(member, "\"options\":{\"" member "\":1}")

static const struct member llama_members[] = {
    {"stream", CHAT ",\"stream\":true", LLAMA},
    LLAMA_PLUS("keep_alive", "\"keep_alive\":\"5m\""),
    LLAMA_PLUS("tools", "\"tools\":[" TOOL("") "]"),
    LLAMA_PLUS("response_format", "\"format\":\"json\""),
    LLAMA_PLUS("response_format", "\"format\":{\"type\":\"object\"}"),
    LLAMA_PLUS("thinking|reasoning_effort", "\"think\":true"),
    LLAMA_PLUS("reasoning_effort", "\"think\":\"high\""),
    LLAMA_PLUS("logprobs", "\"logprobs\":true"),
    {"logprobs", LLAMA ",\"logprobs\":true,\"top_logprobs\":3", LLAMA ",\"logprobs\":true"},
    OPTION("numa"),
    OPTION("num_ctx"),
    OPTION("num_batch"),
    OPTION("num_gpu"),
    OPTION("main_gpu"),
    OPTION("low_vram"),
    OPTION("f16_kv"),
    OPTION("logits_all"),
    OPTION("vocab_only"),
    OPTION("use_mmap"),
    OPTION("use_mlock"),
    OPTION("embedding_only"),
    OPTION("num_thread"),
    OPTION("num_keep"),
    LLAMA_PLUS("max_tokens", "\"options\":{\"num_predict\":77}"),
    LLAMA_PLUS("seed", "\"options\":{\"seed\":7}"),
    LLAMA_PLUS("top_k", "\"options\":{\"top_k\":5}"),
    LLAMA_PLUS("top_p", "\"options\":{\"top_p\":0.5}"),
    LLAMA_PLUS("temperature", "\"options\":{\"temperature\":0.5}"),
    OPTION("tfs_z"),
    OPTION("typical_p"),
    OPTION("repeat_last_n"),
    OPTION("repeat_penalty"),
    LLAMA_PLUS("presence_penalty", "\"options\":{\"presence_penalty\":0.5}"),
    LLAMA_PLUS("frequency_penalty", "\"options\":{\"frequency_penalty\":0.5}"),
    OPTION("mirostat"),
    OPTION("mirostat_tau"),
    OPTION("mirostat_eta"),
    OPTION("penalize_newline"),
    OPTION("min_p"),
    LLAMA_PLUS("stop", "\"options\":{\"stop\":[\"END\"]}"),
    {"vendor", MESSAGES(TURN("user", "\"content\":\"Hi\",\"vendor\":1")) ",\"stream\":false",
     LLAMA},
    {"reasoning", SAID(",\"thinking\":\"hm\"") ",\"stream\":false", SAID("") ",\"stream\":false"},
    {"vendor", LLAMA ",\"tools\":[" TOOL(",\"vendor\":1") "]", LLAMA TOOLS},
};

#define GENERATE PROMPT ",\"stream\":false"
#define GENERATE_PLUS(name, member)                                                                \
    {                                                                                              \
        name, GENERATE "," member, GENERATE                                                        \
    }
static const struct member generate_members[] = {
    GENERATE_PLUS("suffix", "\"suffix\":\"end\""),
    GENERATE_PLUS("system", "\"system\":\"Be brief.\""),
    GENERATE_PLUS("template", "\"template\":\"{{ .Prompt }}\""),
    GENERATE_PLUS("context", "\"context\":[1,2]"),
    /* "raw" is what a plain completion always is; nobody else takes it (wish.h) */
    GENERATE_PLUS("images", "\"images\":[\"QUJD\"]"),
    GENERATE_PLUS("keep_alive", "\"keep_alive\":5"),
    GENERATE_PLUS("width", "\"width\":5"),
    GENERATE_PLUS("steps", "\"steps\":5"),
};

static void ollama_loses_nothing_unlisted(void)
{
    check_all(DIALECT_OLLAMA, OPERATION_CHAT, llama_members, ARRAY_LEN(llama_members));
    check_all(DIALECT_OLLAMA, OPERATION_COMPLETION, generate_members, ARRAY_LEN(generate_members));
}

int main(void)
{
    TEST(chat_loses_nothing_unlisted, "no member of OpenAI Chat vanishes");
    TEST(completions_lose_nothing_unlisted, "no member of OpenAI Completions vanishes");
    TEST(responses_lose_nothing_unlisted, "no member of OpenAI Responses vanishes");
    TEST(anthropic_loses_nothing_unlisted, "no member of Anthropic vanishes");
    TEST(gemini_loses_nothing_unlisted, "no member of Gemini vanishes");
    TEST(ollama_loses_nothing_unlisted, "no member of Ollama vanishes");
    return tap_done();
}
