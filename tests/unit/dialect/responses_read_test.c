/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of Responses clients, read strictly. */
#include "tests/unit/dialect/fixture.h"

#define BODY(members) "{\"model\":\"m\",\"input\":\"x\"," members "}"
#define INPUT(items) "{\"model\":\"m\",\"input\":[" items "]}"
#define USER "{\"role\":\"user\",\"content\":\"x\"}"
#define CONTENT(part) INPUT("{\"role\":\"user\",\"content\":[" part "]}")

struct refusal {
    const char *body;
    const char *code;
    const char *pointer;
};

static void expect_refused(const struct refusal *wanted)
{
    const char *body = wanted->body;
    const char *code = wanted->code;
    const char *pointer = wanted->pointer;
    struct request r;
    request_read(&r, DIALECT_OPENAI_RESPONSES, slice_from_cstr(body));
    bool same = !r.ok && strcmp(r.error.code, code) == 0 && strcmp(r.error.pointer, pointer) == 0;
    if (!same) {
        printf("# %s: %s at %s (%s)\n", body, r.ok ? "read" : r.error.code,
               r.ok ? "" : r.error.pointer, r.error.text);
    }
    EXPECT(same);
    request_release(&r);
}

static const struct refusal wrong_members[] = {
    {"[]", "invalid_type", ""},
    {"{\"model\":\"m\"}", "missing_member", "/input"},
    {"{\"model\":7,\"input\":\"x\"}", "invalid_type", "/model"},
    {"{\"model\":\"m\",\"Model\":\"n\",\"input\":\"x\"}", "ambiguous_member", "/model"},
    {"{\"model\":\"m\",\"model\":\"n\",\"input\":\"x\"}", "duplicate_member", "/model"},
    {"{\"input\":7}", "invalid_type", "/input"},
    {"{\"input\":[]}", "empty_messages", "/input"},
    {BODY("\"stream\":1"), "invalid_type", "/stream"},
    {BODY("\"stream_options\":1"), "invalid_type", "/stream_options"},
    {BODY("\"max_output_tokens\":0"), "invalid_max_tokens", "/max_output_tokens"},
    {BODY("\"max_output_tokens\":1.5"), "invalid_max_tokens", "/max_output_tokens"},
    {BODY("\"temperature\":\"1\""), "invalid_type", "/temperature"},
    {BODY("\"top_p\":\"1\""), "invalid_type", "/top_p"},
    {BODY("\"top_logprobs\":\"1\""), "invalid_type", "/top_logprobs"},
    {BODY("\"parallel_tool_calls\":1"), "invalid_type", "/parallel_tool_calls"},
    {BODY("\"store\":1"), "invalid_type", "/store"},
    {BODY("\"previous_response_id\":1"), "invalid_type", "/previous_response_id"},
    {BODY("\"conversation\":\"c\",\"previous_response_id\":\"r\""), "conflicting_members",
     "/previous_response_id"},
    {BODY("\"service_tier\":1"), "invalid_type", "/service_tier"},
    {BODY("\"metadata\":1"), "invalid_type", "/metadata"},
    {BODY("\"user\":1"), "invalid_type", "/user"},
    {BODY("\"safety_identifier\":1"), "invalid_type", "/safety_identifier"},
    {BODY("\"instructions\":1"), "invalid_type", "/instructions"},
    {BODY("\"background\":true"), "unsupported_value", "/background"},
    {BODY("\"background\":1"), "invalid_type", "/background"},
    {BODY("\"include\":1"), "invalid_type", "/include"},
    {BODY("\"include\":[1]"), "invalid_type", "/include"},
    {BODY("\"reasoning\":1"), "invalid_type", "/reasoning"},
    {BODY("\"reasoning\":{\"effort\":1}"), "invalid_type", "/reasoning/effort"},
    {BODY("\"reasoning\":{\"summary\":1}"), "invalid_type", "/reasoning/summary"},
    {BODY("\"sluice\":1"), "invalid_type", "/sluice"},
    {BODY("\"sluice\":{},\"sluice\":{}"), "duplicate_member", "/sluice"},
    {BODY("\"text\":1"), "invalid_type", "/text"},
    {BODY("\"text\":{\"verbosity\":1}"), "invalid_type", "/text/verbosity"},
    {BODY("\"text\":{\"format\":1}"), "invalid_type", "/text/format"},
    {BODY("\"text\":{\"format\":{}}"), "missing_member", "/text/format/type"},
    {BODY("\"text\":{\"format\":{\"type\":\"x\"}}"), "invalid_value", "/text/format/type"},
    {BODY("\"text\":{\"format\":{\"type\":\"json_schema\"}}"), "missing_member",
     "/text/format/schema"},
    {BODY("\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":1}}"), "invalid_type",
     "/text/format/schema"},
    {BODY("\"tools\":1"), "invalid_type", "/tools"},
    {BODY("\"tools\":[1]"), "invalid_type", "/tools/0"},
    {BODY("\"tools\":[{}]"), "missing_member", "/tools/0/type"},
    {BODY("\"tools\":[{\"type\":\"function\"}]"), "missing_member", "/tools/0/name"},
    {BODY("\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":1}]"), "invalid_type",
     "/tools/0/parameters"},
    {BODY("\"tools\":[{\"type\":\"custom\",\"name\":\"f\",\"format\":1}]"), "invalid_type",
     "/tools/0/format"},
    {BODY("\"tools\":[{\"type\":\"namespace\"}]"), "missing_member", "/tools/0/name"},
    {BODY("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[1]}]"), "invalid_type",
     "/tools/0/tools/0"},
    {BODY("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":[{\"type\":"
          "\"function\"}]}]"),
     "missing_member", "/tools/0/tools/0/name"},
    {BODY("\"tool_choice\":\"any\""), "invalid_value", "/tool_choice"},
    {BODY("\"tool_choice\":\"required\""), "invalid_value", "/tool_choice"},
    {BODY("\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"},\"tools\":[{\"type\":"
          "\"function\",\"name\":\"f\"}]"),
     "invalid_value", "/tool_choice"},
    {BODY("\"tool_choice\":7"), "invalid_type", "/tool_choice"},
    {BODY("\"tool_choice\":{}"), "missing_member", "/tool_choice/type"},
    {BODY("\"tool_choice\":{\"type\":\"function\"}"), "missing_member", "/tool_choice/name"},
    {BODY("\"tool_choice\":{\"type\":\"allowed_tools\"}"), "invalid_value", "/tool_choice/mode"},
    {BODY("\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\"}"), "invalid_value",
     "/tool_choice/tools"},
    {BODY("\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":1}"),
     "invalid_type", "/tool_choice/tools"},
};

static void refuses_wrong_members(void)
{
    for (size_t i = 0; i < ARRAY_LEN(wrong_members); i++) {
        expect_refused(&wrong_members[i]);
    }
}

static const struct refusal wrong_items[] = {
    {INPUT("1"), "invalid_type", "/input/0"},
    {INPUT("{\"content\":\"x\"}"), "missing_member", "/input/0/role"},
    {INPUT("{\"role\":\"tool\",\"content\":\"x\"}"), "invalid_role", "/input/0/role"},
    {INPUT("{\"role\":\"user\"}"), "missing_member", "/input/0/content"},
    {INPUT("{\"role\":\"user\",\"content\":7}"), "invalid_type", "/input/0/content"},
    {INPUT("{\"role\":\"user\",\"role\":\"user\",\"content\":\"x\"}"), "duplicate_member",
     "/input/0/role"},
    {CONTENT("7"), "invalid_type", "/input/0/content/0"},
    {CONTENT("{}"), "missing_member", "/input/0/content/0/type"},
    {CONTENT("{\"type\":\"input_text\"}"), "missing_member", "/input/0/content/0/text"},
    {CONTENT("{\"type\":\"refusal\"}"), "missing_member", "/input/0/content/0/refusal"},
    {CONTENT("{\"type\":\"input_image\"}"), "missing_member", "/input/0/content/0/image_url"},
    {CONTENT("{\"type\":\"input_image\",\"image_url\":{}}"), "invalid_type",
     "/input/0/content/0/image_url"},
    {CONTENT("{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AA?A\"}"),
     "invalid_base64", "/input/0/content/0/image_url"},
    {CONTENT("{\"type\":\"input_file\"}"), "missing_member", "/input/0/content/0/file_data"},
    {CONTENT("{\"type\":\"input_file\",\"file_data\":7}"), "invalid_type",
     "/input/0/content/0/file_data"},
    {CONTENT("{\"type\":\"input_file\",\"file_data\":\"AAA\"}"), "invalid_base64",
     "/input/0/content/0/file_data"},
    {CONTENT("{\"type\":\"input_audio\"}"), "missing_member", "/input/0/content/0/input_audio"},
    {CONTENT("{\"type\":\"input_audio\",\"input_audio\":7}"), "invalid_type",
     "/input/0/content/0/input_audio"},
    {CONTENT("{\"type\":\"input_audio\",\"input_audio\":{}}"), "missing_member",
     "/input/0/content/0/input_audio/data"},
    {CONTENT("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"?\"}}"), "invalid_base64",
     "/input/0/content/0/input_audio/data"},
    {INPUT("{\"type\":\"function_call\"}"), "missing_member", "/input/0/call_id"},
    {INPUT("{\"type\":\"function_call\",\"call_id\":\"c\"}"), "missing_member", "/input/0/name"},
    {INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\"}"), "missing_member",
     "/input/0/arguments"},
    {INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":{}}"),
     "invalid_type", "/input/0/arguments"},
    {INPUT("{\"type\":\"custom_tool_call\",\"call_id\":\"c\",\"name\":\"f\"}"), "missing_member",
     "/input/0/input"},
    {INPUT("{\"type\":\"function_call_output\",\"output\":\"x\"}"), "missing_member",
     "/input/0/call_id"},
    {INPUT("{\"type\":\"function_call_output\",\"call_id\":\"c\"}"), "missing_member",
     "/input/0/output"},
    {INPUT(USER ",{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"x\"}"),
     "orphan_tool_result", "/input/1/call_id"},
    {INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\"},"
           "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":7}"),
     "invalid_type", "/input/1/output"},
    {INPUT("{\"type\":\"reasoning\",\"summary\":7}"), "invalid_type", "/input/0/summary"},
    {INPUT("{\"type\":\"reasoning\",\"summary\":[7]}"), "invalid_type", "/input/0/summary"},
    {INPUT("{\"type\":\"reasoning\",\"content\":[{}]}"), "invalid_type", "/input/0/content"},
    {INPUT("{\"type\":\"reasoning\",\"encrypted_content\":7}"), "invalid_type",
     "/input/0/encrypted_content"},
};

static void refuses_wrong_items(void)
{
    for (size_t i = 0; i < ARRAY_LEN(wrong_items); i++) {
        expect_refused(&wrong_items[i]);
    }
}

static void reads_members(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_RESPONSES,
        SLICE(BODY("\"stream\":true,\"instructions\":\"Be brief.\",\"max_output_tokens\":9,"
                   "\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},"
                   "\"store\":false,\"safety_identifier\":\"s\",\"service_tier\":\"flex\","
                   "\"metadata\":{\"a\":\"b\"},\"prompt_cache_key\":\"k\","
                   "\"text\":{\"verbosity\":\"low\"},\"top_logprobs\":2,"
                   "\"include\":[\"message.output_text.logprobs\"],\"odd\":1")));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.operation, OPERATION_CHAT);
    EXPECT_INT(r.chat.dialect, DIALECT_OPENAI_RESPONSES);
    EXPECT(r.chat.stream && r.chat.include_usage && r.chat.show_thinking && r.chat.logprobs);
    EXPECT_INT(r.chat.max_tokens, 9);
    EXPECT_INT(r.chat.store, 0);
    EXPECT_INT(r.chat.message_count, 2);
    EXPECT_INT(r.chat.messages[0].role, ROLE_SYSTEM);
    EXPECT_SLICE(r.chat.reasoning_effort, "low");
    EXPECT_SLICE(r.chat.user, "s");
    EXPECT_SLICE(r.chat.service_tier, "flex");
    EXPECT_SLICE(r.chat.metadata, "{\"a\":\"b\"}");
    EXPECT_SLICE(r.chat.cache_key, "k");
    EXPECT_SLICE(r.chat.session, "k");
    EXPECT_SLICE(r.chat.verbosity, "low");
    EXPECT_SLICE(r.chat.top_logprobs, "2");
    EXPECT_INT(r.chat.needs, CAPABILITY_LOGPROBS | CAPABILITY_STREAMING | CAPABILITY_REASONING);
    request_release(&r);
    request_read(&r, DIALECT_OPENAI_RESPONSES,
                 SLICE(BODY("\"reasoning\":null,\"text\":null,\"tools\":null,\"metadata\":null,"
                            "\"tool_choice\":null,\"conversation\":null,\"prompt\":null,"
                            "\"include\":null,\"truncation\":null,\"previous_response_id\":null")));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_INT(r.chat.extra_count, 0);
    EXPECT_INT(r.chat.store, -1);
    request_release(&r);
}

/* Codex puts the user's next words between a call and its result. */
static void results_move_up_to_their_calls(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_RESPONSES,
        SLICE(INPUT("{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":"
                    "\"{}\"},"
                    "{\"type\":\"function_call\",\"call_id\":\"b\\/1\",\"name\":\"f\","
                    "\"arguments\":\"{}\"}," USER
                    ",{\"type\":\"function_call_output\",\"call_id\":\"b/1\",\"output\":\"B\"},"
                    "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":"
                    "\"{}\"},"
                    "{\"type\":\"function_call_output\",\"call_id\":\"a\",\"output\":\"A\"},"
                    "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[]}")));
    static const enum chat_role roles[] = {ROLE_ASSISTANT, ROLE_TOOL,      ROLE_TOOL,
                                           ROLE_USER,      ROLE_ASSISTANT, ROLE_TOOL};
    EXPECT(r.ok);
    EXPECT_INT(r.chat.message_count, ARRAY_LEN(roles));
    for (size_t i = 0; i < r.chat.message_count; i++) {
        EXPECT_INT(r.chat.messages[i].role, roles[i]);
    }
    EXPECT_SLICE(r.chat.messages[1].parts[1].text, "B");
    EXPECT_SLICE(r.chat.messages[2].parts[1].text, "A");
    EXPECT_SLICE(r.chat.messages[5].parts[0].name, "f");
    EXPECT_INT(r.chat.messages[5].part_count, 1);
    request_release(&r);
}

static void many_calls_find_their_results(void)
{
    enum { CALLS = 300 };
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct request r;
    buf_printf(&body, "{\"input\":[");
    for (int i = 0; i < CALLS; i++) {
        buf_printf(&body,
                   "{\"type\":\"function_call\",\"call_id\":\"c%d\",\"name\":\"f%d\","
                   "\"arguments\":\"{}\"},",
                   i, i);
    }
    for (int i = CALLS - 1; i >= 0; i--) {
        buf_printf(&body,
                   "{\"type\":\"function_call_output\",\"call_id\":\"c%d\",\"output\":\"%d\"}%s", i,
                   i, i == 0 ? "]}" : ",");
    }
    request_read(&r, DIALECT_OPENAI_RESPONSES, buf_slice(&body));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.message_count, CALLS + 1);
    EXPECT_SLICE(r.chat.messages[1].parts[0].name, "f299");
    EXPECT_SLICE(r.chat.messages[CALLS].parts[1].text, "0");
    request_release(&r);
    buf_release(&body);
}

static void the_assistants_items_are_one_turn(void)
{
    struct request r;
    request_read(
        &r, DIALECT_OPENAI_RESPONSES,
        SLICE(INPUT("{\"type\":\"reasoning\",\"summary\":[{\"text\":\"a\"},{\"text\":\"b\"},"
                    "{\"text\":\"\"}],\"encrypted_content\":\"theirs\"},"
                    "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
                    "\"sluice.seal.anthropic:S:1\"},"
                    "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
                    "\"sluice.data.gemini:D\"},"
                    "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
                    "\"sluice.data.nobody:D\"},"
                    "{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":"
                    "\"c\"}],\"odd\":1},"
                    "{\"type\":\"custom_tool_call\",\"call_id\":\"d\",\"name\":\"patch\","
                    "\"namespace\":\"n\",\"input\":\"+\"},"
                    "{\"type\":\"odd_call\"},{\"type\":7}," USER)));
    EXPECT(r.ok);
    EXPECT_INT(r.chat.message_count, 2);
    const struct chat_message *turn = &r.chat.messages[0];
    EXPECT_INT(turn->part_count, 8);
    EXPECT_SLICE(turn->parts[0].text, "a\\n\\nb\\n\\n");
    EXPECT(turn->parts[0].data.ptr == NULL && turn->parts[0].signature.ptr == NULL);
    EXPECT_SLICE(turn->parts[1].signature, "S:1");
    EXPECT_INT(turn->parts[1].maker, DIALECT_ANTHROPIC);
    EXPECT_SLICE(turn->parts[2].data, "D");
    EXPECT_INT(turn->parts[2].maker, DIALECT_GEMINI);
    EXPECT(turn->parts[3].data.ptr == NULL);
    EXPECT_SLICE(turn->parts[4].text, "c");
    EXPECT(turn->parts[5].custom);
    EXPECT_SLICE(turn->parts[5].name, "n__patch");
    EXPECT_INT(turn->parts[6].kind, PART_UNKNOWN);
    EXPECT_SLICE(turn->parts[7].raw, "{\"type\":7}");
    EXPECT_SLICE(turn->extras[0].key, "odd");
    request_release(&r);
}

static void what_may_be_elsewhere_is_no_orphan(void)
{
    static const char *const bodies[] = {
        "{\"previous_response_id\":\"resp_1\",\"input\":[{\"type\":\"function_call_output\","
        "\"call_id\":\"c\",\"output\":\"x\"}]}",
        "{\"conversation\":\"conv_1\",\"input\":[{\"type\":\"function_call_output\","
        "\"call_id\":\"c\",\"output\":\"x\"}]}",
        INPUT("{\"type\":\"item_reference\",\"id\":\"fc_1\"},{\"type\":\"function_call_output\","
              "\"call_id\":\"c\",\"output\":\"x\"}"),
        "{\"prompt\":{\"id\":\"p\"}}",
        "{\"previous_response_id\":\"resp_1\",\"input\":[]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct request r;
        request_read(&r, DIALECT_OPENAI_RESPONSES, slice_from_cstr(bodies[i]));
        EXPECT(r.ok);
        request_release(&r);
    }
}

static void a_small_budget_is_an_error(void)
{
    static const char body[] =
        BODY("\"instructions\":\"i\",\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"tools\":["
             "{\"type\":\"function\",\"name\":\"f\"}]}],\"odd\":1");
    static const char items[] =
        INPUT("{\"type\":\"reasoning\",\"summary\":[{\"text\":\"a\"},{\"text\":\"b\"}]},"
              "{\"role\":\"assistant\",\"content\":\"x\",\"odd\":1},"
              "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"namespace\":\"n\","
              "\"arguments\":\"\"},{\"type\":\"web_search_call\"},"
              "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"y\"}," USER);
    const char *const bodies[] = {body, items};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        bool ok = false;
        for (size_t budget = 0; !ok; budget += 16) {
            struct request r = {.ok = false};
            json_doc_init(&r.doc);
            arena_init(&r.arena, budget);
            ok =
                dialect_of(DIALECT_OPENAI_RESPONSES)
                    ->read_request(slice_from_cstr(bodies[i]), &r.doc, &r.arena, &r.chat, &r.error);
            EXPECT(ok || strcmp(r.error.code, "request_too_large") == 0);
            request_release(&r);
        }
    }
}

int main(void)
{
    TEST(refuses_wrong_members, "wrong members are refused with a pointer");
    TEST(refuses_wrong_items, "wrong items and parts are refused with a pointer");
    TEST(reads_members, "members have their canonical form");
    TEST(results_move_up_to_their_calls, "results move up to the turn that made their calls");
    TEST(many_calls_find_their_results, "hundreds of calls find their results");
    TEST(the_assistants_items_are_one_turn, "consecutive items of the assistant are one turn");
    TEST(what_may_be_elsewhere_is_no_orphan, "a result whose call may be elsewhere is no orphan");
    TEST(a_small_budget_is_an_error, "a request beyond the memory of a call is an error");
    return tap_done();
}
