/* SPDX-License-Identifier: Apache-2.0 */
/* Ollama in front: what its requests mean, what is refused, what its clients get. */
#include "tests/unit/dialect/fixture.h"

static void expect_refused(enum operation operation, const char *body, const char *code,
                           const char *pointer)
{
    struct request request;
    request_read_as(&request, DIALECT_OLLAMA, operation, slice_from_cstr(body));
    bool right = !request.ok && strcmp(request.error.code, code) == 0 &&
                 strcmp(request.error.pointer, pointer) == 0;
    if (!right) {
        printf("# %s: %s at %s: %s\n", body, request.ok ? "read" : request.error.code,
               request.error.pointer, request.error.text);
    }
    EXPECT(right);
    request_release(&request);
}

static void refuses_what_is_no_request(void)
{
    expect_refused(OPERATION_CHAT, "[]", "invalid_type", "");
    expect_refused(OPERATION_CHAT, "{}", "missing_messages", "/messages");
    expect_refused(OPERATION_CHAT, "{\"messages\":{}}", "invalid_type", "/messages");
    expect_refused(OPERATION_CHAT, "{\"messages\":[]}", "empty_messages", "/messages");
    expect_refused(OPERATION_CHAT, "{\"messages\":[1]}", "invalid_type", "/messages/0");
    expect_refused(OPERATION_CHAT, "{\"messages\":[{\"role\":\"wizard\",\"content\":\"\"}]}",
                   "invalid_role", "/messages/0/role");
    expect_refused(OPERATION_CHAT, "{\"messages\":[{\"role\":\"user\"}]}", "missing_member",
                   "/messages/0/content");
    expect_refused(OPERATION_CHAT,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"images\":[\"%%\"]}]}",
                   "invalid_base64", "/messages/0/images/0");
    expect_refused(OPERATION_CHAT, "{\"stream\":1,\"messages\":[]}", "invalid_type", "/stream");
    expect_refused(OPERATION_CHAT, "{\"think\":1,\"messages\":[]}", "invalid_type", "/think");
    expect_refused(OPERATION_CHAT, "{\"format\":\"xml\",\"messages\":[]}", "invalid_value",
                   "/format");
    expect_refused(OPERATION_CHAT, "{\"model\":\"a\",\"model\":\"b\",\"messages\":[]}",
                   "duplicate_member", "/model");
    expect_refused(OPERATION_CHAT, "{\"options\":{\"num_predict\":\"x\"},\"messages\":[]}",
                   "invalid_max_tokens", "/options/num_predict");
    expect_refused(OPERATION_CHAT, "{\"options\":{\"stop\":[1]},\"messages\":[]}", "invalid_type",
                   "/options/stop");
    expect_refused(OPERATION_CHAT, "{\"options\":[],\"messages\":[]}", "invalid_type", "/options");
    expect_refused(OPERATION_CHAT, "{\"tools\":[{\"type\":\"function\"}],\"messages\":[]}",
                   "missing_member", "/tools/0/function");
    expect_refused(OPERATION_CHAT,
                   "{\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":1}}],\"messages\":[]}",
                   "invalid_type", "/tools/0/function/parameters");
    expect_refused(OPERATION_CHAT, "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{}]}]}",
                   "missing_member", "/messages/0/tool_calls/0/function");
    expect_refused(OPERATION_CHAT, "{\"tools\":1,\"messages\":[]}", "invalid_type", "/tools");
    expect_refused(OPERATION_CHAT, "{\"messages\":[{\"content\":\"a\"}]}", "missing_member",
                   "/messages/0/role");
    expect_refused(OPERATION_CHAT,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"images\":[1]}]}",
                   "invalid_type", "/messages/0/images/0");
    expect_refused(OPERATION_CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":1}]}",
                   "invalid_type", "/messages/0/content");
    expect_refused(OPERATION_CHAT, "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":1}]}",
                   "invalid_type", "/messages/0/tool_calls");
    expect_refused(OPERATION_CHAT,
                   "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":1,"
                   "\"function\":{\"name\":\"f\"}}]}]}",
                   "invalid_type", "/messages/0/tool_calls/0/id");
    expect_refused(OPERATION_CHAT,
                   "{\"messages\":[{\"role\":\"tool\",\"tool_name\":1,\"content\":\"a\"}]}",
                   "invalid_type", "/messages/0/tool_name");
}

static void refuses_what_is_no_prompt_or_input(void)
{
    expect_refused(OPERATION_COMPLETION, "{\"prompt\":\"a\",\"system\":1}", "invalid_type",
                   "/system");
    expect_refused(OPERATION_COMPLETION, "{\"prompt\":\"a\",\"images\":[\"%\"]}", "invalid_base64",
                   "/images/0");
    expect_refused(OPERATION_COMPLETION, "{}", "missing_member", "/prompt");
    expect_refused(OPERATION_COMPLETION, "{\"prompt\":1}", "invalid_type", "/prompt");
    expect_refused(OPERATION_COMPLETION, "{\"prompt\":\"a\",\"images\":1}", "invalid_type",
                   "/images");
    expect_refused(OPERATION_EMBEDDING, "{}", "missing_member", "/input");
    expect_refused(OPERATION_EMBEDDING, "{\"input\":[]}", "invalid_value", "/input");
    expect_refused(OPERATION_EMBEDDING, "{\"input\":[1]}", "invalid_type", "/input");
}

static void results_find_their_calls(void)
{
    expect_refused(OPERATION_CHAT,
                   "{\"messages\":[{\"role\":\"tool\",\"tool_name\":\"f\",\"content\":\"1\"}]}",
                   "orphan_tool_result", "/messages/0/tool_name");
    expect_refused(OPERATION_CHAT,
                   "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\","
                   "\"function\":{\"name\":\"f\"}}]},"
                   "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"1\"}]}",
                   "orphan_tool_result", "/messages/1/tool_call_id");
    struct request request;
    request_read_as(&request, DIALECT_OLLAMA, OPERATION_CHAT,
                    SLICE("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":["
                          "{\"function\":{\"name\":\"f\",\"arguments\":{}}},"
                          "{\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}},"
                          "{\"function\":{\"name\":\"f\"}}]},"
                          "{\"role\":\"tool\",\"tool_name\":\"g\",\"content\":\"1\"},"
                          "{\"role\":\"tool\",\"tool_name\":\"f\",\"content\":\"2\"},"
                          "{\"role\":\"tool\",\"content\":\"3\"}]}"));
    EXPECT(request.ok && request.chat.message_count == 4);
    EXPECT_SLICE(request.chat.messages[1].parts[0].id, "call_0_1");
    EXPECT_SLICE(request.chat.messages[2].parts[0].id, "call_0_0");
    EXPECT_SLICE(request.chat.messages[3].parts[0].id, "call_0_2");
    request_release(&request);
}

static void reads_options_and_streams_unless_told_not_to(void)
{
    struct request request;
    request_read_as(&request, DIALECT_OLLAMA, OPERATION_CHAT,
                    SLICE("{\"model\":\"m\",\"options\":{\"num_predict\":-1,\"stop\":\"x\","
                          "\"mirostat\":1},\"think\":false,\"sluice\":{},"
                          "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"));
    EXPECT(request.ok && request.chat.stream && request.chat.include_usage);
    EXPECT_INT(request.chat.max_tokens, 0);
    EXPECT_INT(request.chat.stop_count, 1);
    EXPECT_INT(request.chat.extra_count, 1);
    EXPECT_INT(request.chat.thinking, THINKING_OFF);
    EXPECT(request.chat.sluice != JSON_ABSENT);
    request_release(&request);
}

/* Room for the request grows until it is read: until then it is refused for its size. */
static void expect_refused_without_room(enum operation operation, const char *body)
{
    bool refused = false;
    bool read = false;
    for (size_t limit = 64; !read && limit < FIXTURE_LIMIT; limit += 64) {
        struct json_doc doc;
        struct arena arena;
        struct chat chat = {.operation = operation};
        struct error error = {0};
        json_doc_init(&doc);
        arena_init(&arena, limit);
        read = dialect_of(DIALECT_OLLAMA)
                   ->read_request(slice_from_cstr(body), &doc, &arena, &chat, &error);
        EXPECT(read || strcmp(error.code, "request_too_large") == 0);
        refused = refused || !read;
        json_doc_release(&doc);
        arena_release(&arena);
    }
    EXPECT(read && refused);
}

#define PICTURE "\"iVBORw0KGgo=\""

static void refuses_what_there_is_no_room_for(void)
{
    expect_refused_without_room(
        OPERATION_CHAT,
        "{\"model\":\"m\",\"options\":{\"stop\":[\"a\",\"b\"],\"mirostat\":1},\"keep_alive\":1,"
        "\"tools\":[{\"function\":{\"name\":\"f\"}},{\"function\":{\"name\":\"g\"}}],"
        "\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"images\":[" PICTURE "],\"x\":1},"
        "{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]},"
        "{\"role\":\"tool\",\"content\":\"1\"}]}");
    expect_refused_without_room(OPERATION_COMPLETION,
                                "{\"system\":\"s\",\"prompt\":\"p\",\"images\":[" PICTURE "]}");
    expect_refused_without_room(OPERATION_COMPLETION, "{\"prompt\":\"p\",\"keep_alive\":1}");
    expect_refused_without_room(OPERATION_EMBEDDING, "{\"input\":[\"a\",\"b\",\"c\"]}");
}

static void pictures_go_with_a_prompt(void)
{
    struct request request;
    struct request_change change = {.model = SLICE("t")};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    request_read_as(&request, DIALECT_OLLAMA, OPERATION_COMPLETION,
                    SLICE("{\"prompt\":\"What?\",\"images\":[" PICTURE
                          ",\"/9j/4AAQ\",\"R0lGODlh\"],\"stream\":false}"));
    EXPECT(request.ok && (request.chat.needs & CAPABILITY_VISION) != 0);
    EXPECT_SLICE(request.chat.messages[0].parts[2].media_type, "image/jpeg");
    EXPECT(dialect_of(DIALECT_OLLAMA)->write_request(&request.chat, &change, &out, &loss, &error));
    EXPECT_SLICE(buf_slice(&out), "{\"model\":\"t\",\"prompt\":\"What?\",\"images\":[" PICTURE
                                  ",\"/9j/4AAQ\",\"R0lGODlh\"],\"stream\":false,\"options\":{}}");
    request.chat.messages[0].parts[1].data = SLICE_EMPTY; /* as if it came by URL */
    buf_clear(&out);
    EXPECT(!dialect_of(DIALECT_OLLAMA)->write_request(&request.chat, &change, &out, &loss, &error));
    EXPECT(strcmp(error.code, "untranslatable") == 0);
    request.chat.operation = OPERATION_EMBEDDING;
    EXPECT(!dialect_of(DIALECT_OLLAMA)->write_request(&request.chat, &change, &out, &loss, &error));
    EXPECT(strcmp(error.pointer, "/prompt") == 0);
    request_release(&request);
    buf_release(&out);
}

static void expect_edited(const char *body, int64_t clamp, const char *wanted, size_t changes)
{
    struct request request;
    struct request_change change = {.model = SLICE("t"), .clamp_max_tokens = clamp};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    size_t edits = 0;
    request_read_as(&request, DIALECT_OLLAMA, OPERATION_CHAT, slice_from_cstr(body));
    EXPECT(request.ok &&
           dialect_of(DIALECT_OLLAMA)->edit_request(&request.chat, &change, &out, &edits));
    EXPECT(slice_eq(buf_slice(&out), slice_from_cstr(wanted)));
    EXPECT_INT(edits, changes);
    if (!slice_eq(buf_slice(&out), slice_from_cstr(wanted))) {
        printf("# %.*s\n", SLICE_ARG(buf_slice(&out)));
    }
    request_release(&request);
    buf_release(&out);
}

#define TURN "\"messages\":[ {\"role\":\"user\",\"content\":\"a\\u0062\"}]"

static void edits_only_what_must_change(void)
{
    expect_edited("{\"model\":\"t\", " TURN "}", 0, "{\"model\":\"t\", " TURN "}", 0);
    expect_edited("{\"model\":\"m\", " TURN "}", 0, "{\"model\":\"t\", " TURN "}", 1);
    expect_edited("{" TURN "}", 9, "{" TURN ",\"model\":\"t\",\"options\":{\"num_predict\":9}}", 2);
    expect_edited("{\"model\":\"t\",\"options\":{\"num_predict\":5}," TURN "}", 9,
                  "{\"model\":\"t\",\"options\":{\"num_predict\":5}," TURN "}", 0);
    expect_edited("{\"model\":\"t\",\"options\":{\"num_predict\":-1}," TURN "}", 9,
                  "{\"model\":\"t\",\"options\":{\"num_predict\":9}," TURN "}", 1);
    expect_edited("{\"model\":\"t\",\"options\":{\"seed\":1}," TURN "}", 9,
                  "{\"model\":\"t\",\"options\":{\"seed\":1,\"num_predict\":9}," TURN "}", 1);
    expect_edited("{\"model\":\"t\",\"options\":null,\"sluice\":{\"task\":\"chat\"}," TURN "}", 9,
                  "{\"model\":\"t\",\"options\":{\"num_predict\":9}," TURN "}", 2);
}

#define HEAD "{\"model\":\"m\",\"created_at\":\"2023-11-14T22:13:20Z\","
#define DONE                                                                                       \
    "\"total_duration\":0,\"load_duration\":0,\"prompt_eval_count\":7,"                            \
    "\"prompt_eval_duration\":0,\"eval_count\":3,\"eval_duration\":0}\n"

static void expect_lines(const char *stream, const char *wanted)
{
    struct run run =
        run_stream(DIALECT_OPENAI_CHAT, DIALECT_OLLAMA, slice_from_cstr(stream), NULL, 0);
    bool same = slice_eq(buf_slice(&run.encoded), slice_from_cstr(wanted));
    if (!same) {
        printf("# %.*s\n", SLICE_ARG(buf_slice(&run.encoded)));
    }
    EXPECT(same);
    run_release(&run);
}

#define CHUNK(delta)                                                                               \
    "data: {\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0," delta "}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"id\":\"x\",\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":7,"           \
    "\"completion_tokens\":3,\"total_tokens\":10}}\n\n"

static void text_becomes_lines(void)
{
    expect_lines(CHUNK("\"delta\":{\"content\":\"Hi\"}")
                     CHUNK("\"delta\":{},\"finish_reason\":\"length\"") USAGE "data: [DONE]\n\n",
                 HEAD
                 "\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":false}\n" HEAD
                 "\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,"
                 "\"done_reason\":\"length\"," DONE);
}

static void calls_leave_whole(void)
{
    expect_lines(
        CHUNK("\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
              "\"arguments\":\"{\\\"x\\\"\"}}]}")
            CHUNK("\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}")
                CHUNK("\"delta\":{},\"finish_reason\":\"tool_calls\"") USAGE "data: [DONE]\n\n",
        HEAD "\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"a\","
             "\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]},\"done\":false}\n" HEAD
             "\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,"
             "\"done_reason\":\"stop\"," DONE);
}

static void a_cut_stream_never_says_done(void)
{
    struct run run = run_stream(DIALECT_OPENAI_CHAT, DIALECT_OLLAMA,
                                SLICE(CHUNK("\"delta\":{\"content\":\"Hi\"}")), NULL, 0);
    EXPECT(slice_find_slice(buf_slice(&run.encoded), SLICE("\"done\":true")) == SIZE_MAX);
    run_release(&run);
}

static void errors_are_texts(void)
{
    struct buf out = BUF_INIT(1024);
    struct answer_error error = {.status = 422,
                                 .code = SLICE("no_feasible_target"),
                                 .message = SLICE("No \"target\"."),
                                 .param = SLICE("/model"),
                                 .call_id = SLICE("c"),
                                 .detail = SLICE("{\"a\":1}")};
    dialect_of(DIALECT_OLLAMA)->write_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out),
                 "{\"error\":\"No \\\"target\\\".\",\"code\":\"no_feasible_target\","
                 "\"param\":\"/model\",\"call_id\":\"c\",\"sluice\":{\"a\":1}}");
    buf_clear(&out);
    error = (struct answer_error){.status = 502, .message = SLICE("cut")};
    dialect_of(DIALECT_OLLAMA)->write_stream_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out), "{\"error\":\"cut\"}\n");
    buf_release(&out);
}

static void vectors_come_in_order(void)
{
    struct decoder *decoder = dialect_of(DIALECT_OLLAMA)->decoder_new(FIXTURE_LIMIT);
    struct answer_head head = {.model = SLICE("m"), .operation = OPERATION_EMBEDDING};
    struct slice body =
        SLICE("{\"model\":\"n\",\"embeddings\":[[0.5,-1],[2e-3]],\"prompt_eval_count\":4}");
    struct buf out = BUF_INIT(1024);
    struct frame frame;
    EXPECT_INT(dialect_of(DIALECT_OLLAMA)->decode_answer(decoder, body, &frame), DECODE_FRAME);
    EXPECT(dialect_of(DIALECT_OLLAMA)->write_answer(&head, &frame, &out));
    EXPECT_SLICE(buf_slice(&out), "{\"model\":\"n\",\"embeddings\":[[0.5,-1],[2e-3]],"
                                  "\"total_duration\":0,\"load_duration\":0,"
                                  "\"prompt_eval_count\":4}");
    dialect_of(DIALECT_OLLAMA)->decoder_free(decoder);
    buf_release(&out);
}

int main(void)
{
    TEST(refuses_what_is_no_request, "refuses what is no request, with a pointer to the member");
    TEST(refuses_what_is_no_prompt_or_input, "refuses what is no prompt and no input");
    TEST(results_find_their_calls, "results find their calls by id, name or order");
    TEST(reads_options_and_streams_unless_told_not_to, "reads options; streams unless told not to");
    TEST(refuses_what_there_is_no_room_for, "refuses what there is no room for");
    TEST(pictures_go_with_a_prompt, "pictures go with a prompt");
    TEST(edits_only_what_must_change, "edits only what must change");
    TEST(text_becomes_lines, "text becomes lines, the last one tells the usage");
    TEST(calls_leave_whole, "calls leave whole, with their arguments as an object");
    TEST(a_cut_stream_never_says_done, "a cut stream never says done");
    TEST(errors_are_texts, "errors are texts with a stable code beside them");
    TEST(vectors_come_in_order, "vectors come in the order of the inputs");
    return tap_done();
}
