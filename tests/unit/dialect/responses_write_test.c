/* SPDX-License-Identifier: Apache-2.0 */
/* Requests towards Responses providers: the client's own bytes, and those of other dialects. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

/* --- the edit lane --- */

static void expect_edited(const char *body, const struct request_change *change, const char *wanted,
                          size_t wanted_edits)
{
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    size_t edits = 99;
    request_read(&request, DIALECT_OPENAI_RESPONSES, slice_from_cstr(body));
    EXPECT(request.ok);
    EXPECT(dialect_of(DIALECT_OPENAI_RESPONSES)->edit_request(&request.chat, change, &out, &edits));
    EXPECT_SLICE(buf_slice(&out), wanted);
    EXPECT_INT(edits, wanted_edits);
    request_release(&request);
    buf_release(&out);
}

static void changes_nothing_but_what_it_must(void)
{
    const struct request_change none = {.clamp_max_tokens = 0};
    const struct request_change model = {.model = SLICE("t"), .model_json = SLICE("\"t\"")};
    const struct request_change slow_model = {.model = SLICE("t")};
    const struct request_change clamp = {.clamp_max_tokens = 5, .add_usage = true};
    const char *odd = "{ \"input\" : \"x\",\t\"odd\":[1, 2],\"model\":\"m\" }";
    expect_edited(odd, &none, odd, 0);
    expect_edited(odd, &model, "{ \"input\" : \"x\",\t\"odd\":[1, 2],\"model\":\"t\" }", 1);
    expect_edited(odd, &slow_model, "{ \"input\" : \"x\",\t\"odd\":[1, 2],\"model\":\"t\" }", 1);
    expect_edited("{\"input\":\"x\"}", &slow_model, "{\"input\":\"x\",\"model\":\"t\"}", 1);
    expect_edited("{\"input\":\"x\"}", &clamp, "{\"input\":\"x\",\"max_output_tokens\":5}", 1);
    expect_edited("{\"max_output_tokens\":9,\"input\":\"x\"}", &clamp,
                  "{\"max_output_tokens\":5,\"input\":\"x\"}", 1);
    expect_edited("{\"max_output_tokens\":null,\"input\":\"x\"}", &clamp,
                  "{\"max_output_tokens\":5,\"input\":\"x\"}", 1);
    expect_edited("{\"max_output_tokens\":4,\"input\":\"x\",\"stream\":true}", &clamp,
                  "{\"max_output_tokens\":4,\"input\":\"x\",\"stream\":true}", 0);
    const char *previous = "{\"previous_response_id\":\"resp_1\",\"input\":\"x\",\"model\":\"m\"}";
    expect_edited(previous, &none, previous, 0);
}

static void removes_what_is_ours(void)
{
    const struct request_change keep = {.clamp_max_tokens = 0};
    const struct request_change drop = {.drop_routing = true};
    const char *body = "{\"sluice\":{},\"input\":\"x\",\"models\":[],\"provider\":{},"
                       "\"session_id\":\"s\"}";
    expect_edited(body, &keep, "{\"input\":\"x\",\"provider\":{},\"session_id\":\"s\"}", 2);
    expect_edited(body, &drop, "{\"input\":\"x\"}", 4);
}

#define OWN "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gA\"}"
#define FOREIGN                                                                                    \
    "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"sluice.seal.anthropic:S\"}"
#define WORDS "{\"role\":\"user\",\"content\":\"sluice.data.: is a mark\"}"

static void thoughts_of_others_do_not_go_to_openai(void)
{
    const struct request_change model = {.model = SLICE("t"), .model_json = SLICE("\"t\"")};
    expect_edited("{\"model\":\"m\",\"input\":[" OWN ", " FOREIGN " ," WORDS "]}", &model,
                  "{\"model\":\"t\",\"input\":[" OWN "," WORDS "]}", 2);
    expect_edited("{\"model\":\"m\",\"input\":[" OWN " ," WORDS "]}", &model,
                  "{\"model\":\"t\",\"input\":[" OWN " ," WORDS "]}", 1);
}

/* --- from other dialects --- */

static bool remember(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    (void)user;
    *ret_state = (struct opaque_state){.dialect = DIALECT_OPENAI_RESPONSES,
                                       .reasoning = SLICE("I look."),
                                       .data = SLICE("gA"),
                                       .data_id = SLICE("rs_1")};
    return slice_eq(call_id, SLICE("b"));
}

static void expect_written(const struct chat_part *parts, size_t count, enum chat_role role,
                           struct request_change change, const char *wanted,
                           const char *wanted_loss)
{
    struct chat_part copy[8];
    memcpy(copy, parts, count * sizeof *parts);
    struct chat_message message = {.role = role, .parts = copy, .part_count = count};
    const struct chat chat = {.dialect = DIALECT_ANTHROPIC,
                              .messages = &message,
                              .message_count = 1,
                              .choices = 1,
                              .parallel_tool_calls = -1,
                              .schema_strict = -1,
                              .store = -1,
                              .thinking_budget = -1};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct buf whole = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    EXPECT(
        dialect_of(DIALECT_OPENAI_RESPONSES)->write_request(&chat, &change, &out, &loss, &error));
    buf_printf(&whole, "{\"input\":[%s]", wanted);
    EXPECT(slice_starts(buf_slice(&out), buf_slice(&whole)));
    if (!slice_starts(buf_slice(&out), buf_slice(&whole))) {
        printf("# %.*s\n", SLICE_ARG(buf_slice(&out)));
    }
    EXPECT_SLICE(slice_of(loss.text, loss.len), wanted_loss);
    buf_release(&out);
    buf_release(&whole);
}

#define CALL(id)                                                                                   \
    "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"f\",\"arguments\":\"{}\"}"

static void remembered_ciphers_go_back_with_their_call(void)
{
    const struct chat_part parts[] = {
        {.kind = PART_REASONING, .text = SLICE("shown")},
        {.kind = PART_TOOL_CALL, .id = SLICE("a"), .name = SLICE("f")},
        {.kind = PART_TOOL_CALL, .id = SLICE("b"), .name = SLICE("f")},
    };
    const struct request_change change = {.recall = remember};
    expect_written(parts, 3, ROLE_ASSISTANT, change,
                   "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":"
                   "\"summary_text\",\"text\":\"I look.\"}],\"encrypted_content\":\"gA\"}," CALL(
                       "a") "," CALL("b"),
                   "");
    expect_written(parts, 2, ROLE_ASSISTANT, change, CALL("a"), "messages.0.reasoning");
}

static void open_thoughts_go_to_who_wants_them(void)
{
    const struct chat_part parts[] = {{.kind = PART_REASONING, .text = SLICE("hm")},
                                      {.kind = PART_REASONING, .raw = SLICE("{}")}};
    const struct request_change change = {.replay_reasoning = true};
    expect_written(parts, 1, ROLE_ASSISTANT, change,
                   "{\"type\":\"reasoning\",\"id\":\"rs_976fee116e3c7c00\",\"summary\":[],"
                   "\"content\":[{\"type\":\"reasoning_text\",\"text\":\"hm\"}]}",
                   "");
    expect_written(&parts[1], 1, ROLE_ASSISTANT, change, "", "messages.0.reasoning");
}

#define LONG "a.very.long.id.that.some.gateway.made.of.a.name.and.a.number.and.more:0"

static void calls_and_results_have_their_items(void)
{
    const struct chat_part call[] = {
        {.kind = PART_TOOL_CALL, .id = SLICE(LONG), .name = SLICE("f")},
        {.kind = PART_TEXT, .text = SLICE("between")},
        {.kind = PART_TOOL_CALL,
         .id = SLICE("c"),
         .name = SLICE("patch"),
         .arguments = SLICE("+\\n"),
         .custom = true},
    };
    expect_written(call, 3, ROLE_ASSISTANT, (struct request_change){0},
                   CALL("call_c8c65590074f8f9c") ",{\"type\":\"message\",\"role\":\"assistant\","
                                                 "\"content\":[{\"type\":\"output_text\",\"text\":"
                                                 "\"between\"}]},{\"type\":\"custom_tool_call\","
                                                 "\"call_id\":\"c\",\"name\":\"patch\",\"input\":"
                                                 "\"+\\n\"}",
                   "");
    const struct chat_part result[] = {
        {.kind = PART_TOOL_RESULT, .id = SLICE(LONG), .is_error = true},
        {.kind = PART_IMAGE, .media_type = SLICE("image/png"), .data = SLICE("AAAA")}};
    expect_written(result, 2, ROLE_TOOL, (struct request_change){0},
                   "{\"type\":\"function_call_output\",\"call_id\":\"call_c8c65590074f8f9c\","
                   "\"output\":[{\"type\":\"input_image\",\"image_url\":"
                   "\"data:image/png;base64,AAAA\",\"detail\":\"auto\"}]}",
                   "messages.0.is_error");
    const struct chat_part custom[] = {
        {.kind = PART_TOOL_RESULT, .id = SLICE("c"), .custom = true}};
    expect_written(custom, 1, ROLE_TOOL, (struct request_change){0},
                   "{\"type\":\"custom_tool_call_output\",\"call_id\":\"c\",\"output\":\"\"}", "");
}

static void little_answers_become_the_least(void)
{
    static const struct {
        int64_t asked;
        int64_t clamp;
        const char *words;
    } cases[] = {{5, 0, "\"max_output_tokens\":16,"},
                 {5, 100, "\"max_output_tokens\":16,"},
                 {5, 9, "\"max_output_tokens\":5,"},
                 {0, 9, "\"max_output_tokens\":9,"},
                 {50, 20, "\"max_output_tokens\":20,"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chat_part part = {.kind = PART_TEXT, .text = SLICE("x")};
        struct chat_message message = {.role = ROLE_USER, .parts = &part, .part_count = 1};
        const struct chat chat = {.messages = &message,
                                  .message_count = 1,
                                  .choices = 1,
                                  .max_tokens = cases[i].asked,
                                  .parallel_tool_calls = -1};
        const struct request_change change = {.clamp_max_tokens = cases[i].clamp};
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        struct loss loss = {.len = 0};
        struct error error = {0};
        EXPECT(dialect_of(DIALECT_OPENAI_RESPONSES)
                   ->write_request(&chat, &change, &out, &loss, &error));
        EXPECT(slice_find_slice(buf_slice(&out), slice_from_cstr(cases[i].words)) != SIZE_MAX);
        EXPECT_INT(loss.count, i < 2 ? 1 : 0);
        buf_release(&out);
    }
}

/* --- round trips --- */

static void write_as(enum dialect_id id, const struct chat *chat, struct buf *out)
{
    const struct request_change none = {.replay_reasoning = true};
    struct loss loss = {.len = 0};
    struct error error = {0};
    buf_clear(out);
    if (!dialect_of(id)->write_request(chat, &none, out, &loss, &error)) {
        buf_clear(out);
    }
}

static bool has_custom(const struct chat *chat)
{
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (chat->tools[i].kind == TOOL_CUSTOM) {
            return true;
        }
    }
    return false;
}

/* In their own dialects requests are the client's bytes, and stay so. */
static void requests_written_again_are_the_same(void)
{
    struct files files;
    size_t count = 0;
    files_list(&files, "request", ".json", NULL);
    for (size_t i = 0; i < files.count; i++) {
        enum dialect_id id = dialect_of_file(files.names[i]);
        if (id != DIALECT_OPENAI_RESPONSES && id != DIALECT_OPENAI_EMBEDDINGS) {
            continue;
        }
        char path[FILES_PATH];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct buf first = BUF_INIT(FIXTURE_LIMIT);
        struct buf second = BUF_INIT(FIXTURE_LIMIT);
        struct request request;
        struct request again;
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/%s", files.names[i]);
        EXPECT(file_read(path, &body));
        request_read(&request, id, buf_slice(&body));
        write_as(id, &request.chat, &first);
        request_read(&again, id, buf_slice(&first));
        EXPECT(request.ok && again.ok);
        write_as(id, &again.chat, &second);
        EXPECT(first.len > 0 && slice_eq(buf_slice(&first), buf_slice(&second)));
        EXPECT(chat_text_bytes(&again.chat) <= chat_text_bytes(&request.chat));
        EXPECT_INT(again.chat.tool_count, request.chat.tool_count);
        request_release(&request);
        request_release(&again);
        buf_release(&body);
        buf_release(&first);
        buf_release(&second);
        count++;
    }
    EXPECT(count >= 25);
    files_release(&files);
}

/* What goes from Chat to Responses and back is the same request; a second time nothing changes. */
static void requests_come_back_from_responses(void)
{
    struct files files;
    size_t count = 0;
    files_list(&files, "request", ".json", NULL);
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct buf there = BUF_INIT(FIXTURE_LIMIT);
        struct buf back = BUF_INIT(FIXTURE_LIMIT);
        struct buf again = BUF_INIT(FIXTURE_LIMIT);
        struct request first;
        struct request second;
        struct request third;
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/%s", files.names[i]);
        EXPECT(file_read(path, &body));
        request_read(&first, dialect_of_file(files.names[i]), buf_slice(&body));
        if (first.ok && first.chat.operation == OPERATION_CHAT &&
            first.chat.dialect != DIALECT_OPENAI_RESPONSES) {
            write_as(DIALECT_OPENAI_RESPONSES, &first.chat, &there);
        }
        request_read(&second, DIALECT_OPENAI_RESPONSES, buf_slice(&there));
        if (second.ok) {
            write_as(DIALECT_OPENAI_CHAT, &second.chat, &back);
            request_read(&third, DIALECT_OPENAI_CHAT, buf_slice(&back));
            EXPECT(third.ok);
            write_as(DIALECT_OPENAI_RESPONSES, &third.chat, &again);
            EXPECT_INT(third.chat.tool_count, second.chat.tool_count);
            if (!has_custom(&second.chat)) { /* whose text becomes the text of a function */
                EXPECT_INT(chat_text_bytes(&third.chat), chat_text_bytes(&second.chat));
            }
            EXPECT(is_json(buf_slice(&again)));
            request_release(&third);
            count++;
        } else if (there.len > 0) {
            printf("# %s: %s at %s\n", files.names[i], second.error.code, second.error.pointer);
            EXPECT(false);
        }
        request_release(&first);
        request_release(&second);
        buf_release(&body);
        buf_release(&there);
        buf_release(&back);
        buf_release(&again);
    }
    EXPECT(count >= 40);
    files_release(&files);
}

int main(void)
{
    TEST(changes_nothing_but_what_it_must, "the client's bytes stay but for the listed edits");
    TEST(removes_what_is_ours, "members that tell us what to do do not leave");
    TEST(thoughts_of_others_do_not_go_to_openai, "thoughts of other vendors do not go to OpenAI");
    TEST(remembered_ciphers_go_back_with_their_call, "remembered ciphers go back with their call");
    TEST(open_thoughts_go_to_who_wants_them, "open thoughts go to providers that want them");
    TEST(calls_and_results_have_their_items, "calls and results are items with ids that fit");
    TEST(little_answers_become_the_least, "a limit below OpenAI's least becomes the least");
    TEST(requests_written_again_are_the_same,
         "requests written in their own dialect read and write as themselves");
    TEST(requests_come_back_from_responses, "requests of other dialects are read as they were");
    return tap_done();
}
