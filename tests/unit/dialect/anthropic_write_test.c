/* SPDX-License-Identifier: Apache-2.0 */
/* The translate lane towards Anthropic: what Anthropic would refuse is put right or listed. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

static void write_chat(const struct chat *chat, const struct request_change *change,
                       const char *wanted, const char *wanted_loss)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    EXPECT(dialect_of(DIALECT_ANTHROPIC)->write_request(chat, change, &out, &loss, &error));
    EXPECT(is_json(buf_slice(&out)));
    EXPECT_SLICE(buf_slice(&out), wanted);
    EXPECT_SLICE(slice_of(loss.text, loss.len), wanted_loss);
    buf_release(&out);
}

/* An OpenAI request becomes this one. */
static void expect_written_as(const char *text, const struct request_change *change,
                              const char *wanted, const char *wanted_loss)
{
    struct request request;
    request_read(&request, DIALECT_OPENAI_CHAT, slice_from_cstr(text));
    EXPECT(request.ok);
    write_chat(&request.chat, change, wanted, wanted_loss);
    request_release(&request);
}

static void expect_written(const char *text, const char *wanted, const char *wanted_loss)
{
    const struct request_change change = {.model = SLICE("m")};
    expect_written_as(text, &change, wanted, wanted_loss);
}

static void expect_refused(const char *text, const char *pointer)
{
    const struct request_change change = {.model = SLICE("m")};
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    request_read(&request, DIALECT_OPENAI_CHAT, slice_from_cstr(text));
    EXPECT(request.ok);
    EXPECT(
        !dialect_of(DIALECT_ANTHROPIC)->write_request(&request.chat, &change, &out, &loss, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "untranslatable");
    EXPECT_SLICE(slice_from_cstr(error.pointer), pointer);
    request_release(&request);
    buf_release(&out);
}

/* One user's turn and these members. */
static void expect_members(const char *members, const char *wanted, const char *wanted_loss)
{
    char text[1024];
    char whole[1024];
    (void)snprintf(text, sizeof text, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]%s}",
                   members);
    (void)snprintf(whole, sizeof whole,
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]%s}",
                   wanted);
    expect_written(text, whole, wanted_loss);
}

static void expect_messages(const char *messages, const char *wanted, const char *wanted_loss)
{
    char text[2048];
    char whole[2048];
    (void)snprintf(text, sizeof text, "{\"messages\":[%s]}", messages);
    (void)snprintf(whole, sizeof whole, "{\"model\":\"m\",%s,\"max_tokens\":4096}", wanted);
    expect_written(text, whole, wanted_loss);
}

static void a_limit_is_always_there(void)
{
    struct request_change change = {.model = SLICE("m"), .default_max_tokens = 100};
    const char *text = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}";
    const char *limited =
        "{\"max_tokens\":200,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}";
#define WITH(tokens)                                                                               \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":" tokens \
    "}"
    expect_written_as(text, &change, WITH("100"), "");
    expect_written_as(limited, &change, WITH("200"), "");
    change.clamp_max_tokens = 50;
    expect_written_as(text, &change, WITH("50"), "");
    expect_written_as(limited, &change, WITH("50"), "");
    change = (struct request_change){.model = SLICE("m")};
    expect_written_as(text, &change, WITH("4096"), "");
    change = (struct request_change){.model = SLICE_EMPTY};
    expect_written_as("{\"model\":\"own\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
                      &change,
                      "{\"model\":\"own\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                      "\"max_tokens\":4096}",
                      "");
}

static void sampling_is_bent_to_what_anthropic_takes(void)
{
    expect_members(",\"temperature\":1.7", ",\"max_tokens\":4096,\"temperature\":1", "temperature");
    expect_members(",\"temperature\":1e0", ",\"max_tokens\":4096,\"temperature\":1e0", "");
    expect_members(",\"temperature\":0,\"top_p\":1.0", ",\"max_tokens\":4096,\"temperature\":0",
                   "");
    expect_members(",\"temperature\":0,\"top_p\":0.5", ",\"max_tokens\":4096,\"temperature\":0",
                   "top_p");
    expect_members(",\"top_p\":0.5", ",\"max_tokens\":4096,\"top_p\":0.5", "");
    expect_members(",\"temperature\":1e99", ",\"max_tokens\":4096,\"temperature\":1",
                   "temperature");
    expect_members(",\"seed\":1,\"frequency_penalty\":1,\"presence_penalty\":1,\"logprobs\":true",
                   ",\"max_tokens\":4096", "seed,frequency_penalty,presence_penalty,logprobs");
}

/* Case 21. */
#define TURN "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]"

static void stop_sequences_are_an_array_without_blanks(void)
{
    expect_members(",\"stop\":\"END\"", ",\"max_tokens\":4096,\"stop_sequences\":[\"END\"]", "");
    expect_refused("{" TURN ",\"stop\":[\"a\",\"\\n\\n\"]}", "/stop");
    expect_refused("{" TURN ",\"stop\":[\" \\u00a0\\u3000\"]}", "/stop");
    expect_refused("{" TURN ",\"stop\":\"\\t\"}", "/stop");
}

static void efforts_become_budgets_or_efforts(void)
{
    struct request_change change = {.model = SLICE("claude-opus-4-8")};
    const char *text = "{\"reasoning_effort\":\"minimal\",\"temperature\":0.5,\"top_p\":0.9,"
                       "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}";
    expect_written_as(text, &change,
                      "{\"model\":\"claude-opus-4-8\",\"thinking\":{\"type\":\"adaptive\"},"
                      "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"output_config\":{"
                      "\"effort\":\"low\"},\"max_tokens\":4096}",
                      "temperature,top_p");
    change.model = SLICE("anthropic.claude-sonnet-4-5-20250929-v1:0");
    expect_written_as(text, &change,
                      "{\"model\":\"anthropic.claude-sonnet-4-5-20250929-v1:0\",\"thinking\":{"
                      "\"type\":\"enabled\",\"budget_tokens\":1024},\"messages\":[{\"role\":"
                      "\"user\",\"content\":\"a\"}],\"max_tokens\":4608}",
                      "temperature,top_p");
    expect_written("{\"reasoning_effort\":\"high\",\"max_tokens\":3000,\"temperature\":1,"
                   "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
                   "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500},"
                   "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":3000,"
                   "\"temperature\":1}",
                   "");
    expect_written("{\"reasoning_effort\":\"high\",\"max_tokens\":1200,"
                   "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
                   "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},"
                   "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":1200}",
                   "");
    expect_members(",\"reasoning_effort\":\"high\",\"max_tokens\":1024", ",\"max_tokens\":1024",
                   "reasoning_effort");
    expect_members(",\"reasoning_effort\":\"odd\"", ",\"max_tokens\":4096", "reasoning_effort");
}

static void newer_models_take_no_sampling(void)
{
    const struct request_change newest = {.model = SLICE("claude-opus-4-8")};
#define TO_NEWEST                                                                                  \
    "{\"model\":\"claude-opus-4-8\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"         \
    "\"max_tokens\":4096}"
    expect_written_as("{\"temperature\":1,\"top_p\":0.5,\"messages\":[{\"role\":\"user\","
                      "\"content\":\"a\"}]}",
                      &newest, TO_NEWEST, "top_p");
    expect_written_as("{\"temperature\":0,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
                      &newest, TO_NEWEST, "temperature");
}

static void an_adaptive_wish_of_another_dialect_stays_adaptive(void)
{
    struct chat_part text = {.kind = PART_TEXT, .text = SLICE("a")};
    struct chat_message message = {.role = ROLE_USER, .parts = &text, .part_count = 1};
    struct chat chat = {.dialect = DIALECT_GEMINI,
                        .messages = &message,
                        .message_count = 1,
                        .choices = 1,
                        .parallel_tool_calls = -1,
                        .thinking = THINKING_ADAPTIVE,
                        .thinking_budget = -1,
                        .show_thinking = true,
                        .top_k = SLICE("4"),
                        .verbosity = SLICE("low"),
                        .metadata = SLICE("{}"),
                        .service_tier = SLICE("flex")};
    const struct request_change change = {.model = SLICE("m")};
    write_chat(&chat, &change,
               "{\"model\":\"m\",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
               "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":4096}",
               "top_k,service_tier,verbosity,metadata");
    chat.thinking = THINKING_OFF;
    chat.top_k = SLICE_EMPTY;
    chat.metadata = SLICE_EMPTY;
    chat.verbosity = SLICE_EMPTY;
    chat.service_tier = SLICE("default");
    write_chat(&chat, &change,
               "{\"model\":\"m\",\"thinking\":{\"type\":\"disabled\"},\"messages\":[{\"role\":"
               "\"user\",\"content\":\"a\"}],\"max_tokens\":4096,\"service_tier\":"
               "\"standard_only\"}",
               "");
    chat.thinking = THINKING_ON; /* without a word how much */
    chat.service_tier = SLICE("auto");
    write_chat(&chat, &change,
               "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8192},"
               "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":12288}",
               "");
    chat.message_count = 0;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    EXPECT(!dialect_of(DIALECT_ANTHROPIC)->write_request(&chat, &change, &out, &loss, &error));
    EXPECT_SLICE(slice_from_cstr(error.pointer), "/contents");
    buf_release(&out);
}

#define TOOL                                                                                       \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":"     \
    "\"object\"}}}]"
#define WRITTEN_TOOL "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]"

static void a_forced_tool_excludes_thinking(void)
{
    expect_written("{\"reasoning_effort\":\"high\"," TOOL ",\"tool_choice\":\"required\"," TURN "}",
                   "{\"model\":\"m\"," WRITTEN_TOOL ",\"tool_choice\":{\"type\":\"any\"}," TURN
                   ",\"max_tokens\":28672}",
                   "reasoning_effort");
}

static void schemas_are_of_objects(void)
{
    expect_written("{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
                   "{ }}},{\"type\":\"function\",\"function\":{\"name\":\"g\",\"description\":"
                   "\"d\",\"strict\":false,\"parameters\":{\"properties\":{}}}},{\"type\":"
                   "\"function\",\"function\":{\"name\":\"h\",\"parameters\":{\"properties\":{},"
                   "\"type\":\"object\"}}}],\"parallel_tool_calls\":true," TURN "}",
                   "{\"model\":\"m\",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":"
                   "\"object\",\"properties\":{}}},{\"name\":\"g\",\"description\":\"d\","
                   "\"input_schema\":{\"type\":\"object\",\"properties\":{}}},{\"name\":\"h\","
                   "\"input_schema\":{\"properties\":{},\"type\":\"object\"}}]," TURN
                   ",\"max_tokens\":4096}",
                   "");
}

static void a_choice_without_tools_is_left_out(void)
{
    expect_written("{\"tools\":[{\"type\":\"web_search\"}],\"tool_choice\":\"auto\"," TURN "}",
                   "{\"model\":\"m\"," TURN ",\"max_tokens\":4096}", "tools");
    expect_refused("{\"tools\":[{\"type\":\"web_search\"}],\"tool_choice\":\"required\"," TURN "}",
                   "/tool_choice");
    expect_written("{" TOOL ",\"tool_choice\":\"none\",\"parallel_tool_calls\":false," TURN "}",
                   "{\"model\":\"m\"," WRITTEN_TOOL ",\"tool_choice\":{\"type\":\"none\"}," TURN
                   ",\"max_tokens\":4096}",
                   "");
}

#define CALLS                                                                                      \
    "{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"       \
    "\"functions.f:0\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}," \
    "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}"
#define WRITTEN_CALLS                                                                              \
    "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"       \
    "\"tool_choice\":{\"type\":\"none\"},\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{"    \
    "\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"sluice_ZnVuY3Rpb25zLmY6"  \
    "MA\",\"name\":\"f\",\"input\":{}},{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"f\","        \
    "\"input\":{}}]}"
#define RESULT(id, text) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"" text "\"}"
#define WRITTEN_RESULT(id, text)                                                                   \
    "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"" text "\"}"

/* Cases 17 and 26. */
static void results_come_in_one_turn_in_the_order_of_the_calls(void)
{
    expect_messages(
        CALLS "," RESULT("b", "2") "," RESULT("functions.f:0", "1") ",{\"role\":"
                                                                    "\"user\",\"content\":\"so?\"}",
        WRITTEN_CALLS ",{\"role\":\"user\",\"content\":[" WRITTEN_RESULT(
            "sluice_ZnVuY3Rpb25zLmY6MA",
            "1") "," WRITTEN_RESULT("b", "2") ",{"
                                              "\"type\":\"text\",\"text\":\"so?\"}]}]",
        "");
    /* A word of the system's between them, and the same result twice. */
    expect_messages(
        CALLS "," RESULT("b", "2") ",{\"role\":\"developer\",\"content\":\"!\"}," RESULT("b", "3"),
        WRITTEN_CALLS ",{\"role\":\"user\",\"content\":[" WRITTEN_RESULT(
            "b", "2") "," WRITTEN_RESULT("b", "3") ",{\"type\":\"text\",\"text\":\"!\"}]}]",
        "messages.3.role");
}

static void a_result_whose_call_is_not_before_it_comes_last(void)
{
    struct chat_part call = {.kind = PART_TOOL_CALL,
                             .id = SLICE("a"),
                             .name = SLICE("f"),
                             .arguments = SLICE(" {\"x\":1} ")};
    struct chat_part results[] = {{.kind = PART_TOOL_RESULT, .id = SLICE("z")},
                                  {.kind = PART_TOOL_RESULT, .id = SLICE("a")}};
    struct chat_part odd = {.kind = PART_TEXT, .text = SLICE("no result")};
    struct chat_message messages[] = {
        {.role = ROLE_ASSISTANT, .parts = &call, .part_count = 1},
        {.role = ROLE_TOOL, .parts = &results[0], .part_count = 1},
        {.role = ROLE_TOOL, .parts = &results[1], .part_count = 1},
        {.role = ROLE_TOOL, .parts = &odd, .part_count = 1},
    };
    struct chat chat = {.messages = messages,
                        .message_count = 4,
                        .choices = 1,
                        .parallel_tool_calls = -1,
                        .thinking_budget = -1};
    const struct request_change change = {.model = SLICE("m")};
    write_chat(&chat, &change,
               "{\"model\":\"m\",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\","
               "\"properties\":{}}}],\"tool_choice\":{\"type\":\"none\"},\"messages\":[{\"role\":"
               "\"user\",\"content\":\"(The assistant speaks first.)\"},{\"role\":\"assistant\","
               "\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{\"x\":1}"
               "}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
               "\"a\"},{\"type\":\"tool_result\",\"tool_use_id\":\"z\"},{\"type\":\"text\","
               "\"text\":\"no result\"}]}],\"max_tokens\":4096}",
               "messages.0.role");
}

/* Case 28. */
static void blank_texts_are_never_written(void)
{
    expect_messages("{\"role\":\"system\",\"content\":\"\"},{\"role\":\"user\",\"content\":\"\"},"
                    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\" \\n\"},"
                    "{\"type\":\"text\",\"text\":\"b\"}]},{\"role\":\"assistant\",\"content\":"
                    "\"\\t\"},{\"role\":\"user\",\"content\":\"c\"}",
                    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                    "\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}]",
                    "");
    expect_refused("{\"messages\":[{\"role\":\"user\",\"content\":\" \\u2003\xE2\x80\xA8\"}]}",
                   "/messages");
    expect_refused("{\"messages\":[{\"role\":\"system\",\"content\":\"only\"}]}", "/messages");
    expect_messages("{\"role\":\"user\",\"content\":\"\\u0041\"}",
                    "\"messages\":[{\"role\":\"user\",\"content\":\"\\u0041\"}]", "");
    expect_messages("{\"role\":\"user\",\"content\":\" \\ud83d\\ude00\"}",
                    "\"messages\":[{\"role\":\"user\",\"content\":\" \\ud83d\\ude00\"}]", "");
}

static void instructions_lead_or_become_texts_of_the_user(void)
{
    expect_messages("{\"role\":\"developer\",\"content\":\"d\",\"name\":\"n\"},{\"role\":\"user\","
                    "\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":"
                    "\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"c\"}",
                    "\"system\":\"d\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{"
                    "\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":[{"
                    "\"type\":\"text\",\"text\":\"s\"},{\"type\":\"text\",\"text\":\"c\"}]}]",
                    "messages.0.name,messages.3.role");
    expect_refused("{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"image_url\","
                   "\"image_url\":{\"url\":\"https://x\"}}]},{\"role\":\"user\",\"content\":"
                   "\"a\"}]}",
                   "/messages/0/content/0");
}

static void turns_of_one_role_are_joined(void)
{
    expect_messages("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
                    "\"b\"},{\"role\":\"assistant\",\"refusal\":\"c\"}",
                    "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
                    "\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":"
                    "\"c\"}]}]",
                    "");
}

static void what_anthropic_cannot_say_is_refused(void)
{
    expect_refused("{\"n\":2," TURN "}", "/n");
    expect_refused("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
                   "\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}]}]}",
                   "/messages/0/content/0");
    expect_refused("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                   "\"image_url\":{\"url\":\"data:image/png,raw\"}}]}]}",
                   "/messages/0/content/0");
    expect_refused("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                   "\"image_url\":{\"url\":\"ftp://x\"}}]}]}",
                   "/messages/0/content/0");
    expect_refused("{\"messages\":[" CALLS ",{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":"
                   "[{\"type\":\"video\"}]}]}",
                   "/messages/2/content/0");
    expect_refused("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
                   "\"content\":[{\"type\":\"video\"}]}]}",
                   "/messages/1/content/0");
}

/* Case 10. */
static void images_of_results_stay_in_them(void)
{
    expect_messages(CALLS ",{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":[{\"type\":"
                          "\"image_url\",\"image_url\":{\"url\":\"data:image/jpg;base64,AAAA\","
                          "\"detail\":\"auto\"}}]}",
                    WRITTEN_CALLS ",{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                                  "\"tool_use_id\":\"b\",\"content\":[{\"type\":\"image\","
                                  "\"source\":{\"type\":\"base64\",\"media_type\":\"image/jpeg\","
                                  "\"data\":\"AAAA\"}}]}]}]",
                    "");
}

/* --- what the canonical form can say and OpenAI's reader cannot --- */

static void cache_marks_are_written_four_at_most(void)
{
    struct chat_part parts[] = {
        {.kind = PART_TEXT, .text = SLICE("1"), .cache = CACHE_MARK_5M},
        {.kind = PART_TEXT, .text = SLICE("2"), .cache = CACHE_MARK_1H},
        {.kind = PART_IMAGE, .url = SLICE("http:u"), .cache = CACHE_MARK_5M},
        {.kind = PART_FILE, .url = SLICE("HTTPS:f"), .cache = CACHE_MARK_5M},
    };
    struct chat_message message = {.role = ROLE_USER, .parts = parts, .part_count = 4};
    struct chat_tool tool = {
        .kind = TOOL_CUSTOM, .name = SLICE("patch"), .cache = CACHE_MARK_5M, .strict = -1};
    struct chat chat = {.messages = &message,
                        .message_count = 1,
                        .tools = &tool,
                        .tool_count = 1,
                        .choices = 1,
                        .parallel_tool_calls = -1,
                        .thinking_budget = -1};
    const struct request_change change = {.model = SLICE("m")};
    write_chat(
        &chat, &change,
        "{\"model\":\"m\",\"tools\":[{\"name\":\"patch\",\"input_schema\":{\"type\":"
        "\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":["
        "\"input\"]}}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
        "\"text\":\"1\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\","
        "\"text\":\"2\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},{"
        "\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"http:u\"},\"cache_control\":{"
        "\"type\":\"ephemeral\"}},{\"type\":\"document\",\"source\":{\"type\":\"url\","
        "\"url\":\"HTTPS:f\"},\"cache_control\":{\"type\":\"ephemeral\"}}]}],\"max_tokens\":4096}",
        "cache_control");
}

static void calls_of_custom_tools_have_one_text(void)
{
    struct chat_part call = {.kind = PART_TOOL_CALL,
                             .id = SLICE("a"),
                             .name = SLICE("patch"),
                             .arguments = SLICE("say \\\"hi\\\""),
                             .arguments_text = true,
                             .custom = true};
    struct chat_part result[] = {
        {.kind = PART_TOOL_RESULT, .id = SLICE("a"), .is_error = true, .custom = true},
        {.kind = PART_TEXT, .text = SLICE("no"), .cache = CACHE_MARK_5M}};
    struct chat_part user = {.kind = PART_TEXT, .text = SLICE("u")};
    struct chat_message messages[] = {{.role = ROLE_USER, .parts = &user, .part_count = 1},
                                      {.role = ROLE_ASSISTANT, .parts = &call, .part_count = 1},
                                      {.role = ROLE_TOOL, .parts = result, .part_count = 2}};
    struct chat_tool tool = {.kind = TOOL_CUSTOM, .name = SLICE("patch"), .strict = -1};
    struct chat chat = {.messages = messages,
                        .message_count = 3,
                        .tools = &tool,
                        .tool_count = 1,
                        .choices = 1,
                        .parallel_tool_calls = -1,
                        .thinking_budget = -1};
    const struct request_change change = {.model = SLICE("m")};
    write_chat(&chat, &change,
               "{\"model\":\"m\",\"tools\":[{\"name\":\"patch\",\"input_schema\":{\"type\":"
               "\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":["
               "\"input\"]}}],\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":"
               "\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"patch\","
               "\"input\":{\"input\":\"say \\\"hi\\\"\"}}]},{\"role\":\"user\",\"content\":[{"
               "\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":[{\"type\":\"text\","
               "\"text\":\"no\",\"cache_control\":{\"type\":\"ephemeral\"}}],\"is_error\":true}]}],"
               "\"max_tokens\":4096}",
               "");
}

/* --- thoughts --- */

static bool recall(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    const struct opaque_state *state = user;
    if (!slice_eq(call_id, SLICE("b"))) {
        return false;
    }
    *ret_state = *state;
    return true;
}

/* Case 24, and a client whose dialect has no place for seals. */
static void thoughts_are_remembered_by_their_calls(void)
{
    struct opaque_state state = {.dialect = DIALECT_ANTHROPIC,
                                 .reasoning = SLICE("I \\u00e9"),
                                 .signature = SLICE("Eq=="),
                                 .data = SLICE("Em==")};
    struct request_change change = {.model = SLICE("m"), .recall = recall, .recall_user = &state};
    const char *text = "{\"reasoning_effort\":\"low\",\"messages\":[" CALLS
                       "," RESULT("functions.f:0", "1") "," RESULT("b", "2") "]}";
#define RECALLED(thinking, thoughts, tokens)                                                       \
    "{\"model\":\"m\"," thinking                                                                   \
    "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"       \
    "\"tool_choice\":{\"type\":\"none\"},\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{"    \
    "\"role\":\"assistant\",\"content\":[" thoughts                                                \
    "{\"type\":\"tool_use\",\"id\":\"sluice_ZnVuY3Rpb25zLmY6MA\",\"name\":\"f\",\"input\":{}},{"   \
    "\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\","        \
    "\"content\":[" WRITTEN_RESULT("sluice_ZnVuY3Rpb25zLmY6MA", "1") "," WRITTEN_RESULT(           \
        "b", "2") "]}],\"max_tokens\":" tokens "}"
    expect_written_as(
        text, &change,
        RECALLED("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},",
                 "{\"type\":\"thinking\",\"thinking\":\"I \\u00e9\",\"signature\":\"Eq==\"},{"
                 "\"type\":\"redacted_thinking\",\"data\":\"Em==\"},",
                 "5120"),
        "");
    state.dialect = DIALECT_GEMINI; /* another's seal is none here, and without one no budget */
    expect_written_as(text, &change, RECALLED("", "", "5120"), "reasoning_effort");
    state = (struct opaque_state){.dialect = DIALECT_ANTHROPIC, .reasoning = SLICE("bare")};
    expect_written_as(text, &change, RECALLED("", "", "5120"), "reasoning_effort");
    change.recall = NULL;
    expect_written_as(text, &change, RECALLED("", "", "5120"), "reasoning_effort");
}

static void an_own_thought_needs_no_memory(void)
{
    struct opaque_state state = {.dialect = DIALECT_ANTHROPIC, .signature = SLICE("Old")};
    const struct request_change change = {
        .model = SLICE("m"), .recall = recall, .recall_user = &state};
    static const char *const signatures[] = {"Eq", "sluice.1"};
    static const char *const wanted[] = {
        "{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"Eq\"}",
        "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"Old\"}"};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        char whole[512];
        struct request request;
        (void)snprintf(text, sizeof text,
                       "{\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[{"
                       "\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"%s\"},{\"type\":"
                       "\"tool_use\",\"id\":\"b\",\"name\":\"f\",\"input\":{}}]}]}",
                       signatures[i]);
        (void)snprintf(whole, sizeof whole,
                       "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":[%s,{"
                       "\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"f\",\"input\":{}}]}],"
                       "\"max_tokens\":9}",
                       wanted[i]);
        request_read(&request, DIALECT_ANTHROPIC, slice_from_cstr(text));
        EXPECT(request.ok);
        write_chat(&request.chat, &change, whole, "");
        request_release(&request);
    }
}

/* A limit of ours below the budget. */
static void a_lower_limit_takes_the_budget_with_it(void)
{
    struct request request;
    struct request_change change = {.model = SLICE("m"), .clamp_max_tokens = 1024};
    request_read(&request, DIALECT_ANTHROPIC,
                 SLICE("{\"max_tokens\":9000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"
                       "4000},\"top_k\":5,\"top_p\":1," TURN "}"));
    EXPECT(request.ok);
    write_chat(&request.chat, &change,
               "{\"model\":\"m\",\"thinking\":{\"type\":\"disabled\"}," TURN
               ",\"max_tokens\":1024,\"top_p\":1,\"top_k\":5}",
               "thinking");
    change.clamp_max_tokens = 3000;
    write_chat(&request.chat, &change,
               "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500}," TURN
               ",\"max_tokens\":3000}",
               "thinking.budget_tokens,top_k");
    request_release(&request);
    /* Between calls a budget may be larger than the limit of one answer. */
    request_read(&request, DIALECT_ANTHROPIC,
                 SLICE("{\"max_tokens\":2000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"
                       "4000}," TURN "}"));
    change.clamp_max_tokens = 1500;
    write_chat(&request.chat, &change,
               "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000}," TURN
               ",\"max_tokens\":1500}",
               "");
    request_release(&request);
}

/* Ids too long to be wrapped whole are still the same for call and result. */
static void long_ids_are_told_apart(void)
{
    char long_id[400];
    char text[2048];
    memset(long_id, '.', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    (void)snprintf(text, sizeof text,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\","
                   "\"tool_calls\":[{\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":"
                   "\"f\",\"arguments\":\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"%s\","
                   "\"content\":\"1\"}]}",
                   long_id, long_id);
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    const struct request_change change = {.model = SLICE("m")};
    request_read(&request, DIALECT_OPENAI_CHAT, slice_from_cstr(text));
    EXPECT(request.ok);
    EXPECT(
        dialect_of(DIALECT_ANTHROPIC)->write_request(&request.chat, &change, &out, &loss, &error));
    struct request again;
    request_read(&again, DIALECT_ANTHROPIC, buf_slice(&out));
    EXPECT(again.ok); /* the result found its call */
    EXPECT_INT(again.chat.messages[1].parts[0].id.len, sizeof "sluice_" - 1 + 16);
    request_release(&again);
    request_release(&request);
    buf_release(&out);
}

static void ids_spelled_with_escapes_are_the_same(void)
{
    expect_messages("{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"tool_calls\":["
                    "{\"id\":\"\\u0061b\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                    "\"arguments\":\" \"}}]}," RESULT("ab", "1"),
                    "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\","
                    "\"properties\":{}}}],\"tool_choice\":{\"type\":\"none\"},\"messages\":[{"
                    "\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":[{"
                    "\"type\":\"tool_use\",\"id\":\"ab\",\"name\":\"f\",\"input\":{}}]},{\"role\":"
                    "\"user\",\"content\":[" WRITTEN_RESULT("ab", "1") "]}]",
                    "");
}

static void files_of_text_are_documents(void)
{
    expect_messages("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":"
                    "\"n\",\"file_data\":\"data:text/csv;base64,YSwiw7w\\/\"}}]}",
                    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\","
                    "\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":"
                    "\"a,\\\"\xC3\xBC?\"},\"title\":\"n\"}]}]",
                    "");
    static const char *const refused[] = {"text/plain;base64,/w==", "text/plain;base64,IA==",
                                          "text/plain;base64,!", "image/svg;base64,QUJD"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\","
                       "\"file\":{\"file_data\":\"data:%s\"}}]}]}",
                       refused[i]);
        struct request request;
        request_read(&request, DIALECT_OPENAI_CHAT, slice_from_cstr(text));
        if (request.ok) { /* the reader may see first that it is no base64 */
            expect_refused(text, "/messages/0/content/0");
        }
        request_release(&request);
    }
}

/* What another dialect's client kept for Anthropic. */
static void seals_that_others_kept_are_anthropics(void)
{
    struct chat_part user = {.kind = PART_TEXT, .text = SLICE("u")};
    struct chat_part parts[] = {
        {.kind = PART_REASONING,
         .text = SLICE("t"),
         .signature = SLICE("Eq"),
         .maker = DIALECT_ANTHROPIC},
        {.kind = PART_REASONING, .data = SLICE("Em"), .maker = DIALECT_ANTHROPIC},
        {.kind = PART_REASONING, .signature = SLICE("g"), .maker = DIALECT_GEMINI},
        {.kind = PART_TEXT, .text = SLICE("a")},
    };
    struct chat_message messages[] = {{.role = ROLE_USER, .parts = &user, .part_count = 1},
                                      {.role = ROLE_ASSISTANT, .parts = parts, .part_count = 4},
                                      {.role = ROLE_USER, .parts = &user, .part_count = 1}};
    struct chat chat = {.dialect = DIALECT_OPENAI_RESPONSES,
                        .messages = messages,
                        .message_count = 3,
                        .choices = 1,
                        .parallel_tool_calls = -1,
                        .thinking_budget = -1};
    const struct request_change change = {.model = SLICE("m")};
    write_chat(&chat, &change,
               "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":"
               "\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\","
               "\"signature\":\"Eq\"},{\"type\":\"redacted_thinking\",\"data\":\"Em\"},{\"type\":"
               "\"text\",\"text\":\"a\"}]},{\"role\":\"user\",\"content\":\"u\"}],"
               "\"max_tokens\":4096}",
               "messages.1.reasoning");
}

/* --- the same dialect --- */

static void expect_stable(const char *name, struct slice body)
{
    const struct request_change change = {.model = SLICE("m")};
    struct slice from = body;
    struct buf outs[2] = {BUF_INIT(FIXTURE_LIMIT), BUF_INIT(FIXTURE_LIMIT)};
    for (size_t i = 0; i < 2; i++) {
        struct request request;
        struct loss loss = {.len = 0};
        struct error error = {0};
        request_read_as(&request, DIALECT_ANTHROPIC, operation_of_file(name), from);
        EXPECT(request.ok);
        EXPECT(dialect_of(DIALECT_ANTHROPIC)
                   ->write_request(&request.chat, &change, &outs[i], &loss, &error));
        request_release(&request);
        from = buf_slice(&outs[0]);
    }
    if (!slice_eq(buf_slice(&outs[0]), buf_slice(&outs[1]))) {
        printf("# %s:\n# %.*s\n# %.*s\n", name, SLICE_ARG(buf_slice(&outs[0])),
               SLICE_ARG(buf_slice(&outs[1])));
        EXPECT(false);
    }
    buf_release(&outs[0]);
    buf_release(&outs[1]);
}

static void what_is_written_reads_and_writes_as_itself(void)
{
    struct files files;
    size_t count = 0;
    files_list(&files, "request", ".json", NULL);
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        if (strncmp(files.names[i], "anthropic_", 10) != 0) {
            continue;
        }
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/%s", files.names[i]);
        EXPECT(file_read(path, &body));
        expect_stable(files.names[i], buf_slice(&body));
        buf_release(&body);
        count++;
    }
    EXPECT(count >= 18);
    files_release(&files);
}

/* Every dialect's request, once written for Anthropic, is one of Anthropic's. */
static void what_is_written_for_others_reads(void)
{
    struct files files;
    files_list(&files, "request", ".to-anthropic", NULL);
    size_t count = 0;
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf text = BUF_INIT(FIXTURE_LIMIT);
        struct request request;
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/%s", files.names[i]);
        EXPECT(file_read(path, &text));
        struct slice rest = buf_slice(&text);
        struct slice body = slice_cut(&rest, '\n');
        if (!slice_starts(body, SLICE("refused"))) {
            request_read(&request, DIALECT_ANTHROPIC, body);
            if (!request.ok) {
                printf("# %s: %s %s\n", files.names[i], request.error.pointer, request.error.text);
            }
            EXPECT(request.ok);
            request_release(&request);
            count++;
        }
        buf_release(&text);
    }
    EXPECT(count >= 30);
    files_release(&files);
}

int main(void)
{
    TEST(a_limit_is_always_there, "a limit is always there");
    TEST(sampling_is_bent_to_what_anthropic_takes, "sampling is bent to what Anthropic takes");
    TEST(stop_sequences_are_an_array_without_blanks,
         "stop sequences are an array, and blank ones are refused");
    TEST(efforts_become_budgets_or_efforts, "efforts become budgets, or efforts for newer models");
    TEST(newer_models_take_no_sampling, "newer models take no sampling");
    TEST(an_adaptive_wish_of_another_dialect_stays_adaptive, "an adaptive wish stays adaptive");
    TEST(a_forced_tool_excludes_thinking, "a forced tool excludes thinking");
    TEST(schemas_are_of_objects, "schemas are of objects");
    TEST(a_choice_without_tools_is_left_out, "a choice without tools is left out");
    TEST(results_come_in_one_turn_in_the_order_of_the_calls,
         "results come in one turn in the order of the calls");
    TEST(a_result_whose_call_is_not_before_it_comes_last,
         "a result whose call is not before it comes last");
    TEST(blank_texts_are_never_written, "blank texts are never written");
    TEST(instructions_lead_or_become_texts_of_the_user,
         "instructions lead or become texts of the user");
    TEST(turns_of_one_role_are_joined, "turns of one role are joined");
    TEST(what_anthropic_cannot_say_is_refused, "what Anthropic cannot say is refused");
    TEST(images_of_results_stay_in_them, "images of results stay in them");
    TEST(cache_marks_are_written_four_at_most, "cache marks are written, four at most");
    TEST(calls_of_custom_tools_have_one_text, "calls of custom tools have one text");
    TEST(thoughts_are_remembered_by_their_calls, "thoughts are remembered by their calls");
    TEST(an_own_thought_needs_no_memory, "an own thought needs no memory, another's seal is none");
    TEST(a_lower_limit_takes_the_budget_with_it, "a lower limit takes the budget with it");
    TEST(long_ids_are_told_apart, "ids too long to be wrapped find their results");
    TEST(ids_spelled_with_escapes_are_the_same, "ids spelled with escapes are the same");
    TEST(files_of_text_are_documents, "files of text are documents");
    TEST(seals_that_others_kept_are_anthropics, "seals that others kept are Anthropic's");
    TEST(what_is_written_reads_and_writes_as_itself, "what is written reads and writes as itself");
    TEST(what_is_written_for_others_reads, "what is written for others is Anthropic's");
    return tap_done();
}
