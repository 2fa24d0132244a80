/* SPDX-License-Identifier: Apache-2.0 */
/* The translate lane from OpenAI to OpenAI: what is written reads as what was read. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

static bool same_slice(struct slice a, struct slice b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && slice_eq(a, b);
}

static bool same_part(const struct chat_part *a, const struct chat_part *b)
{
    return a->kind == b->kind && same_slice(a->text, b->text) && same_slice(a->url, b->url) &&
           same_slice(a->media_type, b->media_type) && same_slice(a->data, b->data) &&
           same_slice(a->detail, b->detail) && same_slice(a->id, b->id) &&
           same_slice(a->name, b->name) && same_slice(a->arguments, b->arguments) &&
           a->arguments_text == b->arguments_text && a->is_error == b->is_error;
}

static bool same_extras(const struct chat_extra *a, size_t a_count, const struct chat_extra *b,
                        size_t b_count)
{
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        if (!slice_eq(a[i].key, b[i].key) || !slice_eq(a[i].value, b[i].value)) {
            return false;
        }
    }
    return a_count == b_count;
}

static bool same_message(const struct chat_message *a, const struct chat_message *b)
{
    if (a->role != b->role || !same_slice(a->name, b->name) || a->part_count != b->part_count ||
        !same_extras(a->extras, a->extra_count, b->extras, b->extra_count)) {
        return false;
    }
    for (size_t i = 0; i < a->part_count; i++) {
        if (!same_part(&a->parts[i], &b->parts[i])) {
            return false;
        }
    }
    return true;
}

static bool same_tools(const struct chat *a, const struct chat *b)
{
    for (size_t i = 0; i < a->tool_count && i < b->tool_count; i++) {
        const struct chat_tool *x = &a->tools[i];
        const struct chat_tool *y = &b->tools[i];
        if (!same_slice(x->name, y->name) || !same_slice(x->description, y->description) ||
            !same_slice(x->parameters, y->parameters) || x->strict != y->strict) {
            return false;
        }
    }
    return a->tool_count == b->tool_count && a->tool_choice == b->tool_choice &&
           same_slice(a->tool_choice_name, b->tool_choice_name) &&
           a->parallel_tool_calls == b->parallel_tool_calls;
}

static bool same_settings(const struct chat *a, const struct chat *b)
{
    for (size_t i = 0; i < a->stop_count && i < b->stop_count; i++) {
        if (!slice_eq(a->stop[i], b->stop[i])) {
            return false;
        }
    }
    return a->operation == b->operation && a->stream == b->stream &&
           a->include_usage == b->include_usage && a->format == b->format &&
           same_slice(a->schema, b->schema) && same_slice(a->schema_name, b->schema_name) &&
           a->schema_strict == b->schema_strict && a->max_tokens == b->max_tokens &&
           a->choices == b->choices && same_slice(a->temperature, b->temperature) &&
           same_slice(a->top_p, b->top_p) && same_slice(a->top_k, b->top_k) &&
           same_slice(a->seed, b->seed) && same_slice(a->frequency_penalty, b->frequency_penalty) &&
           same_slice(a->presence_penalty, b->presence_penalty) && a->stop_count == b->stop_count &&
           a->logprobs == b->logprobs && same_slice(a->top_logprobs, b->top_logprobs) &&
           same_slice(a->reasoning_effort, b->reasoning_effort) && same_slice(a->user, b->user) &&
           same_slice(a->suffix, b->suffix) && same_slice(a->session, b->session) &&
           same_slice(a->model, b->model) && a->needs == b->needs &&
           same_extras(a->extras, a->extra_count, b->extras, b->extra_count);
}

static bool same_chat(const struct chat *a, const struct chat *b)
{
    if (a->message_count != b->message_count) {
        return false;
    }
    for (size_t i = 0; i < a->message_count; i++) {
        if (!same_message(&a->messages[i], &b->messages[i])) {
            return false;
        }
    }
    return same_settings(a, b) && same_tools(a, b);
}

/* Writes and reads again; true when nothing changed. */
static bool survives(enum dialect_id id, const struct chat *chat, const char *name)
{
    struct request_change change = {0};
    struct buf out = BUF_INIT(FIXTURE_LIMIT * 4);
    struct loss loss = {.len = 0};
    struct error error = {0};
    struct request again;
    bool written = dialect_of(id)->write_request(chat, &change, &out, &loss, &error);
    request_read(&again, id, buf_slice(&out));
    bool same = written && again.ok && same_chat(chat, &again.chat);
    if (!same) {
        printf("# %s: %s %s\n# %.*s\n", name, written ? "" : error.text,
               again.ok ? "" : again.error.text, SLICE_ARG(buf_slice(&out)));
    }
    request_release(&again);
    buf_release(&out);
    return same;
}

/* As if another dialect had read it: nothing to copy, only the canonical form. */
static bool make_foreign(struct chat *chat)
{
    bool sayable = true;
    chat->extras = NULL;
    chat->extra_count = 0;
    chat->session = SLICE_EMPTY;
    chat->top_k = SLICE_EMPTY;
    for (size_t i = 0; i < chat->message_count; i++) {
        struct chat_message *message = &chat->messages[i];
        message->extras = NULL;
        message->extra_count = 0;
        for (size_t j = 0; j < message->part_count; j++) {
            struct chat_part *part = &message->parts[j];
            bool details = part->kind == PART_REASONING && part->text.ptr == NULL;
            part->raw = SLICE_EMPTY;
            sayable = sayable && part->kind != PART_UNKNOWN && !details;
        }
    }
    for (size_t i = 0; i < chat->tool_count; i++) {
        chat->tools[i].raw = SLICE_EMPTY;
        sayable = sayable && chat->tools[i].name.ptr != NULL;
    }
    return sayable;
}

static void what_is_written_reads_as_what_was_read(void)
{
    struct files files;
    size_t foreign = 0;
    files_list(&files, "request", ".json", NULL);
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct request request;
        enum dialect_id id = dialect_of_file(files.names[i]);
        if (id != DIALECT_OPENAI_COMPLETIONS && id != DIALECT_OPENAI_CHAT) {
            continue;
        }
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/%s", files.names[i]);
        EXPECT(file_read(path, &body));
        request_read(&request, id, buf_slice(&body));
        EXPECT(request.ok && survives(id, &request.chat, files.names[i]));
        if (make_foreign(&request.chat)) {
            foreign++;
            EXPECT(survives(id, &request.chat, files.names[i]));
        }
        request_release(&request);
        buf_release(&body);
    }
    EXPECT(foreign >= 15);
    files_release(&files);
}

static void expect_changed(struct chat *chat, struct request_change change, const char *wanted,
                           const char *wanted_loss)
{
    change.model = SLICE("m");
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    EXPECT(dialect_of(DIALECT_OPENAI_CHAT)->write_request(chat, &change, &out, &loss, &error));
    EXPECT_SLICE(buf_slice(&out), wanted);
    EXPECT_SLICE(slice_of(loss.text, loss.len), wanted_loss);
    buf_release(&out);
}

static void expect_written(struct chat *chat, const char *wanted, const char *wanted_loss)
{
    expect_changed(chat, (struct request_change){0}, wanted, wanted_loss);
}

#define FOREIGN DIALECT_COUNT /* some dialect that is not OpenAI's */

static void moves_images_of_results_behind_all_results(void)
{
    struct chat_part user[] = {{.kind = PART_TEXT, .text = SLICE("look")}};
    struct chat_part call[] = {
        {.kind = PART_REASONING, .text = SLICE("hm")},
        {.kind = PART_REASONING, .text = SLICE("!")},
        {.kind = PART_REASONING, .raw = SLICE("{}")},
        {.kind = PART_TEXT, .text = SLICE("one ")},
        {.kind = PART_TOOL_CALL,
         .id = SLICE("a"),
         .name = SLICE("shot"),
         .arguments = SLICE("{\"x\": \"y\"}")},
        {.kind = PART_TOOL_CALL, .id = SLICE("b"), .name = SLICE("shot")},
    };
    struct chat_part first[] = {
        {.kind = PART_TOOL_RESULT, .id = SLICE("a"), .name = SLICE("shot"), .is_error = true},
        {.kind = PART_IMAGE, .media_type = SLICE("image/png"), .data = SLICE("AA")},
    };
    struct chat_part second[] = {
        {.kind = PART_TOOL_RESULT, .id = SLICE("b"), .name = SLICE("shot")},
        {.kind = PART_TEXT, .text = SLICE("two")},
        {.kind = PART_IMAGE, .url = SLICE("http://e/b.png")},
    };
    struct chat_message messages[] = {
        {.role = ROLE_USER, .parts = user, .part_count = 1},
        {.role = ROLE_ASSISTANT, .parts = call, .part_count = 6},
        {.role = ROLE_TOOL, .parts = first, .part_count = 2},
        {.role = ROLE_TOOL, .parts = second, .part_count = 3},
        {.role = ROLE_USER, .parts = user, .part_count = 1},
    };
    struct chat chat = {.dialect = FOREIGN,
                        .messages = messages,
                        .message_count = ARRAY_LEN(messages),
                        .choices = 1,
                        .parallel_tool_calls = -1,
                        .schema_strict = -1,
                        .preferences = JSON_ABSENT};
    expect_written(&chat,
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"look\"},"
                   "{\"role\":\"assistant\",\"content\":\"one \",\"tool_calls\":["
                   "{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"shot\","
                   "\"arguments\":\"{\\\"x\\\": \\\"y\\\"}\"}},"
                   "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"shot\","
                   "\"arguments\":\"{}\"}}]},"
                   "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"\"},"
                   "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"two\"},"
                   "{\"role\":\"user\",\"content\":["
                   "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}},"
                   "{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://e/b.png\"}}]},"
                   "{\"role\":\"user\",\"content\":\"look\"}]}",
                   "messages.1.reasoning,messages.2.is_error");
}

static void lists_what_another_dialect_said_more(void)
{
    struct chat_part user[] = {{.kind = PART_TEXT, .text = SLICE("x")}};
    struct chat_extra extras[] = {{SLICE("top_a"), SLICE("1")},
                                  {SLICE("unset"), SLICE("null")},
                                  {SLICE("logit_bias"), SLICE("{}")},
                                  {SLICE("list"), SLICE("[]")},
                                  {SLICE("word"), SLICE("\"\"")}};
    struct chat_extra inner[] = {{SLICE("cache_control"), SLICE("{\"a\":1}")},
                                 {SLICE("refusal"), SLICE("null")}};
    struct chat_message messages[] = {
        {.role = ROLE_USER, .parts = user, .part_count = 1, .extras = inner, .extra_count = 2}};
    struct chat_tool tools[] = {{.kind = TOOL_OTHER, .raw = SLICE("{}"), .strict = -1},
                                {.name = SLICE("f"), .strict = -1}};
    struct chat chat = {.dialect = FOREIGN,
                        .messages = messages,
                        .message_count = 1,
                        .tools = tools,
                        .tool_count = 2,
                        .format = FORMAT_JSON_SCHEMA,
                        .schema = SLICE("{\"a\":1}"),
                        .top_k = SLICE("5"),
                        .extras = extras,
                        .extra_count = ARRAY_LEN(extras),
                        .choices = 1,
                        .parallel_tool_calls = -1,
                        .schema_strict = -1,
                        .preferences = JSON_ABSENT};
    expect_written(
        &chat,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\","
        "\"schema\":{\"a\":1}}}}",
        "tools,top_k,top_a,messages.0.cache_control");
}

static void ollama_cannot_mark_a_failed_result(void)
{
    struct chat_part parts[] = {{.kind = PART_TOOL_RESULT, .id = SLICE("a"), .is_error = true},
                                {.kind = PART_TEXT, .text = SLICE("no")}};
    struct chat_message messages[] = {{.role = ROLE_TOOL, .parts = parts, .part_count = 2}};
    struct chat chat = {.dialect = FOREIGN,
                        .model = SLICE("own"),
                        .messages = messages,
                        .message_count = 1,
                        .choices = 1};
    struct request_change change = {0};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    EXPECT(dialect_of(DIALECT_OLLAMA)->write_request(&chat, &change, &out, &loss, &error));
    EXPECT_SLICE(buf_slice(&out),
                 "{\"model\":\"own\",\"messages\":[{\"role\":\"tool\",\"content\":\"no\","
                 "\"tool_call_id\":\"a\"}],\"stream\":false,\"options\":{}}");
    EXPECT_SLICE(slice_of(loss.text, loss.len), "messages.0.is_error,parallel_tool_calls");
    buf_release(&out);
}

/* True: refused at `pointer`. */
static bool is_refused(enum dialect_id from, const char *body, enum dialect_id to,
                       const char *pointer)
{
    struct request request;
    struct request_change change = {.model = SLICE("m")};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    request_read(&request, from, slice_from_cstr(body));
    EXPECT(request.ok);
    bool refused = !dialect_of(to)->write_request(&request.chat, &change, &out, &loss, &error) &&
                   strcmp(error.code, "untranslatable") == 0 && strcmp(error.pointer, pointer) == 0;
    request_release(&request);
    buf_release(&out);
    return refused;
}

static void refuses_formats_of_single_vendors_elsewhere(void)
{
    static const enum dialect_id others[] = {DIALECT_ANTHROPIC, DIALECT_GEMINI, DIALECT_OLLAMA,
                                             DIALECT_OPENAI_RESPONSES, DIALECT_BEDROCK};
    const char *body = "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                       "\"response_format\":{\"type\":\"xml\"}}";
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        EXPECT(is_refused(DIALECT_OPENAI_CHAT, body, others[i], "/response_format/type"));
    }
    EXPECT(!is_refused(DIALECT_OPENAI_CHAT, body, DIALECT_OPENAI_CHAT, "/response_format/type"));
}

static void an_older_result_only_moves(void)
{
    static const enum dialect_id others[] = {DIALECT_ANTHROPIC, DIALECT_GEMINI, DIALECT_OLLAMA,
                                             DIALECT_OPENAI_RESPONSES, DIALECT_BEDROCK};
    const char *body =
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
        "\"function\",\"name\":\"f\",\"content\":\"1\"}]}";
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        EXPECT(is_refused(DIALECT_OPENAI_CHAT, body, others[i], "/messages/1"));
    }
    struct request request;
    request_read(&request, DIALECT_OPENAI_CHAT, slice_from_cstr(body));
    EXPECT(request.ok);
    expect_written(&request.chat, body, "");
    request_release(&request);
}

static void refuses_more_than_four_stops(void)
{
#define STOPS(more)                                                                                \
    "{\"model\":\"x\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"      \
    "\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\"" more "]}"
    EXPECT(!is_refused(DIALECT_ANTHROPIC, STOPS(""), DIALECT_OPENAI_CHAT, "/stop_sequences"));
    EXPECT(is_refused(DIALECT_ANTHROPIC, STOPS(",\"5\""), DIALECT_OPENAI_CHAT, "/stop_sequences"));
}

static void refuses_parts_that_nobody_knows(void)
{
    struct chat_part user[] = {{.kind = PART_UNKNOWN, .raw = SLICE("{}")}};
    struct chat_message messages[] = {{.role = ROLE_USER, .parts = user, .part_count = 1}};
    struct chat chat = {
        .dialect = FOREIGN, .messages = messages, .message_count = 1, .preferences = JSON_ABSENT};
    struct request_change change = {0};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    EXPECT(!dialect_of(DIALECT_OPENAI_CHAT)->write_request(&chat, &change, &out, &loss, &error));
    EXPECT(strcmp(error.code, "untranslatable") == 0);
    EXPECT_INT(error.kind, ERROR_UNSUPPORTED);
    buf_release(&out);
}

/* --- thoughts, custom tools and wishes of other dialects --- */

static bool remember(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    (void)user;
    if (!slice_eq(call_id, SLICE("b"))) {
        return false;
    }
    *ret_state = (struct opaque_state){.reasoning = SLICE("as before")};
    return true;
}

static struct chat foreign_chat(struct chat_message *messages, size_t count)
{
    return (struct chat){.dialect = FOREIGN,
                         .messages = messages,
                         .message_count = count,
                         .choices = 1,
                         .parallel_tool_calls = -1,
                         .schema_strict = -1,
                         .store = -1,
                         .thinking_budget = -1,
                         .preferences = JSON_ABSENT};
}

static void brings_thoughts_back_to_who_wants_them(void)
{
    struct chat_part thought[] = {
        {.kind = PART_REASONING, .text = SLICE("hm"), .signature = SLICE("s")},
        {.kind = PART_REASONING, .text = SLICE("!")},
        {.kind = PART_TEXT, .text = SLICE("one")},
    };
    struct chat_part calls[] = {
        {.kind = PART_TOOL_CALL, .id = SLICE("a"), .name = SLICE("f")},
        {.kind = PART_TOOL_CALL, .id = SLICE("b"), .name = SLICE("f")},
    };
    struct chat_message messages[] = {
        {.role = ROLE_ASSISTANT, .parts = thought, .part_count = 3},
        {.role = ROLE_ASSISTANT, .parts = calls, .part_count = 2},
    };
    struct chat chat = foreign_chat(messages, 2);
    const char *wanted =
        "{\"model\":\"m\",\"messages\":["
        "{\"role\":\"assistant\",\"reasoning_content\":\"hm!\",\"content\":\"one\"},"
        "{\"role\":\"assistant\",\"reasoning_content\":\"as before\",\"content\":null,"
        "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{}\"}}]}]}";
    expect_changed(&chat, (struct request_change){.replay_reasoning = true, .recall = remember},
                   wanted, "");
    messages[0].part_count = 2;
    expect_written(&chat,
                   "{\"model\":\"m\",\"messages\":["
                   "{\"role\":\"assistant\",\"content\":null,"
                   "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":"
                   "\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":"
                   "{\"name\":\"f\",\"arguments\":\"{}\"}}]}]}",
                   "messages.0.reasoning");
}

static bool remember_details(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    (void)user;
    *ret_state = (struct opaque_state){.details = SLICE("{\"a\":1},{\"b\":2}")};
    return slice_eq(call_id, SLICE("b"));
}

/* The body's one turn, written for a vendor that knows reasoning_details. */
static void expect_turn(struct chat_part *parts, size_t count, const char *model,
                        const char *wanted, const char *wanted_loss)
{
    struct chat_message message = {.role = ROLE_ASSISTANT, .parts = parts, .part_count = count};
    struct chat chat = foreign_chat(&message, 1);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    chat.dialect = DIALECT_ANTHROPIC;
    const struct request_change change = {
        .model = slice_from_cstr(model), .reasoning_details = true, .recall = remember_details};
    EXPECT(dialect_of(DIALECT_OPENAI_CHAT)->write_request(&chat, &change, &out, &loss, &error));
    size_t at = slice_find_slice(buf_slice(&out), SLICE("\"messages\":"));
    EXPECT(at != SIZE_MAX);
    EXPECT_SLICE(slice_from(buf_slice(&out), at), wanted);
    EXPECT_SLICE(slice_of(loss.text, loss.len), wanted_loss);
    buf_release(&out);
}

#define ASSISTANT(members) "\"messages\":[{\"role\":\"assistant\"," members "}]}"
#define CALLED(id)                                                                                 \
    "\"tool_calls\":[{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\","       \
    "\"arguments\":\"{}\"}}]"
#define SEALED                                                                                     \
    "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"s\","     \
    "\"format\":\"anthropic-claude-v1\",\"index\":0}]"

static void seals_become_details_where_they_are_known(void)
{
    struct chat_part sealed[] = {
        {.kind = PART_REASONING, .text = SLICE("hm"), .signature = SLICE("s")},
        {.kind = PART_TOOL_CALL, .id = SLICE("a"), .name = SLICE("f")},
    };
    expect_turn(sealed, 2, "anthropic/claude-x", ASSISTANT(SEALED ",\"content\":null," CALLED("a")),
                "");
    expect_turn(sealed, 2, "other/model", ASSISTANT("\"content\":null," CALLED("a")),
                "messages.0.reasoning"); /* a seal that its model cannot read */
    sealed[0].maker = DIALECT_GEMINI;
    expect_turn(sealed, 2, "anthropic/claude-x", ASSISTANT("\"content\":null," CALLED("a")),
                "messages.0.reasoning");
    sealed[0].maker = 0;
    sealed[1].id = SLICE("b");
    expect_turn(sealed, 2, "anthropic/claude-x", /* the client's own is not doubled */
                ASSISTANT(SEALED ",\"content\":null," CALLED("b")), "");
    expect_turn(
        sealed + 1, 1, "other/model",
        ASSISTANT("\"reasoning_details\":[{\"a\":1},{\"b\":2}],\"content\":null," CALLED("b")), "");
}

/* The mark of a call has a place in the turn's last text, if there is one. */
static void marks_of_calls_move_to_the_text(void)
{
    struct chat_part parts[] = {
        {.kind = PART_TEXT, .text = SLICE("one")},
        {.kind = PART_TOOL_CALL, .id = SLICE("a"), .name = SLICE("f"), .cache = CACHE_MARK_5M},
    };
    struct chat_message message = {.role = ROLE_ASSISTANT, .parts = parts, .part_count = 2};
    struct chat chat = foreign_chat(&message, 1);
    const struct request_change marks = {.cache_marks = true};
    expect_changed(&chat, marks,
                   "{\"model\":\"m\"," ASSISTANT(
                       "\"content\":[{\"type\":\"text\",\"text\":\"one\",\"cache_control\":"
                       "{\"type\":\"ephemeral\"}}]," CALLED("a")),
                   "");
    message.parts = parts + 1;
    message.part_count = 1;
    expect_changed(&chat, marks, "{\"model\":\"m\"," ASSISTANT("\"content\":null," CALLED("a")),
                   "cache_control");
}

#define LONG_ID "functions.a_very_long_name_of_a_tool_that_somebody_made:0"

static void custom_tools_become_functions_and_long_ids_short(void)
{
    struct chat_part call[] = {{.kind = PART_TOOL_CALL,
                                .id = SLICE(LONG_ID),
                                .name = SLICE("patch"),
                                .arguments = SLICE("a \\\"b\\\"\\n"),
                                .custom = true}};
    struct chat_part result[] = {{.kind = PART_TOOL_RESULT, .id = SLICE(LONG_ID)},
                                 {.kind = PART_TEXT, .text = SLICE("ok")}};
    struct chat_message messages[] = {
        {.role = ROLE_ASSISTANT, .parts = call, .part_count = 1},
        {.role = ROLE_TOOL, .parts = result, .part_count = 2},
    };
    struct chat_tool tools[] = {{.kind = TOOL_CUSTOM,
                                 .name = SLICE("patch"),
                                 .description = SLICE("d"),
                                 .parameters = SLICE("{\"type\":\"grammar\"}"),
                                 .strict = -1}};
    struct chat chat = foreign_chat(messages, 2);
    chat.tools = tools;
    chat.tool_count = 1;
    chat.tool_choice = TOOL_CHOICE_NAMED;
    chat.tool_choice_name = SLICE("patch");
    expect_written(
        &chat,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
        "{\"id\":\"call_a0958565dff92f26\",\"type\":\"function\",\"function\":{\"name\":\"patch\","
        "\"arguments\":\"{\\\"input\\\":\\\"a \\\\\\\"b\\\\\\\"\\\\n\\\"}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"call_a0958565dff92f26\",\"content\":\"ok\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"patch\",\"description\":\"d\","
        "\"parameters\":{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
        "\"required\":[\"input\"]}}}],"
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"patch\"}}}",
        "tools.format");
}

static void says_the_wishes_of_other_dialects(void)
{
    struct chat_part text[] = {{.kind = PART_TEXT, .text = SLICE("x")}};
    struct chat_message messages[] = {{.role = ROLE_DEVELOPER, .parts = text, .part_count = 1}};
    struct chat_extra extras[] = {{SLICE("metadata"), SLICE("{}")}, {SLICE("odd"), SLICE("1")}};
    struct chat chat = foreign_chat(messages, 1);
    chat.service_tier = SLICE("standard_only");
    chat.verbosity = SLICE("low");
    chat.cache_key = SLICE("k");
    chat.metadata = SLICE("{\"a\":\"b\"}");
    chat.thinking = THINKING_ON;
    chat.thinking_budget = 20000;
    chat.include_usage = true;
    chat.extras = extras;
    chat.extra_count = 2;
    expect_written(&chat,
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"}],"
                   "\"reasoning_effort\":\"high\",\"service_tier\":\"default\","
                   "\"verbosity\":\"low\",\"prompt_cache_key\":\"k\"}",
                   "odd,metadata");
    chat.store = 1;
    chat.service_tier = SLICE("flex");
    chat.extra_count = 0;
    expect_written(&chat,
                   "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"}],"
                   "\"reasoning_effort\":\"high\",\"service_tier\":\"flex\","
                   "\"verbosity\":\"low\",\"prompt_cache_key\":\"k\",\"store\":true,"
                   "\"metadata\":{\"a\":\"b\"}}",
                   "");
}

static void writes_sound_and_files(void)
{
    struct chat_part parts[] = {
        {.kind = PART_AUDIO, .media_type = SLICE("audio/mpeg"), .data = SLICE("AAAA")},
        {.kind = PART_AUDIO, .media_type = SLICE("audio/odd"), .data = SLICE("AAAA")},
        {.kind = PART_FILE, .media_type = SLICE("application/pdf"), .data = SLICE("AAAA")},
        {.kind = PART_FILE, .file_id = SLICE("f1")},
    };
    /* Responses keeps its files where Chat does */
    struct chat_message messages[] = {{.role = ROLE_USER, .parts = parts, .part_count = 4}};
    struct chat chat = foreign_chat(messages, 1);
    chat.dialect = DIALECT_OPENAI_RESPONSES;
    expect_written(
        &chat,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":"
        "\"mp3\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\"}},"
        "{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,AAAA\","
        "\"filename\":\"document\"}},{\"type\":\"file\",\"file\":{\"file_id\":\"f1\"}}]}]"
        "}",
        "");
}

static void refuses_what_only_another_vendor_keeps(void)
{
    struct chat_part parts[] = {{.kind = PART_IMAGE, .file_id = SLICE("f1")},
                                {.kind = PART_FILE, .file_id = SLICE("f1")},
                                {.kind = PART_AUDIO, .url = SLICE("https://e.example/a.wav")}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct chat_message messages[] = {{.role = ROLE_USER, .parts = &parts[i], .part_count = 1}};
        struct chat chat = foreign_chat(messages, 1);
        struct request_change change = {0};
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        struct loss loss = {.len = 0};
        struct error error = {0};
        EXPECT(
            !dialect_of(DIALECT_OPENAI_CHAT)->write_request(&chat, &change, &out, &loss, &error));
        EXPECT(strcmp(error.code, "untranslatable") == 0);
        buf_release(&out);
    }
}

static void the_change_wins(void)
{
    struct request request;
    struct request_change change = {.model = SLICE("m"),
                                    .clamp_max_tokens = 5,
                                    .add_usage = true,
                                    .max_completion_tokens = true,
                                    .drop_routing = true};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    request_read(&request, DIALECT_OPENAI_CHAT,
                 SLICE("{\"model\":\"auto\",\"stream\":true,\"max_tokens\":9,\"session_id\":\"s\","
                       "\"provider\":{},\"y\":2,"
                       "\"models\":[\"z\"],\"sluice\":{},\"messages\":[{\"role\":\"user\","
                       "\"content\":\"x\"}]}"));
    EXPECT(request.ok);
    EXPECT(dialect_of(DIALECT_OPENAI_CHAT)
               ->write_request(&request.chat, &change, &out, &loss, &request.error));
    EXPECT_SLICE(
        buf_slice(&out),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true},\"max_completion_tokens\":5,\"y\":2}");
    request_release(&request);
    buf_release(&out);
}

int main(void)
{
    TEST(what_is_written_reads_as_what_was_read,
         "what is written reads as what was read, with and without raw parts");
    TEST(moves_images_of_results_behind_all_results,
         "images of results follow in a user's turn after all results");
    TEST(lists_what_another_dialect_said_more, "what another dialect said more is listed as lost");
    TEST(ollama_cannot_mark_a_failed_result,
         "a failed result is listed as lost where it cannot be marked");
    TEST(refuses_formats_of_single_vendors_elsewhere,
         "refuses formats of single vendors in other dialects");
    TEST(an_older_result_only_moves, "the result of an older call only moves");
    TEST(refuses_more_than_four_stops, "refuses more than four stop sequences");
    TEST(refuses_parts_that_nobody_knows, "a part that nobody knows is refused, not dropped");
    TEST(brings_thoughts_back_to_who_wants_them,
         "thoughts go back to providers that want them, the client's or the remembered");
    TEST(seals_become_details_where_they_are_known,
         "a seal becomes an element of reasoning_details for a model of its maker");
    TEST(marks_of_calls_move_to_the_text,
         "the mark of a call moves to the turn's text, or is listed as lost");
    TEST(custom_tools_become_functions_and_long_ids_short,
         "custom tools become functions, long ids short ones");
    TEST(says_the_wishes_of_other_dialects, "wishes of other dialects have OpenAI's names");
    TEST(writes_sound_and_files, "sound and files have a format and a name");
    TEST(refuses_what_only_another_vendor_keeps, "what only another vendor keeps is refused");
    TEST(the_change_wins, "model, limit and usage are those of the target");
    return tap_done();
}
