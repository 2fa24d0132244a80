/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's requests: what the canonical chat says of them, and what is refused, with which
 * pointer. */
#include "tests/unit/dialect/fixture.h"

static void read_text(struct request *request, const char *text)
{
    request_read(request, DIALECT_ANTHROPIC, slice_from_cstr(text));
    if (!request->ok) {
        printf("# %s at %s: %s\n", request->error.code, request->error.pointer,
               request->error.text);
    }
    EXPECT(request->ok);
}

static void expect_refused(const char *text, const char *code, const char *pointer)
{
    struct request request;
    request_read(&request, DIALECT_ANTHROPIC, slice_from_cstr(text));
    if (request.ok) {
        printf("# taken: %s\n", text);
        EXPECT(false);
    } else {
        EXPECT_SLICE(slice_from_cstr(request.error.code), code);
        EXPECT_SLICE(slice_from_cstr(request.error.pointer), pointer);
    }
    request_release(&request);
}

/* The messages with one of their own in the middle. */
static void expect_turn_refused(const char *turn, const char *code, const char *pointer)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "{\"max_tokens\":1,\"messages\":[%s]}", turn);
    expect_refused(text, code, pointer);
}

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static void the_top_level_says_what_it_says(void)
{
    struct request r;
    read_text(&r, "{\"model\":\"m\",\"max_tokens\":7,\"stream\":true,\"temperature\":0.5,"
                  "\"top_p\":1,\"top_k\":3,\"stop_sequences\":[\"a\",\"b\"],"
                  "\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"standard_only\"," HELLO "}");
    EXPECT_SLICE(r.chat.model, "m");
    EXPECT_INT(r.chat.max_tokens, 7);
    EXPECT(r.chat.stream && r.chat.include_usage);
    EXPECT_SLICE(r.chat.temperature, "0.5");
    EXPECT_SLICE(r.chat.top_p, "1");
    EXPECT_SLICE(r.chat.top_k, "3");
    EXPECT_INT(r.chat.stop_count, 2);
    EXPECT_SLICE(r.chat.user, "u");
    EXPECT_SLICE(r.chat.service_tier, "default");
    EXPECT_INT(r.chat.extra_count, 0);
    EXPECT_INT(r.chat.dialect, DIALECT_ANTHROPIC);
    EXPECT(r.chat.needs == CAPABILITY_STREAMING);
    request_release(&r);
    read_text(&r, "{\"max_tokens\":null,\"stream\":null,\"system\":null,\"metadata\":null,"
                  "\"tools\":null,\"tool_choice\":null,\"thinking\":null,\"output_config\":null,"
                  "\"stop_sequences\":null," HELLO "}");
    EXPECT_INT(r.chat.max_tokens, 0);
    EXPECT(!r.chat.stream && !r.chat.include_usage);
    request_release(&r);
    read_text(&r, "{\"max_tokens\":0," HELLO "}"); /* fills the cache only */
    EXPECT_INT(r.chat.max_tokens, 1);
    request_release(&r);
}

static void the_top_level_is_strict(void)
{
    expect_refused("[]", "invalid_type", "");
    expect_refused("{", "invalid_json", "");
    expect_refused("{}", "missing_messages", "/messages");
    expect_refused("{\"messages\":{}}", "invalid_type", "/messages");
    expect_refused("{\"messages\":[]}", "empty_messages", "/messages");
    expect_refused("{\"max_tokens\":-1," HELLO "}", "invalid_max_tokens", "/max_tokens");
    expect_refused("{\"max_tokens\":1.5," HELLO "}", "invalid_max_tokens", "/max_tokens");
    expect_refused("{\"max_tokens\":\"1\"," HELLO "}", "invalid_max_tokens", "/max_tokens");
    expect_refused("{\"model\":1," HELLO "}", "invalid_type", "/model");
    expect_refused("{\"stream\":1," HELLO "}", "invalid_type", "/stream");
    expect_refused("{\"temperature\":\"1\"," HELLO "}", "invalid_type", "/temperature");
    expect_refused("{\"top_p\":[]," HELLO "}", "invalid_type", "/top_p");
    expect_refused("{\"top_k\":true," HELLO "}", "invalid_type", "/top_k");
    expect_refused("{\"stop_sequences\":\"a\"," HELLO "}", "invalid_type", "/stop_sequences");
    expect_refused("{\"stop_sequences\":[1]," HELLO "}", "invalid_type", "/stop_sequences");
    expect_refused("{\"metadata\":1," HELLO "}", "invalid_type", "/metadata");
    expect_refused("{\"metadata\":{\"user_id\":1}," HELLO "}", "invalid_type", "/metadata/user_id");
    expect_refused("{\"service_tier\":1," HELLO "}", "invalid_type", "/service_tier");
    expect_refused("{\"sluice\":1," HELLO "}", "invalid_type", "/sluice");
    expect_refused("{\"models\":[1]," HELLO "}", "invalid_type", "/models");
    expect_refused("{\"model\":\"a\",\"model\":\"b\"," HELLO "}", "duplicate_member", "/model");
    expect_refused("{\"Model\":\"a\"," HELLO "}", "ambiguous_member", "/model");
    expect_refused("{\"metadata\":{\"user_id\":\"a\",\"user_id\":\"b\"}," HELLO "}",
                   "duplicate_member", "/metadata/user_id");
}

static void thinking_and_output_are_strict(void)
{
    expect_refused("{\"thinking\":1," HELLO "}", "invalid_type", "/thinking");
    expect_refused("{\"thinking\":{}," HELLO "}", "missing_member", "/thinking/type");
    expect_refused("{\"thinking\":{\"type\":\"enabled\"}," HELLO "}", "missing_member",
                   "/thinking/budget_tokens");
    expect_refused("{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1023}," HELLO "}",
                   "invalid_value", "/thinking/budget_tokens");
    expect_refused("{\"thinking\":{\"type\":\"adaptive\",\"display\":1}," HELLO "}", "invalid_type",
                   "/thinking/display");
    expect_refused("{\"thinking\":{\"type\":\"a\",\"type\":\"b\"}," HELLO "}", "duplicate_member",
                   "/thinking/type");
    expect_refused("{\"output_config\":1," HELLO "}", "invalid_type", "/output_config");
    expect_refused("{\"output_config\":{\"effort\":1}," HELLO "}", "invalid_type",
                   "/output_config/effort");
    expect_refused("{\"output_config\":{\"format\":1}," HELLO "}", "invalid_type",
                   "/output_config/format");
    expect_refused("{\"output_config\":{\"format\":{}}," HELLO "}", "missing_member",
                   "/output_config/format/type");
    expect_refused("{\"output_config\":{\"format\":{\"type\":\"json_schema\"}}," HELLO "}",
                   "missing_member", "/output_config/format/schema");
    expect_refused("{\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":1}}," HELLO
                   "}",
                   "invalid_type", "/output_config/format/schema");
}

static void expect_thinking(const char *members, enum thinking thinking, const char *effort,
                            size_t extras)
{
    struct request r;
    char text[512];
    (void)snprintf(text, sizeof text, "{\"max_tokens\":9,%s," HELLO "}", members);
    read_text(&r, text);
    EXPECT_INT(r.chat.thinking, thinking);
    EXPECT_SLICE(r.chat.reasoning_effort, effort);
    EXPECT_INT(r.chat.extra_count, extras);
    request_release(&r);
}

static void thinking_is_a_mode_a_budget_and_an_effort(void)
{
    expect_thinking("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8000}", THINKING_ON,
                    "medium", 0);
    expect_thinking("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":90000}", THINKING_ON,
                    "max", 0);
    expect_thinking("\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}",
                    THINKING_ADAPTIVE, "low", 0);
    expect_thinking("\"thinking\":{\"type\":\"disabled\"}", THINKING_OFF, "", 0);
    expect_thinking("\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"effort\":\"low\"}",
                    THINKING_OFF, "", 1);
    expect_thinking("\"thinking\":{\"type\":\"between_tools\"}", THINKING_UNSET, "", 1);
    expect_thinking("\"output_config\":{\"format\":{\"type\":\"grammar\"}}", THINKING_UNSET, "", 1);
    expect_thinking("\"output_config\":{\"task_budget\":1}", THINKING_UNSET, "", 1);
}

static bool shows(const char *thinking)
{
    struct request r;
    char text[512];
    (void)snprintf(text, sizeof text, "{\"max_tokens\":9,\"thinking\":%s," HELLO "}", thinking);
    read_text(&r, text);
    bool shown = r.chat.show_thinking;
    request_release(&r);
    return shown;
}

static void a_client_that_asks_for_thinking_sees_it_unless_it_says_no(void)
{
    EXPECT(shows("{\"type\":\"adaptive\"}"));
    EXPECT(shows("{\"type\":\"enabled\",\"budget_tokens\":1024,\"display\":\"summarized\"}"));
    EXPECT(!shows("{\"type\":\"adaptive\",\"display\":\"omitted\"}"));
    EXPECT(!shows("{\"type\":\"disabled\"}"));
    EXPECT(!shows("null"));
}

static void tools_are_strict(void)
{
    expect_refused("{\"tools\":{}," HELLO "}", "invalid_type", "/tools");
    expect_refused("{\"tools\":[1]," HELLO "}", "invalid_type", "/tools/0");
    expect_refused("{\"tools\":[{}]," HELLO "}", "missing_member", "/tools/0/name");
    expect_refused("{\"tools\":[{\"name\":\"\"}]," HELLO "}", "invalid_value", "/tools/0/name");
    expect_refused("{\"tools\":[{\"name\":\"f\",\"input_schema\":1}]," HELLO "}", "invalid_type",
                   "/tools/0/input_schema");
    expect_refused("{\"tools\":[{\"name\":\"f\",\"description\":1}]," HELLO "}", "invalid_type",
                   "/tools/0/description");
    expect_refused("{\"tools\":[{\"name\":\"f\",\"strict\":1}]," HELLO "}", "invalid_type",
                   "/tools/0/strict");
    expect_refused("{\"tools\":[{\"name\":\"f\",\"cache_control\":1}]," HELLO "}", "invalid_type",
                   "/tools/0/cache_control");
    expect_refused("{\"tools\":[{\"name\":\"f\",\"Name\":\"g\"}]," HELLO "}", "ambiguous_member",
                   "/tools/0/name");
    expect_refused("{\"tools\":[{\"name\":\"f\"},{\"type\":1}]," HELLO "}", "invalid_type",
                   "/tools/1/type");
    expect_refused("{\"tool_choice\":\"auto\"," HELLO "}", "invalid_type", "/tool_choice");
    expect_refused("{\"tool_choice\":{}," HELLO "}", "missing_member", "/tool_choice/type");
    expect_refused("{\"tool_choice\":{\"type\":\"some\"}," HELLO "}", "invalid_value",
                   "/tool_choice/type");
    expect_refused("{\"tool_choice\":{\"type\":\"tool\"}," HELLO "}", "missing_member",
                   "/tool_choice/name");
    expect_refused("{\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":1}," HELLO "}",
                   "invalid_type", "/tool_choice/disable_parallel_tool_use");
    expect_refused("{\"max_tokens\":9,\"tool_choice\":{\"type\":\"any\"}," HELLO "}",
                   "invalid_value", "/tool_choice");
    expect_refused("{\"max_tokens\":9,\"tools\":[{\"name\":\"f\"}],\"tool_choice\":{\"type\":"
                   "\"tool\",\"name\":\"g\"}," HELLO "}",
                   "invalid_value", "/tool_choice");
}

static void tools_and_the_choice_among_them_are_read(void)
{
    struct request r;
    read_text(&r, "{\"max_tokens\":9,\"tools\":[{\"type\":\"custom\",\"name\":\"f\","
                  "\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},\"strict\":false,"
                  "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},"
                  "{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}],"
                  "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\","
                  "\"disable_parallel_tool_use\":false}," HELLO "}");
    EXPECT_INT(r.chat.tool_count, 2);
    EXPECT_INT(r.chat.tools[0].kind, TOOL_FUNCTION);
    EXPECT_SLICE(r.chat.tools[0].parameters, "{\"type\":\"object\"}");
    EXPECT_INT(r.chat.tools[0].strict, 0);
    EXPECT_INT(r.chat.tools[0].cache, CACHE_MARK_1H);
    EXPECT_INT(r.chat.tools[1].kind, TOOL_OTHER);
    EXPECT(r.chat.tools[1].name.ptr == NULL && r.chat.tools[1].raw.len > 0);
    EXPECT_INT(r.chat.tool_choice, TOOL_CHOICE_NAMED);
    EXPECT_SLICE(r.chat.tool_choice_name, "f");
    EXPECT_INT(r.chat.parallel_tool_calls, 1);
    EXPECT((r.chat.needs & CAPABILITY_TOOLS) != 0);
    request_release(&r);
}

static void blocks_are_strict(void)
{
    expect_turn_refused("1", "invalid_type", "/messages/0");
    expect_turn_refused("{\"content\":\"a\"}", "missing_member", "/messages/0/role");
    expect_turn_refused("{\"role\":\"tool\",\"content\":\"a\"}", "invalid_role",
                        "/messages/0/role");
    expect_turn_refused("{\"role\":\"developer\",\"content\":\"a\"}", "invalid_role",
                        "/messages/0/role");
    expect_turn_refused("{\"role\":\" \",\"content\":\"a\"}", "invalid_role", "/messages/0/role");
    expect_turn_refused("{\"role\":\"user\"}", "missing_member", "/messages/0/content");
    expect_turn_refused("{\"role\":\"user\",\"content\":1}", "invalid_type", "/messages/0/content");
    expect_turn_refused("{\"role\":\"user\",\"content\":[]}", "invalid_value",
                        "/messages/0/content");
    expect_turn_refused("{\"role\":\"user\",\"content\":[\"a\"]}", "invalid_type",
                        "/messages/0/content/0");
    expect_turn_refused("{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]}", "missing_member",
                        "/messages/0/content/0/type");
    expect_turn_refused("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}", "missing_member",
                        "/messages/0/content/0/text");
    expect_turn_refused("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}",
                        "invalid_type", "/messages/0/content/0/text");
    expect_turn_refused("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
                        "\"text\":\"b\"}]}",
                        "duplicate_member", "/messages/0/content/0/text");
    expect_turn_refused("{\"role\":\"user\",\"content\":[{\"type\":\"thinking\","
                        "\"thinking\":\"a\"}]}",
                        "invalid_value", "/messages/0/content/0/type");
    expect_turn_refused("{\"role\":\"user\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\","
                        "\"name\":\"f\",\"input\":{}}]}",
                        "invalid_value", "/messages/0/content/0/type");
    expect_turn_refused("{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_result\","
                        "\"tool_use_id\":\"a\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},"
                        "{\"type\":\"text\",\"text\":\"y\"}]}]}",
                        "invalid_value", "/messages/0/content/0/type");
    expect_turn_refused("{\"role\":\"system\",\"content\":[{\"type\":\"image\",\"source\":"
                        "{\"type\":\"url\",\"url\":\"x\"}}]}",
                        "invalid_value", "/messages/0/content/0/type");
}

static void expect_block_refused(const char *role, const char *block, const char *code,
                                 const char *member)
{
    char turn[512];
    char pointer[128];
    (void)snprintf(turn, sizeof turn, "{\"role\":\"%s\",\"content\":[%s]}", role, block);
    (void)snprintf(pointer, sizeof pointer, "/messages/0/content/0/%s", member);
    expect_turn_refused(turn, code, pointer);
}

static void the_members_of_blocks_are_strict(void)
{
    expect_block_refused("user", "{\"type\":\"image\"}", "missing_member", "source");
    expect_block_refused("user", "{\"type\":\"image\",\"source\":1}", "invalid_type", "source");
    expect_block_refused("user", "{\"type\":\"image\",\"source\":{}}", "missing_member",
                         "source/type");
    expect_block_refused("user", "{\"type\":\"image\",\"source\":{\"type\":\"url\"}}",
                         "missing_member", "source/url");
    expect_block_refused("user", "{\"type\":\"image\",\"source\":{\"type\":\"file\"}}",
                         "missing_member", "source/file_id");
    expect_block_refused("user",
                         "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}",
                         "missing_member", "source/media_type");
    expect_block_refused("user",
                         "{\"type\":\"image\",\"source\":{\"type\":\"base64\","
                         "\"media_type\":\"image/png\",\"data\":\"AA!A\"}}",
                         "invalid_base64", "source/data");
    expect_block_refused("user",
                         "{\"type\":\"document\",\"source\":{\"type\":\"base64\","
                         "\"media_type\":\"application/pdf\",\"data\":\"AAA\"}}",
                         "invalid_base64", "source/data");
    expect_block_refused("user", "{\"type\":\"document\",\"source\":{\"type\":\"text\"}}",
                         "missing_member", "source/data");
    expect_block_refused("user", "{\"type\":\"text\",\"text\":\"a\",\"cache_control\":true}",
                         "invalid_type", "cache_control");
    expect_block_refused("assistant", "{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{}}",
                         "missing_member", "id");
    expect_block_refused("assistant", "{\"type\":\"tool_use\",\"id\":\"a\",\"input\":{}}",
                         "missing_member", "name");
    expect_block_refused("assistant", "{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\"}",
                         "missing_member", "input");
    expect_block_refused("assistant",
                         "{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":\"{}\"}",
                         "invalid_type", "input");
    expect_block_refused("assistant", "{\"type\":\"thinking\"}", "missing_member", "thinking");
    expect_block_refused("assistant", "{\"type\":\"thinking\",\"thinking\":\"a\",\"signature\":1}",
                         "invalid_type", "signature");
    expect_block_refused("assistant", "{\"type\":\"redacted_thinking\"}", "missing_member", "data");
}

#define CALL                                                                                       \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\","     \
    "\"input\":{}}]},"

static void results_answer_calls(void)
{
    expect_turn_refused("{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                        "\"tool_use_id\":\"a\"}]}",
                        "orphan_tool_result", "/messages/0/content/0/tool_use_id");
    expect_turn_refused(CALL "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},"
                             "{\"type\":\"tool_result\",\"tool_use_id\":\"b\"}]}",
                        "orphan_tool_result", "/messages/1/content/1/tool_use_id");
    expect_turn_refused(CALL "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\"}]}",
                        "missing_member", "/messages/1/content/0/tool_use_id");
    expect_turn_refused(CALL "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                             "\"tool_use_id\":\"a\",\"is_error\":1}]}",
                        "invalid_type", "/messages/1/content/0/is_error");
    expect_turn_refused(CALL "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                             "\"tool_use_id\":\"a\",\"content\":1}]}",
                        "invalid_type", "/messages/1/content/0/content");
    expect_turn_refused(CALL "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                             "\"tool_use_id\":\"a\",\"content\":[1]}]}",
                        "invalid_type", "/messages/1/content/0");
    expect_turn_refused(CALL "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                             "\"tool_use_id\":\"a\",\"content\":[{\"type\":\"tool_result\","
                             "\"tool_use_id\":\"a\"}]}]}",
                        "invalid_value", "/messages/1/content/0/content");
}

/* Case 26: the results of one turn. */
static void a_turn_with_results_becomes_their_messages_and_the_users(void)
{
    struct request r;
    read_text(&r,
              "{\"max_tokens\":9,\"messages\":[" CALL
              "{\"role\":\"user\",\"x\":1,\"content\":[{\"type\":\"text\",\"text\":\"so\"},"
              "{\"type\":\"tool_result\",\"tool_use_id\":\"\\u0061\",\"is_error\":true,"
              "\"content\":[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"search_result\"}]}]}]}");
    EXPECT_INT(r.chat.message_count, 3);
    EXPECT_INT(r.chat.messages[1].role, ROLE_TOOL);
    EXPECT_INT(r.chat.messages[1].part_count, 3);
    EXPECT_INT(r.chat.messages[1].parts[0].kind, PART_TOOL_RESULT);
    EXPECT(r.chat.messages[1].parts[0].is_error);
    EXPECT_SLICE(r.chat.messages[1].parts[0].name, "f");
    EXPECT_INT(r.chat.messages[1].parts[2].kind, PART_UNKNOWN);
    EXPECT_INT(r.chat.messages[2].role, ROLE_USER);
    EXPECT_SLICE(r.chat.messages[2].parts[0].text, "so");
    EXPECT_INT(r.chat.messages[2].extra_count, 1);
    EXPECT_SLICE(r.chat.messages[2].extras[0].key, "x");
    request_release(&r);
}

static void a_turn_may_hold_256_calls(void)
{
    for (int count = 256; count <= 257; count++) {
        struct buf text = BUF_INIT(FIXTURE_LIMIT);
        struct request r;
        buf_append(&text,
                   SLICE("{\"max_tokens\":1,\"messages\":[{\"role\":\"assistant\",\"content\":["));
        for (int i = 0; i < count; i++) {
            buf_printf(&text,
                       "%s{\"type\":\"tool_use\",\"id\":\"c%d\",\"name\":\"f\",\"input\":{}}",
                       i > 0 ? "," : "", i);
        }
        buf_append(&text, SLICE("]},{\"role\":\"user\",\"content\":["));
        for (int i = 255; i >= 0; i--) {
            buf_printf(&text, "%s{\"type\":\"tool_result\",\"tool_use_id\":\"c%d\"}",
                       i < 255 ? "," : "", i);
        }
        buf_append(&text, SLICE("]}]}"));
        request_read(&r, DIALECT_ANTHROPIC, buf_slice(&text));
        EXPECT(r.ok == (count == 256));
        EXPECT(count == 256 ? r.chat.message_count == 257
                            : strcmp(r.error.pointer, "/messages/0/content") == 0);
        request_release(&r);
        buf_release(&text);
    }
}

static void system_prompts_are_messages(void)
{
    struct request r;
    read_text(&r, "{\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":"
                  "\"x-anthropic-billing-header: a\"},{\"type\":\"text\",\"text\":\"b\"}],"
                  "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
                  "{\"role\":\"system\",\"content\":\"later\"}]}");
    EXPECT_INT(r.chat.message_count, 3);
    EXPECT_INT(r.chat.messages[0].role, ROLE_SYSTEM);
    EXPECT_INT(r.chat.messages[0].part_count, 1);
    EXPECT_SLICE(r.chat.messages[0].parts[0].text, "b");
    EXPECT_INT(r.chat.messages[2].role, ROLE_SYSTEM);
    request_release(&r);
    read_text(&r, "{\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":"
                  "\"x-anthropic-billing-header: a\"}]," HELLO "}");
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_INT(r.chat.messages[0].role, ROLE_USER);
    request_release(&r);
    read_text(&r, "{\"max_tokens\":9,\"system\":[]," HELLO "}");
    EXPECT_INT(r.chat.message_count, 1);
    request_release(&r);
    expect_refused("{\"system\":1," HELLO "}", "invalid_type", "/system");
    expect_refused("{\"system\":[1]," HELLO "}", "invalid_type", "/system/0");
    expect_refused("{\"system\":[{\"type\":\"tool_result\"}]," HELLO "}", "invalid_value",
                   "/system/0/type");
    expect_refused("{\"system\":[{\"type\":\"thinking\",\"thinking\":\"a\"}]," HELLO "}",
                   "invalid_value", "/system/0/type");
}

static void documents_of_text_are_texts(void)
{
    struct request r;
    read_text(&r,
              "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":["
              "{\"type\":\"document\",\"title\":\"t\",\"source\":{\"type\":\"text\","
              "\"media_type\":\"text/plain\",\"data\":\"words\"}},"
              "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[]}},"
              "{\"type\":\"image\",\"source\":{\"type\":\"text\",\"data\":\"x\"}},"
              "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
              "\"data\":\"QUI\\/Pg==\"}}]}]}");
    EXPECT_INT(r.chat.messages[0].parts[0].kind, PART_TEXT);
    EXPECT_SLICE(r.chat.messages[0].parts[0].text, "words");
    EXPECT_INT(r.chat.messages[0].parts[1].kind, PART_UNKNOWN);
    EXPECT_INT(r.chat.messages[0].parts[2].kind, PART_UNKNOWN);
    EXPECT_INT(r.chat.messages[0].parts[3].kind, PART_IMAGE);
    EXPECT((r.chat.needs & CAPABILITY_VISION) != 0);
    request_release(&r);
}

/* Case 17: what was wrapped for Anthropic's alphabet is itself again. */
static void wrapped_ids_are_unwrapped(void)
{
    static const struct {
        const char *wire;
        const char *id;
    } ids[] = {
        {"toolu_01", "toolu_01"},
        {"sluice_ZnVuY3Rpb25zLkJhc2g6MA", "functions.Bash:0"},
        {"sluice_", "sluice_"},
        {"sluice_YWI", "sluice_YWI"},   /* "ab": it would not have been wrapped */
        {"sluice_Z!", "sluice_Z!"},     /* no base64url */
        {"sluice_A", "sluice_A"},       /* half a byte */
        {"sluice_gICA", "sluice_gICA"}, /* no UTF-8 */
        {"sluice_LiJ", "sluice_LiJ"},   /* bits left over */
        {"sluice_LiIu", ".\\\"."},
    };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char text[256];
        struct request r;
        (void)snprintf(text, sizeof text,
                       "{\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[{"
                       "\"type\":\"tool_use\",\"id\":\"%s\",\"name\":\"f\",\"input\":{}}]}]}",
                       ids[i].wire);
        read_text(&r, text);
        EXPECT_SLICE(r.chat.messages[0].parts[0].id, ids[i].id);
        request_release(&r);
    }
}

static void a_count_is_no_chat(void)
{
    struct request r;
    memset(&r, 0, sizeof r);
    json_doc_init(&r.doc);
    arena_init(&r.arena, FIXTURE_LIMIT);
    r.chat.operation = OPERATION_TOKEN_COUNT;
    EXPECT(dialect_of(DIALECT_ANTHROPIC)
               ->read_request(SLICE("{\"stream\":true," HELLO "}"), &r.doc, &r.arena, &r.chat,
                              &r.error));
    EXPECT_INT(r.chat.operation, OPERATION_TOKEN_COUNT);
    EXPECT(!r.chat.stream);
    request_release(&r);
}

/* Every size of memory up to the one that is enough ends in a refusal, not in a crash. */
static void without_memory_requests_are_refused(void)
{
    struct slice body = SLICE(
        "{\"max_tokens\":9,\"stop_sequences\":[\"a\"],\"x\":1,\"system\":[{\"type\":\"text\","
        "\"text\":\"s\"}],\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"user\","
        "\"content\":\"a\",\"y\":1},{\"role\":\"assistant\",\"content\":[{\"type\":"
        "\"tool_use\",\"id\":\"sluice_LiIu\",\"name\":\"f\",\"input\":{}}]},{\"role\":"
        "\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"sluice_LiIu\"}]}]}");
    bool done = false;
    for (size_t budget = 0; budget < 65536 && !done; budget += 16) {
        struct request r;
        memset(&r, 0, sizeof r);
        json_doc_init(&r.doc);
        arena_init(&r.arena, budget);
        done =
            dialect_of(DIALECT_ANTHROPIC)->read_request(body, &r.doc, &r.arena, &r.chat, &r.error);
        EXPECT(done || strcmp(r.error.code, "request_too_large") == 0 ||
               strcmp(r.error.code, "orphan_tool_result") == 0);
        request_release(&r);
    }
    EXPECT(done);
}

int main(void)
{
    TEST(the_top_level_says_what_it_says, "the top level is read");
    TEST(the_top_level_is_strict, "the top level is read strictly");
    TEST(thinking_and_output_are_strict, "thinking and output_config are read strictly");
    TEST(thinking_is_a_mode_a_budget_and_an_effort, "thinking is a mode, a budget and an effort");
    TEST(a_client_that_asks_for_thinking_sees_it_unless_it_says_no,
         "a client that asks for thinking sees it unless it says no");
    TEST(tools_are_strict, "tools are read strictly");
    TEST(tools_and_the_choice_among_them_are_read, "tools and the choice among them are read");
    TEST(blocks_are_strict, "blocks stand where they may");
    TEST(the_members_of_blocks_are_strict, "the members of blocks are read strictly");
    TEST(results_answer_calls, "a result without its call is refused");
    TEST(a_turn_with_results_becomes_their_messages_and_the_users,
         "a turn with results becomes their messages and the user's");
    TEST(a_turn_may_hold_256_calls, "a turn may hold 256 calls");
    TEST(system_prompts_are_messages, "system prompts are messages, wherever they stand");
    TEST(documents_of_text_are_texts, "documents of plain text are texts");
    TEST(wrapped_ids_are_unwrapped, "ids that were wrapped for Anthropic are themselves again");
    TEST(a_count_is_no_chat, "a request to count stays one");
    TEST(without_memory_requests_are_refused, "without memory requests are refused");
    return tap_done();
}
