/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect/fixture.h"

/* A request that must be refused, with its code and JSON pointer. */
static void expect_refused(enum dialect_id dialect, const char *body, const char *code,
                           const char *pointer)
{
    struct request request;
    request_read(&request, dialect, slice_from_cstr(body));
    bool as_wanted = !request.ok && request.error.code != NULL &&
                     strcmp(request.error.code, code) == 0 &&
                     strcmp(request.error.pointer, pointer) == 0 && request.error.text[0] != '\0';
    if (!as_wanted) {
        printf("# %s\n#   wanted %s at \"%s\", got %s at \"%s\"\n", body, code, pointer,
               request.ok ? "no refusal" : request.error.code, request.error.pointer);
    }
    EXPECT(as_wanted);
    request_release(&request);
}

struct refusal {
    const char *body;
    const char *code;
    const char *pointer;
};

static void expect_all_refused(enum dialect_id dialect, const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_refused(dialect, cases[i].body, cases[i].code, cases[i].pointer);
    }
}

#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define CALLER                                                                                     \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":"            \
    "\"function\","                                                                                \
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"
#define WITH(member) "{\"messages\":[" USER "]," member "}"
#define TURN(message) "{\"messages\":[" message "]}"
#define AFTER_CALL(message) "{\"messages\":[" USER "," CALLER "," message "]}"

static void refuses_what_is_no_request(void)
{
    static const struct refusal cases[] = {
        {"[]", "invalid_type", ""},
        {"\"text\"", "invalid_type", ""},
        {"{}", "missing_messages", "/messages"},
        {"{\"messages\":null}", "missing_messages", "/messages"},
        {"{\"messages\":{}}", "invalid_type", "/messages"},
        {"{\"messages\":[]}", "empty_messages", "/messages"},
        {"{\"messages\":[1]}", "invalid_type", "/messages/0"},
        {"", "invalid_json", ""},
        {"{\"messages\":[", "invalid_json", ""},
        {"{\"model\":\"\xff\"}", "invalid_utf8", ""},
    };
    expect_all_refused(DIALECT_OPENAI_CHAT, cases, ARRAY_LEN(cases));
}

static void refuses_wrong_types(void)
{
    static const struct refusal cases[] = {
        {WITH("\"model\":1"), "invalid_type", "/model"},
        {WITH("\"stream\":\"true\""), "invalid_type", "/stream"},
        {WITH("\"stream\":1"), "invalid_type", "/stream"},
        {WITH("\"temperature\":\"0\""), "invalid_type", "/temperature"},
        {WITH("\"top_p\":[]"), "invalid_type", "/top_p"},
        {WITH("\"seed\":\"x\""), "invalid_type", "/seed"},
        {WITH("\"stop\":1"), "invalid_type", "/stop"},
        {WITH("\"stop\":[\"a\",2]"), "invalid_type", "/stop"},
        {WITH("\"n\":0"), "invalid_value", "/n"},
        {WITH("\"n\":1.5"), "invalid_value", "/n"},
        {WITH("\"n\":129"), "invalid_value", "/n"},
        {WITH("\"n\":\"2\""), "invalid_value", "/n"},
        {WITH("\"best_of\":2"), "invalid_value", "/best_of"},
        {WITH("\"user\":7"), "invalid_type", "/user"},
        {WITH("\"logprobs\":3"), "invalid_type", "/logprobs"},
        {WITH("\"top_logprobs\":true"), "invalid_type", "/top_logprobs"},
        {WITH("\"reasoning_effort\":3"), "invalid_type", "/reasoning_effort"},
        {WITH("\"parallel_tool_calls\":\"no\""), "invalid_type", "/parallel_tool_calls"},
        {WITH("\"stream_options\":true"), "invalid_type", "/stream_options"},
        {WITH("\"stream_options\":{\"include_usage\":1}"), "invalid_type",
         "/stream_options/include_usage"},
        {WITH("\"sluice\":\"x\""), "invalid_type", "/sluice"},
        {WITH("\"models\":\"a\""), "invalid_type", "/models"},
        {WITH("\"models\":[\"a\",1]"), "invalid_type", "/models"},
        {WITH("\"provider\":[]"), "invalid_type", "/provider"},
        {WITH("\"session_id\":1"), "invalid_type", "/session_id"},
        {WITH("\"prompt_cache_key\":{}"), "invalid_type", "/prompt_cache_key"},
    };
    expect_all_refused(DIALECT_OPENAI_CHAT, cases, ARRAY_LEN(cases));
}

static void refuses_bad_token_limits(void)
{
    static const struct refusal cases[] = {
        {WITH("\"max_tokens\":0"), "invalid_max_tokens", "/max_tokens"},
        {WITH("\"max_tokens\":-1"), "invalid_max_tokens", "/max_tokens"},
        {WITH("\"max_tokens\":1.5"), "invalid_max_tokens", "/max_tokens"},
        {WITH("\"max_tokens\":\"10\""), "invalid_max_tokens", "/max_tokens"},
        {WITH("\"max_tokens\":2147483648"), "invalid_max_tokens", "/max_tokens"},
        {WITH("\"max_tokens\":1e300"), "invalid_max_tokens", "/max_tokens"},
        {WITH("\"max_completion_tokens\":true"), "invalid_max_tokens", "/max_completion_tokens"},
        {WITH("\"max_tokens\":5,\"max_completion_tokens\":6"), "conflicting_members",
         "/max_completion_tokens"},
    };
    expect_all_refused(DIALECT_OPENAI_CHAT, cases, ARRAY_LEN(cases));
}

static void refuses_members_with_two_meanings(void)
{
    static const struct refusal cases[] = {
        {WITH("\"model\":\"a\",\"model\":\"b\""), "duplicate_member", "/model"},
        {WITH("\"model\":\"a\",\"mod\\u0065l\":\"b\""), "duplicate_member", "/model"},
        {WITH("\"stream\":true,\"stream\":false"), "duplicate_member", "/stream"},
        {WITH("\"messages\":[]"), "duplicate_member", "/messages"},
        {WITH("\"max_tokens\":1,\"max_tokens\":100000"), "duplicate_member", "/max_tokens"},
        {WITH("\"tools\":[],\"tools\":[]"), "duplicate_member", "/tools"},
        {WITH("\"stream_options\":{},\"stream_options\":{}"), "duplicate_member",
         "/stream_options"},
        {WITH("\"sluice\":{},\"sluice\":{}"), "duplicate_member", "/sluice"},
        {WITH("\"n\":1,\"n\":100"), "duplicate_member", "/n"},
        {WITH("\"response_format\":{\"type\":\"text\",\"type\":\"json_object\"}"),
         "duplicate_member", "/response_format/type"},
        {WITH("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"a\",\"n\\u0061me\":"
              "\"b\"}}"),
         "duplicate_member", "/tool_choice/function/name"},
        {WITH("\"tool_choice\":{\"type\":\"none\",\"type\":\"function\"}"), "duplicate_member",
         "/tool_choice/type"},
        {WITH("\"Model\":\"b\""), "ambiguous_member", "/model"},
        {WITH("\"model\":\"a\",\"MODEL\":\"b\""), "ambiguous_member", "/model"},
        {WITH("\"\\u004dodel\":\"b\""), "ambiguous_member", "/model"},
        {WITH("\"\xC5\xBFtream\":true"), "ambiguous_member", "/stream"},
        {WITH("\"max_to\xE2\x84\xAA"
              "ens\":9"),
         "ambiguous_member", "/max_tokens"},
        {WITH("\"stream_options\":{\"include_usage\":true,\"Include_Usage\":false}"),
         "ambiguous_member", "/stream_options/include_usage"},
        {TURN("{\"role\":\"user\",\"content\":\"a\",\"content\":\"b\"}"), "duplicate_member",
         "/messages/0/content"},
        {TURN("{\"role\":\"user\",\"content\":\"a\",\"Content\":\"b\"}"), "ambiguous_member",
         "/messages/0/content"},
    };
    expect_all_refused(DIALECT_OPENAI_CHAT, cases, ARRAY_LEN(cases));
}

static void refuses_bad_turns(void)
{
    static const struct refusal cases[] = {
        {TURN("{\"content\":\"x\"}"), "missing_member", "/messages/0/role"},
        {TURN("{\"role\":\"robot\",\"content\":\"x\"}"), "invalid_role", "/messages/0/role"},
        {TURN("{\"role\":\"\",\"content\":\"x\"}"), "invalid_value", "/messages/0/role"},
        {TURN("{\"role\":1,\"content\":\"x\"}"), "invalid_type", "/messages/0/role"},
        {TURN("{\"role\":\"user\"}"), "missing_member", "/messages/0/content"},
        {TURN("{\"role\":\"user\",\"content\":null}"), "missing_member", "/messages/0/content"},
        {TURN("{\"role\":\"user\",\"content\":[]}"), "invalid_value", "/messages/0/content"},
        {TURN("{\"role\":\"user\",\"content\":{}}"), "invalid_type", "/messages/0/content"},
        {TURN("{\"role\":\"assistant\",\"content\":null}"), "missing_member",
         "/messages/0/content"},
        {TURN("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]}"), "missing_member",
         "/messages/0/content"},
        {TURN("{\"role\":\"user\",\"content\":\"x\",\"name\":1}"), "invalid_type",
         "/messages/0/name"},
        {TURN("{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":1}"), "invalid_type",
         "/messages/0/refusal"},
        {TURN("{\"role\":\"assistant\",\"content\":\"x\",\"reasoning\":{}}"), "invalid_type",
         "/messages/0/reasoning"},
        {TURN("{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_details\":{}}"),
         "invalid_type", "/messages/0/reasoning_details"},
        {TURN("{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_details\":[{},1]}"),
         "invalid_type", "/messages/0/reasoning_details"},
        {TURN(USER ",{\"role\":\"user\",\"content\":[1]}"), "invalid_type",
         "/messages/1/content/0"},
        {TURN("{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}"), "missing_member",
         "/messages/0/content/0/type"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"), "missing_member",
         "/messages/0/content/0/text"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}"), "invalid_type",
         "/messages/0/content/0/text"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
              "\"image_url\"}]}"),
         "missing_member", "/messages/0/content/1/image_url"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"x\"}]}"),
         "invalid_type", "/messages/0/content/0/image_url"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"\"}"
              "}]}"),
         "invalid_value", "/messages/0/content/0/image_url/url"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{"
              "\"format\":\"wav\"}}]}"),
         "missing_member", "/messages/0/content/0/input_audio/data"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_data\":1}}]}"),
         "invalid_type", "/messages/0/content/0/file/file_data"},
        {TURN("{\"role\":\"user\",\"content\":[{\"type\":\"refusal\"}]}"), "missing_member",
         "/messages/0/content/0/refusal"},
    };
    expect_all_refused(DIALECT_OPENAI_CHAT, cases, ARRAY_LEN(cases));
}

static void refuses_bad_calls_and_results(void)
{
    static const struct refusal cases[] = {
        {TURN("{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":\"c1\"}"),
         "orphan_tool_result", "/messages/0/tool_call_id"},
        {AFTER_CALL("{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":\"c2\"}"),
         "orphan_tool_result", "/messages/2/tool_call_id"},
        {AFTER_CALL("{\"role\":\"tool\",\"content\":\"x\"}"), "missing_member",
         "/messages/2/tool_call_id"},
        {AFTER_CALL("{\"role\":\"tool\",\"tool_call_id\":\"c1\"}"), "missing_member",
         "/messages/2/content"},
        {TURN("{\"role\":\"user\",\"content\":\"x\",\"tool_calls\":[{}]}"), "invalid_value",
         "/messages/0/tool_calls"},
        {TURN("{\"role\":\"assistant\",\"tool_calls\":{}}"), "invalid_type",
         "/messages/0/tool_calls"},
        {TURN("{\"role\":\"assistant\",\"tool_calls\":[1]}"), "invalid_type",
         "/messages/0/tool_calls/0"},
        {TURN("{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"function\"}]}"),
         "missing_member", "/messages/0/tool_calls/0/id"},
        {TURN("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\"}]}"), "missing_member",
         "/messages/0/tool_calls/0/function"},
        {TURN("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"arguments\":"
              "\"\"}}]}"),
         "missing_member", "/messages/0/tool_calls/0/function/name"},
        {TURN("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\"}}"
              "]}"),
         "missing_member", "/messages/0/tool_calls/0/function/arguments"},
        {TURN("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
              "\"arguments\":{}}}]}"),
         "invalid_type", "/messages/0/tool_calls/0/function/arguments"},
    };
    expect_all_refused(DIALECT_OPENAI_CHAT, cases, ARRAY_LEN(cases));
}

static void refuses_bad_tools(void)
{
    static const struct refusal cases[] = {
        {WITH("\"tools\":{}"), "invalid_type", "/tools"},
        {WITH("\"tools\":[1]"), "invalid_type", "/tools/0"},
        {WITH("\"tools\":[{}]"), "missing_member", "/tools/0/type"},
        {WITH("\"tools\":[{\"type\":\"function\"}]"), "missing_member", "/tools/0/function"},
        {WITH("\"tools\":[{\"type\":\"function\",\"function\":1}]"), "invalid_type",
         "/tools/0/function"},
        {WITH("\"tools\":[{\"type\":\"function\",\"function\":{}}]"), "missing_member",
         "/tools/0/function/name"},
        {WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"\"}}]"), "invalid_value",
         "/tools/0/function/name"},
        {WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":\"{}"
              "\"}}]"),
         "invalid_type", "/tools/0/function/parameters"},
        {WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":1}}]"),
         "invalid_type", "/tools/0/function/strict"},
        {WITH("\"tool_choice\":\"maybe\""), "invalid_value", "/tool_choice"},
        {WITH("\"tool_choice\":1"), "invalid_type", "/tool_choice"},
        {WITH("\"tool_choice\":\"required\""), "invalid_value", "/tool_choice"},
        {WITH("\"tool_choice\":\"any\",\"tools\":[]"), "invalid_value", "/tool_choice"},
        {WITH("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}},"
              "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"),
         "invalid_value", "/tool_choice"},
        {WITH("\"tool_choice\":{\"type\":\"function\"}"), "missing_member",
         "/tool_choice/function/name"},
        {WITH("\"response_format\":\"json\""), "invalid_type", "/response_format"},
        {WITH("\"response_format\":{}"), "missing_member", "/response_format/type"},
        {WITH("\"response_format\":{\"type\":\"json_schema\"}"), "missing_member",
         "/response_format/json_schema"},
        {WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":[]}"), "invalid_type",
         "/response_format/json_schema"},
        {WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":1}}"),
         "invalid_type", "/response_format/json_schema/schema"},
    };
    expect_all_refused(DIALECT_OPENAI_CHAT, cases, ARRAY_LEN(cases));
}

static void refuses_bad_prompts(void)
{
    static const struct refusal cases[] = {
        {"{}", "missing_member", "/prompt"},
        {"{\"prompt\":1}", "unsupported_prompt", "/prompt"},
        {"{\"prompt\":[\"a\",\"b\"]}", "unsupported_prompt", "/prompt"},
        {"{\"prompt\":[1,2]}", "unsupported_prompt", "/prompt"},
        {"{\"prompt\":[]}", "unsupported_prompt", "/prompt"},
        {"{\"prompt\":\"x\",\"suffix\":1}", "invalid_type", "/suffix"},
        {"{\"prompt\":\"x\",\"logprobs\":true}", "invalid_type", "/logprobs"},
        {"{\"prompt\":\"x\",\"n\":2,\"best_of\":3}", "invalid_value", "/best_of"},
        {"{\"prompt\":\"x\",\"Suffix\":\"y\"}", "ambiguous_member", "/suffix"},
    };
    expect_all_refused(DIALECT_OPENAI_COMPLETIONS, cases, ARRAY_LEN(cases));
}

static void reads_defaults(void)
{
    struct request r;
    request_read(&r, DIALECT_OPENAI_CHAT, SLICE(TURN(USER)));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.operation, OPERATION_CHAT);
    EXPECT_INT(r.chat.dialect, DIALECT_OPENAI_CHAT);
    EXPECT(r.chat.model.ptr == NULL);
    EXPECT(!r.chat.stream && !r.chat.include_usage && !r.chat.logprobs);
    EXPECT_INT(r.chat.choices, 1);
    EXPECT_INT(r.chat.max_tokens, 0);
    EXPECT_INT(r.chat.parallel_tool_calls, -1);
    EXPECT_INT(r.chat.schema_strict, -1);
    EXPECT(r.chat.sluice == JSON_ABSENT && r.chat.models == JSON_ABSENT &&
           r.chat.preferences == JSON_ABSENT);
    EXPECT_INT(r.chat.needs, 0);
    EXPECT(r.chat.stop == NULL && r.chat.tools == NULL);
    EXPECT_INT(r.chat.extra_count, 0);
    request_release(&r);
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(WITH("\"model\":null,\"stream\":null,\"temperature\":null,\"max_tokens\":null,"
                   "\"tools\":null,"
                   "\"stop\":null,\"n\":null,\"sluice\":null,\"response_format\":null,\"tool_"
                   "choice\":null,"
                   "\"stream_options\":null,\"logprobs\":null,\"parallel_tool_calls\":null")));
    EXPECT(r.ok);
    EXPECT(r.chat.model.ptr == NULL && r.chat.temperature.ptr == NULL &&
           r.chat.sluice == JSON_ABSENT);
    EXPECT_INT(r.chat.extra_count, 0);
    request_release(&r);
}

static void reads_members(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(WITH(
            "\"model\":\"auto\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"x\":1}"
            ","
            "\"max_completion_tokens\":77,\"max_tokens\":77,\"temperature\":0.70,\"top_p\":1e-1,"
            "\"top_k\":5,\"seed\":42,\"frequency_penalty\":-1,\"presence_penalty\":2,\"n\":3,"
            "\"stop\":[\"a\",\"b\\n\"],\"logprobs\":true,\"top_logprobs\":2,\"user\":\"u\","
            "\"reasoning_effort\":\"low\",\"parallel_tool_calls\":false,\"tool_choice\":\"any\","
            "\"tools\":[{\"type\":\"web_search\"}],"
            "\"sluice\":{\"task\":\"math\"},\"models\":[\"x\"],\"provider\":{\"sort\":\"price\"},"
            "\"prompt_cache_key\":\"k\",\"metadata\":{\"a\":1},\"logit_bias\":{}")));
    EXPECT(r.ok);
    EXPECT_SLICE(r.chat.model, "auto");
    EXPECT(r.chat.stream && r.chat.include_usage && r.chat.logprobs);
    EXPECT_INT(r.chat.max_tokens, 77);
    EXPECT_SLICE(r.chat.temperature, "0.70");
    EXPECT_SLICE(r.chat.top_p, "1e-1");
    EXPECT_SLICE(r.chat.top_k, "5");
    EXPECT_SLICE(r.chat.seed, "42");
    EXPECT_SLICE(r.chat.frequency_penalty, "-1");
    EXPECT_SLICE(r.chat.presence_penalty, "2");
    EXPECT_INT(r.chat.choices, 3);
    EXPECT_INT(r.chat.stop_count, 2);
    EXPECT_SLICE(r.chat.stop[1], "b\\n");
    EXPECT_SLICE(r.chat.top_logprobs, "2");
    EXPECT_SLICE(r.chat.user, "u");
    EXPECT_SLICE(r.chat.reasoning_effort, "low");
    EXPECT_INT(r.chat.parallel_tool_calls, 0);
    EXPECT_INT(r.chat.tool_choice, TOOL_CHOICE_REQUIRED);
    EXPECT_SLICE(json_raw(&r.doc, r.chat.sluice), "{\"task\":\"math\"}");
    EXPECT_SLICE(json_raw(&r.doc, r.chat.models), "[\"x\"]");
    EXPECT_SLICE(json_raw(&r.doc, r.chat.preferences), "{\"sort\":\"price\"}");
    EXPECT_SLICE(r.chat.session, "k");
    EXPECT_INT(r.chat.extra_count, 3);
    EXPECT_SLICE(r.chat.extras[0].key, "prompt_cache_key");
    EXPECT_SLICE(r.chat.extras[1].key, "metadata");
    EXPECT_SLICE(r.chat.extras[1].value, "{\"a\":1}");
    EXPECT_INT(r.chat.needs, CAPABILITY_TOOLS | CAPABILITY_LOGPROBS | CAPABILITY_STREAMING |
                                 CAPABILITY_REASONING);
    request_release(&r);
}

static void prefers_the_session_id(void)
{
    struct request r;
    request_read(&r, DIALECT_OPENAI_CHAT,
                 SLICE(WITH("\"prompt_cache_key\":\"k\",\"session_id\":\"s\"")));
    EXPECT(r.ok);
    EXPECT_SLICE(r.chat.session, "s");
    request_release(&r);
}

static void reads_parts(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(TURN(
            "{\"role\":\"user\",\"name\":\"ann\",\"x\":1,\"content\":["
            "{\"type\":\"text\",\"text\":\"look\",\"cache_control\":{}},"
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/"
            "png;base64,AAAA\",\"detail\":\"low\"}},"
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://e.example/a.png\"}},"
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png,raw\"}},"
            "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"BBBB\",\"format\":\"wav\"}},"
            "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/"
            "pdf;base64,CCCC\"}},"
            "{\"type\":\"file\",\"file\":{\"file_id\":\"f1\"}},"
            "{\"type\":\"file\",\"file\":{\"file_data\":\"https://e.example/b.pdf\"}},"
            "{\"type\":\"video_url\",\"video_url\":{}}]}")));
    EXPECT(r.ok);
    const struct chat_message *m = &r.chat.messages[0];
    EXPECT_INT(m->part_count, 9);
    EXPECT_SLICE(m->name, "ann");
    EXPECT_INT(m->extra_count, 1);
    EXPECT_SLICE(m->extras[0].key, "x");
    EXPECT_INT(m->parts[0].kind, PART_TEXT);
    EXPECT_SLICE(m->parts[0].raw, "{\"type\":\"text\",\"text\":\"look\",\"cache_control\":{}}");
    EXPECT_INT(m->parts[1].kind, PART_IMAGE);
    EXPECT_SLICE(m->parts[1].media_type, "image\\/png");
    EXPECT_SLICE(m->parts[1].data, "AAAA");
    EXPECT_SLICE(m->parts[1].detail, "low");
    EXPECT(m->parts[1].url.ptr == NULL);
    EXPECT_SLICE(m->parts[2].url, "https://e.example/a.png");
    EXPECT_SLICE(m->parts[3].url, "data:image/png,raw");
    EXPECT_INT(m->parts[4].kind, PART_AUDIO);
    EXPECT_SLICE(m->parts[4].detail, "wav");
    EXPECT_INT(m->parts[5].kind, PART_FILE);
    EXPECT_SLICE(m->parts[5].media_type, "application/pdf");
    EXPECT_SLICE(m->parts[6].file_id, "f1");
    EXPECT_SLICE(m->parts[7].url, "https://e.example/b.pdf");
    EXPECT_INT(m->parts[8].kind, PART_UNKNOWN);
    EXPECT_INT(r.chat.needs, CAPABILITY_VISION | CAPABILITY_AUDIO | CAPABILITY_DOCUMENTS);
    EXPECT_INT(chat_text_bytes(&r.chat), 4);
    request_release(&r);
}

static void reads_tool_turns(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(TURN(
            USER ",{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"hm\","
                 "\"reasoning_details\":[{}],"
                 "\"refusal\":null,\"tool_calls\":["
                 "{\"id\":\"a\\/"
                 "1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
                 "{\"id\":\"b\",\"type\":\"custom\",\"custom\":{\"name\":\"g\",\"input\":\"x\"}}]},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"two\"},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"a/"
                 "1\",\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}")));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.message_count, 4);
    const struct chat_message *turn = &r.chat.messages[1];
    EXPECT_INT(turn->part_count, 5);
    EXPECT_INT(turn->parts[0].kind, PART_REASONING);
    EXPECT_SLICE(turn->parts[0].raw, "{}");
    EXPECT_SLICE(turn->parts[1].text, "hm");
    EXPECT_INT(turn->parts[2].kind, PART_TEXT);
    EXPECT_INT(turn->parts[3].kind, PART_TOOL_CALL);
    EXPECT_SLICE(turn->parts[3].name, "f");
    EXPECT(turn->parts[3].arguments_text);
    EXPECT_INT(turn->parts[4].kind, PART_TOOL_CALL);
    EXPECT(turn->parts[4].custom && turn->parts[4].arguments_text);
    EXPECT_SLICE(turn->parts[4].id, "b");
    EXPECT_SLICE(turn->parts[4].name, "g");
    EXPECT_SLICE(turn->parts[4].arguments, "x");
    EXPECT(r.chat.messages[2].parts[0].custom);
    EXPECT_INT(r.chat.messages[3].parts[0].kind, PART_TOOL_RESULT);
    EXPECT_SLICE(r.chat.messages[3].parts[0].name, "f");
    EXPECT_SLICE(r.chat.messages[3].parts[1].text, "one");
    EXPECT_INT(r.chat.needs, CAPABILITY_TOOLS);
    request_release(&r);
}

static void bounds_the_calls_of_a_turn(void)
{
    for (size_t count = 256; count <= 257; count++) {
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        buf_append(&body, SLICE("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":["));
        for (size_t i = 0; i < count; i++) {
            buf_printf(&body,
                       "%s{\"id\":\"c%zu\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}",
                       i == 0 ? "" : ",", i);
        }
        buf_append(&body,
                   SLICE("]},{\"role\":\"tool\",\"tool_call_id\":\"c255\",\"content\":\"x\"}]}"));
        struct request r;
        request_read(&r, DIALECT_OPENAI_CHAT, buf_slice(&body));
        EXPECT(r.ok == (count == 256));
        EXPECT(r.ok || strcmp(r.error.pointer, "/messages/0/tool_calls") == 0);
        request_release(&r);
        buf_release(&body);
    }
}

static void reads_tools_and_formats(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(WITH(
            "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
            "\"parameters\":{\"type\":\"object\"},\"strict\":true}},{\"type\":\"web_search\"}],"
            "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
            "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
            "\"schema\":{\"type\":\"object\"},\"strict\":false}}")));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.tool_count, 2);
    EXPECT_SLICE(r.chat.tools[0].name, "f");
    EXPECT_SLICE(r.chat.tools[0].description, "d");
    EXPECT_SLICE(r.chat.tools[0].parameters, "{\"type\":\"object\"}");
    EXPECT_INT(r.chat.tools[0].strict, 1);
    EXPECT(r.chat.tools[1].name.ptr == NULL);
    EXPECT_SLICE(r.chat.tools[1].raw, "{\"type\":\"web_search\"}");
    EXPECT_INT(r.chat.tool_choice, TOOL_CHOICE_NAMED);
    EXPECT_SLICE(r.chat.tool_choice_name, "f");
    EXPECT_INT(r.chat.format, FORMAT_JSON_SCHEMA);
    EXPECT_SLICE(r.chat.schema, "{\"type\":\"object\"}");
    EXPECT_SLICE(r.chat.schema_name, "n");
    EXPECT_INT(r.chat.schema_strict, 0);
    EXPECT_INT(r.chat.needs, CAPABILITY_TOOLS | CAPABILITY_JSON_SCHEMA);
    request_release(&r);
}

static void a_choice_that_can_be_followed_is_taken(void)
{
    static const char *const members[] = {
        "\"tool_choice\":\"auto\"",
        "\"tool_choice\":\"none\"",
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}},"
        "\"tools\":[{\"type\":\"vendors_own\"}]",
        "\"tool_choice\":{\"type\":\"custom\",\"custom\":{\"name\":\"g\"}},"
        "\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"g\"}}]",
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"\\u0067\"}},"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char text[512];
        struct request r;
        (void)snprintf(text, sizeof text, WITH("%s"), members[i]);
        request_read(&r, DIALECT_OPENAI_CHAT, slice_from_cstr(text));
        EXPECT(r.ok);
        request_release(&r);
    }
}

static void keeps_what_the_model_cannot_say(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(WITH(
            "\"tool_choice\":{\"type\":\"allowed_tools\"},\"response_format\":{\"type\":"
            "\"grammar\"},"
            "\"suffix\":\"s\",\"functions\":[],\"audio\":{},\"reasoning\":{\"effort\":\"high\"}")));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.tool_choice, TOOL_CHOICE_UNSET);
    EXPECT_INT(r.chat.format, FORMAT_TEXT);
    EXPECT_INT(r.chat.extra_count, 6);
    EXPECT_SLICE(r.chat.reasoning_effort, "high");
    EXPECT(r.chat.suffix.ptr == NULL);
    EXPECT_INT(r.chat.needs, CAPABILITY_TOOLS | CAPABILITY_AUDIO | CAPABILITY_REASONING);
    request_release(&r);
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(
            WITH("\"response_format\":{\"type\":\"json_object\"},\"reasoning_effort\":\"none\"")));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.needs, CAPABILITY_JSON_OBJECT);
    request_release(&r);
    request_read(&r, DIALECT_OPENAI_CHAT, SLICE(WITH("\"response_format\":{\"type\":\"text\"}")));
    EXPECT(r.ok && r.chat.format == FORMAT_TEXT);
    EXPECT_INT(r.chat.extra_count, 0);
    request_release(&r);
}

static void accepts_assistants_without_text(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_CHAT,
        SLICE(TURN("{\"role\":\"assistant\",\"content\":null,\"function_call\":{\"name\":\"f\"}},"
                   "{\"role\":\"assistant\",\"refusal\":\"no\"},{\"role\":\"developer\","
                   "\"content\":\"d\"},"
                   "{\"role\":\"system\",\"content\":\"\"}")));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.messages[0].part_count, 0);
    EXPECT_INT(r.chat.messages[1].parts[0].kind, PART_REFUSAL);
    EXPECT_INT(r.chat.messages[2].role, ROLE_DEVELOPER);
    EXPECT_INT(r.chat.messages[3].role, ROLE_SYSTEM);
    request_release(&r);
}

static void reads_completions(void)
{
    struct request r;
    request_read(&r, DIALECT_OPENAI_COMPLETIONS,
                 SLICE("{\"model\":\"m\",\"prompt\":[\"def "
                       "f(\"],\"suffix\":\"return\",\"logprobs\":2,\"echo\":true,"
                       "\"n\":2,\"best_of\":2}"));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.operation, OPERATION_COMPLETION);
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_INT(r.chat.messages[0].role, ROLE_USER);
    EXPECT_SLICE(r.chat.messages[0].parts[0].text, "def f(");
    EXPECT_SLICE(r.chat.suffix, "return");
    EXPECT(r.chat.logprobs);
    EXPECT_SLICE(r.chat.top_logprobs, "2");
    EXPECT_INT(r.chat.extra_count, 1);
    EXPECT_INT(r.chat.needs, CAPABILITY_COMPLETION | CAPABILITY_SUFFIX | CAPABILITY_LOGPROBS);
    EXPECT_INT(chat_text_bytes(&r.chat), 12);
    request_release(&r);
}

/* With a budget that grows from nothing: a refusal at every step, never a crash, success at the
 * end. */
static void refuses_what_is_beyond_its_memory(void)
{
    struct slice body = SLICE(
        WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"stop\":[\"a\"],"
             "\"x\":1"));
    bool read = false;
    for (size_t budget = 0; budget < 4096 && !read; budget += 16) {
        struct json_doc doc;
        struct arena arena;
        struct chat chat = {.stream = false};
        struct error error = {0};
        json_doc_init(&doc);
        arena_init(&arena, budget);
        read = dialect_of(DIALECT_OPENAI_CHAT)->read_request(body, &doc, &arena, &chat, &error);
        EXPECT(read || strcmp(error.code, "request_too_large") == 0);
        EXPECT(read || error.kind == ERROR_LIMIT);
        json_doc_release(&doc);
        arena_release(&arena);
    }
    EXPECT(read);
}

static void finds_dialects_by_name(void)
{
    enum dialect_id id;
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        const char *name = dialect_of((enum dialect_id)i)->name;
        EXPECT(dialect_from_name(slice_from_cstr(name), &id) && id == i);
    }
    EXPECT(!dialect_from_name(SLICE("klingon"), &id));
}

static void expect_tool_refused(const char *tools, const char *code, const char *pointer)
{
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct request r;
    buf_printf(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":%s}", tools);
    request_read(&r, DIALECT_OPENAI_CHAT, buf_slice(&body));
    EXPECT(!r.ok && strcmp(r.error.code, code) == 0 && strcmp(r.error.pointer, pointer) == 0);
    request_release(&r);
    buf_release(&body);
}

static void refuses_wrong_custom_tools(void)
{
    expect_tool_refused("[{\"type\":\"custom\"}]", "missing_member", "/tools/0/custom");
    expect_tool_refused("[{\"type\":\"custom\",\"custom\":7}]", "invalid_type", "/tools/0/custom");
    expect_tool_refused("[{\"type\":\"custom\",\"custom\":{}}]", "missing_member",
                        "/tools/0/custom/name");
    expect_tool_refused("[{\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"format\":7}}]",
                        "invalid_type", "/tools/0/custom/format");
}

int main(void)
{
    TEST(refuses_what_is_no_request, "refuses what is no request");
    TEST(refuses_wrong_types, "refuses wrong types with a pointer to the member");
    TEST(refuses_bad_token_limits, "refuses token limits that are none or contradict each other");
    TEST(refuses_members_with_two_meanings,
         "refuses members that two parsers could read differently");
    TEST(refuses_bad_turns, "refuses turns without role or content and broken parts");
    TEST(refuses_bad_calls_and_results, "refuses broken calls and results without a call");
    TEST(refuses_bad_tools, "refuses broken tools, choices and formats");
    TEST(refuses_bad_prompts, "refuses prompts that are not one string");
    TEST(reads_defaults, "null means not given, and a missing model is no error");
    TEST(reads_members, "reads all members of the top level and keeps the others");
    TEST(prefers_the_session_id, "a session id wins over a cache key");
    TEST(reads_parts, "reads texts, images, sound and files and keeps unknown parts");
    TEST(reads_tool_turns, "reads calls and results, whatever the spelling of their ids");
    TEST(bounds_the_calls_of_a_turn, "a turn may hold 256 calls and no more");
    TEST(reads_tools_and_formats, "reads tools, a named choice and a schema");
    TEST(a_choice_that_can_be_followed_is_taken, "a choice that can be followed is taken");
    TEST(keeps_what_the_model_cannot_say, "keeps choices and formats of single vendors as extras");
    TEST(accepts_assistants_without_text,
         "an assistant's turn may be a refusal or something unknown");
    TEST(reads_completions, "reads a completion with suffix as one user turn");
    TEST(refuses_what_is_beyond_its_memory, "refuses a request that its memory cannot hold");
    TEST(finds_dialects_by_name, "every dialect is found by its name");
    TEST(refuses_wrong_custom_tools, "wrong custom tools are refused with a pointer");
    return tap_done();
}
