/* SPDX-License-Identifier: Apache-2.0 */
/* Gemini's streams: in any pieces, as events or as one array, and as we write them. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

#define GEMINI DIALECT_GEMINI

static void load(const char *name, struct buf *out)
{
    char path[FILES_PATH];
    (void)snprintf(path, sizeof path, FILES_FOLDER "stream/%s", name);
    EXPECT(file_read(path, out));
}

static enum dialect_id back_of(const char *name)
{
    static const struct {
        const char *prefix;
        enum dialect_id id;
    } backs[] = {
        {"anthropic_", DIALECT_ANTHROPIC},
        {"completion", DIALECT_OPENAI_COMPLETIONS},
        {"gemini_", DIALECT_GEMINI},
        {"ollama_", DIALECT_OLLAMA},
        {"responses_", DIALECT_OPENAI_RESPONSES},
    };
    for (size_t i = 0; i < ARRAY_LEN(backs); i++) {
        if (strncmp(name, backs[i].prefix, strlen(backs[i].prefix)) == 0) {
            return backs[i].id;
        }
    }
    return DIALECT_OPENAI_CHAT;
}

/* --- pieces --- */

static void expect_same(const struct run *whole, struct run split, const char *name, size_t at)
{
    bool same = slice_eq(buf_slice(&whole->trace), buf_slice(&split.trace)) &&
                slice_eq(buf_slice(&whole->encoded), buf_slice(&split.encoded)) &&
                slice_eq(buf_slice(&whole->raw), buf_slice(&split.raw)) && !split.too_large;
    if (!same) {
        printf("# %s split at %zu:\n%.*s\n", name, at, SLICE_ARG(buf_slice(&split.trace)));
    }
    EXPECT(same);
    run_release(&split);
}

static void events_do_not_depend_on_the_pieces(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", NULL);
    size_t seen = 0;
    for (size_t i = 0; i < files.count; i++) {
        if (back_of(files.names[i]) != GEMINI) {
            continue;
        }
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        load(files.names[i], &bytes);
        struct run whole = run_stream(GEMINI, GEMINI, buf_slice(&bytes), NULL, 0);
        for (size_t at = 1; at < bytes.len; at++) {
            expect_same(&whole, run_stream(GEMINI, GEMINI, buf_slice(&bytes), &at, 1),
                        files.names[i], at);
        }
        size_t *cuts = malloc((bytes.len + 1) * sizeof *cuts);
        size_t count = 0;
        for (size_t at = 1; at < bytes.len; at++) {
            cuts[count++] = at;
        }
        expect_same(&whole, run_stream(GEMINI, GEMINI, buf_slice(&bytes), cuts, count),
                    files.names[i], 0);
        free(cuts);
        EXPECT(slice_eq(buf_slice(&whole.raw), buf_slice(&bytes)));
        run_release(&whole);
        buf_release(&bytes);
        seen++;
    }
    EXPECT(seen >= 20);
    files_release(&files);
}

/* --- what we write --- */

/* All that was said, in the order of its kind: pieces are joined. */
static void gather(struct slice trace, const char *kind, struct buf *out)
{
    struct slice prefix = slice_from_cstr(kind);
    while (trace.len > 0) {
        struct slice line = slice_cut(&trace, '\n');
        if (slice_eq(line, SLICE("end"))) {
            return; /* what comes after it is not told */
        }
        size_t at = slice_find_slice(line, SLICE(" text="));
        if (slice_starts(line, prefix) && at != SIZE_MAX) {
            EXPECT(json_unescape(slice_from(line, at + 6), out));
        }
    }
}

static void expect_kind(const struct run *first, const struct run *second, const char *kind,
                        const char *name)
{
    struct buf a = BUF_INIT(FIXTURE_LIMIT);
    struct buf b = BUF_INIT(FIXTURE_LIMIT);
    gather(buf_slice(&first->trace), kind, &a);
    gather(buf_slice(&second->trace), kind, &b);
    if (!slice_eq(buf_slice(&a), buf_slice(&b))) {
        printf("# %s %s: %.*s\n# became: %.*s\n", name, kind, SLICE_ARG(buf_slice(&a)),
               SLICE_ARG(buf_slice(&b)));
        EXPECT(false);
    }
    buf_release(&a);
    buf_release(&b);
}

static bool holds(const struct run *run, const char *text)
{
    return slice_find_slice(buf_slice(&run->trace), slice_from_cstr(text)) != SIZE_MAX;
}

/* Every provider's stream, told to a Gemini client and read again: the same texts and the same
 * end, and written once more the same bytes. */
static void our_own_streams_are_read_and_written_again(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", ".ndjson");
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        load(name, &bytes);
        struct run first = run_stream(back_of(name), GEMINI, buf_slice(&bytes), NULL, 0);
        struct run second = run_stream(GEMINI, GEMINI, buf_slice(&first.encoded), NULL, 0);
        EXPECT(!holds(&second, "malformed\n"));
        if (strstr(name, "refusal") == NULL && !holds(&first, "error name")) {
            expect_kind(&first, &second, "text ", name);
            expect_kind(&first, &second, "reasoning ", name);
        }
        bool broken = holds(&first, "malformed\n"); /* it may lack its finish */
        EXPECT(broken || holds(&first, "\nend\n") == holds(&second, "\nend\n"));
        /* Calls wait for the end of their choice, which comes later the second time. */
        bool waits = holds(&first, "call choice=");
        if (!holds(&first, "logprobs") && !holds(&first, "error") && !waits && !broken &&
            !slice_eq(buf_slice(&first.encoded), buf_slice(&second.encoded))) {
            printf("# %s:\n%.*s# became\n%.*s", name, SLICE_ARG(buf_slice(&first.encoded)),
                   SLICE_ARG(buf_slice(&second.encoded)));
            EXPECT(false);
        }
        run_release(&first);
        run_release(&second);
        buf_release(&bytes);
    }
    files_release(&files);
}

/* --- arrays --- */

static void run_array(enum dialect_id back_id, bool same, struct slice bytes, struct buf *out)
{
    const struct dialect *back = dialect_of(back_id);
    const struct dialect *front = dialect_of(GEMINI);
    struct answer_head head = {.call_id = SLICE("call"),
                               .model = SLICE("model"),
                               .stream_array = true,
                               .same_dialect = same};
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct encoder *encoder = front->encoder_new(&head);
    struct frame frame;
    enum decode_result result;
    while ((result = back->decode(decoder, &bytes, &frame)) == DECODE_FRAME) {
        EXPECT(front->encode(encoder, &frame, out));
    }
    while ((result = back->decode_end(decoder, &frame)) == DECODE_FRAME) {
        EXPECT(front->encode(encoder, &frame, out));
    }
    back->decoder_free(decoder);
    front->encoder_free(encoder);
}

static void expect_array(bool same, const char *stream, const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    run_array(GEMINI, same, slice_from_cstr(stream), &out);
    EXPECT_SLICE(buf_slice(&out), wanted);
    buf_release(&out);
}

#define TOLD ",\"modelVersion\":\"model\",\"responseId\":\"call\"}"

static void a_stream_may_be_one_array(void)
{
    expect_array(false,
                 "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n"
                 "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n",
                 "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}],\"role\":\"model\"},"
                 "\"index\":0}]" TOLD
                 ",\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],"
                 "\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}]" TOLD "]");
    expect_array(
        false, "data: {\"error\":{\"message\":\"m\"}}\n\n",
        "[{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\",\"details\":["
        "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"upstream_error\","
        "\"domain\":\"sluice\",\"metadata\":{\"call_id\":\"call\"}}]}}]");
    expect_array(false, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n",
                 "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}],\"role\":\"model\"},"
                 "\"index\":0}]" TOLD);
}

static void the_array_of_a_google_model_holds_its_own_chunks(void)
{
    expect_array(
        true,
        ": comment\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"executableCode\":{}"
        ",\"later\": 1.50}]}}]}\r\n\r\ndata:{\"candidates\":[\r\ndata: {\"finishReason\":"
        "\"STOP\"}],\"a\":\"\xE2\x80\xA8\"}\r\n\r\n",
        "[ {\"candidates\":[{\"content\":{\"parts\":[{\"executableCode\":{}"
        ",\"later\": 1.50}]}}]},\r\n{\"candidates\":[ {\"finishReason\":\"STOP\"}],"
        "\"a\":\"\\u2028\"}]");
    expect_array(true, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n",
                 "[ {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}");
    expect_array(true, "data: {\"error\":{\"message\":\"m\"}}\n\ndata: {}\n\n",
                 "[ {\"error\":{\"message\":\"m\"}}]");
}

static void every_array_that_ends_is_json(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", ".ndjson");
    for (size_t i = 0; i < files.count; i++) {
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        struct buf out = BUF_INIT(FIXTURE_LIMIT * 4);
        load(files.names[i], &bytes);
        run_array(back_of(files.names[i]), false, buf_slice(&bytes), &out);
        bool ended = slice_ends(buf_slice(&out), SLICE("]"));
        EXPECT(!ended || is_json(buf_slice(&out)));
        buf_release(&bytes);
        buf_release(&out);
    }
    files_release(&files);
}

/* --- events that no provider sends in this order --- */

static void encode_events(const struct event *events, size_t count, bool show, struct buf *out)
{
    const struct dialect *front = dialect_of(GEMINI);
    const struct chat chat = {.show_thinking = show};
    struct answer_head head = {.call_id = SLICE("call"), .model = SLICE("model"), .chat = &chat};
    struct encoder *encoder = front->encoder_new(&head);
    const struct frame frame = {.raw = SLICE(""), .events = events, .count = count};
    EXPECT(front->encode(encoder, &frame, out));
    front->encoder_free(encoder);
}

static void thoughts_are_told_to_those_who_asked(void)
{
    const struct event events[] = {{.kind = EVENT_REASONING, .text = SLICE("hm")},
                                   {.kind = EVENT_OPAQUE, .text = SLICE("x")},
                                   {.kind = EVENT_REFUSAL, .text = SLICE("No")}};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    encode_events(events, ARRAY_LEN(events), false, &out);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("hm")) == SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("\"No\"")) != SIZE_MAX);
    buf_clear(&out);
    encode_events(events, ARRAY_LEN(events), true, &out);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("{\"text\":\"hm\",\"thought\":true}")) !=
           SIZE_MAX);
    buf_release(&out);
}

/* Cases 1, 2, 15, 18: fragments of several calls in any order become whole calls. */
static void fragments_become_whole_calls(void)
{
    const struct event events[] = {
        {.kind = EVENT_TOOL_CALL, .index = 0, .id = SLICE("a"), .name = SLICE("f")},
        {.kind = EVENT_TOOL_CALL, .index = 1, .id = SLICE("b"), .name = SLICE("g")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 1, .text = SLICE("{\\\"x\\\"")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 0, .text = SLICE("{}")},
        {.kind = EVENT_TOOL_CALL, .index = 2, .id = SLICE("c"), .name = SLICE("h"), .custom = true},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 2, .text = SLICE("free \\\"text\\\"")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 1, .text = SLICE(":1}")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 9, .text = SLICE("lost")},
        {.kind = EVENT_SIGNATURE, .id = SLICE("b"), .text = SLICE("c2ln")},
        {.kind = EVENT_SIGNATURE, .text = SLICE("of a thought")},
        {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS},
        {.kind = EVENT_END},
    };
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    encode_events(events, ARRAY_LEN(events), false, &out);
    EXPECT_SLICE(
        buf_slice(&out),
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"id\":\"a\","
        "\"name\":\"f\",\"args\":{}},\"thoughtSignature\":"
        "\"skip_thought_signature_validator\"},{\"functionCall\":{\"id\":\"b\",\"name\":\"g\","
        "\"args\":{\"x\":1}},\"thoughtSignature\":\"c2ln\"},{\"functionCall\":{\"id\":\"c\","
        "\"name\":\"h\",\"args\":{\"input\":\"free \\\"text\\\"\"}}}],\"role\":\"model\"},"
        "\"index\":0}]" TOLD "\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":["
        "{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}]" TOLD
        "\r\n\r\n");
    buf_release(&out);
}

/* False: the dialect has no form for them. */
static bool has_form(const struct event *events, size_t count)
{
    const struct dialect *front = dialect_of(GEMINI);
    struct answer_head head = {.call_id = SLICE("call"), .model = SLICE("model")};
    struct encoder *encoder = front->encoder_new(&head);
    const struct frame frame = {.raw = SLICE(""), .events = events, .count = count};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    bool ok = front->encode(encoder, &frame, &out);
    EXPECT(!out.failed);
    front->encoder_free(encoder);
    buf_release(&out);
    return ok;
}

static void calls_without_an_object_are_no_answer(void)
{
    static const struct {
        const char *arguments;
        enum finish_reason finish;
        bool ok;
    } rows[] = {
        {"oops", FINISH_TOOL_CALLS, false},  {"[]", FINISH_STOP, false},
        {"{\\\"x\\\":", FINISH_STOP, false}, {"{\\\"x\\\":", FINISH_LENGTH, true},
        {"{}", FINISH_TOOL_CALLS, true},     {"", FINISH_TOOL_CALLS, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (uint32_t choice = 0; choice < 2; choice++) {
            const struct event events[] = {
                {.kind = EVENT_TOOL_CALL, .choice = choice, .id = SLICE("a"), .name = SLICE("f")},
                {.kind = EVENT_TOOL_ARGUMENTS,
                 .choice = choice,
                 .text = slice_from_cstr(rows[i].arguments)},
                {.kind = EVENT_FINISH, .choice = choice, .finish = rows[i].finish},
            };
            EXPECT_INT(has_form(events, ARRAY_LEN(events)), rows[i].ok);
        }
    }
    const struct event late[] = {{.kind = EVENT_FINISH, .choice = 4000, .finish = FINISH_STOP},
                                 {.kind = EVENT_END},
                                 {.kind = EVENT_TEXT, .text = SLICE("after the end")}};
    EXPECT(has_form(late, ARRAY_LEN(late)));
}

/* Vertex AI streams arguments in pieces to clients that ask for it; nobody here does. */
static void pieces_of_calls_are_no_calls(void)
{
#define CALL_CHUNK(call)                                                                           \
    "data: {\"responseId\":\"r\",\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":" call \
    "}]}}]}\n\n"
    static const char *const pieces[] = {
        CALL_CHUNK("{}"),
        CALL_CHUNK("{\"partialArgs\":[],\"willContinue\":true}"),
        CALL_CHUNK("{\"willContinue\":true}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct run run = run_text(GEMINI, pieces[i]);
        EXPECT(slice_find_slice(buf_slice(&run.trace), SLICE("call ")) == SIZE_MAX);
        EXPECT(slice_find_slice(buf_slice(&run.trace), SLICE("malformed")) == SIZE_MAX);
        run_release(&run);
    }
    struct run run = run_text(GEMINI, CALL_CHUNK("{\"name\":\"f\",\"willContinue\":true}"));
    EXPECT(slice_find_slice(buf_slice(&run.trace), SLICE("call index=0 id=")) != SIZE_MAX);
    run_release(&run);
}

/* --- limits --- */

static void a_frame_beyond_the_ceiling_ends_the_decoding(void)
{
    const struct dialect *back = dialect_of(GEMINI);
    struct decoder *decoder = back->decoder_new(100);
    char bytes[256];
    struct frame frame;
    memset(bytes, 'x', sizeof bytes);
    struct slice piece = slice_of(bytes, sizeof bytes);
    EXPECT_INT(back->decode(decoder, &piece, &frame), DECODE_TOO_LARGE);
    EXPECT_INT(back->decode_end(decoder, &frame), DECODE_MORE);
    back->decoder_free(decoder);
    dialect_of(GEMINI)->encoder_free(NULL);
}

int main(void)
{
    TEST(events_do_not_depend_on_the_pieces, "every stream split at every byte gives the same");
    TEST(our_own_streams_are_read_and_written_again, "what we write reads as itself");
    TEST(a_stream_may_be_one_array, "a stream may be one array, cut where the stream was");
    TEST(the_array_of_a_google_model_holds_its_own_chunks,
         "an array holds a provider's own chunks");
    TEST(every_array_that_ends_is_json, "every array that ends is JSON");
    TEST(thoughts_are_told_to_those_who_asked, "thoughts are told to those who asked for them");
    TEST(fragments_become_whole_calls, "fragments become whole calls, signed once");
    TEST(calls_without_an_object_are_no_answer,
         "calls without an object are no answer, but for those that the limit cut");
    TEST(pieces_of_calls_are_no_calls, "a nameless piece of a call is no call");
    TEST(a_frame_beyond_the_ceiling_ends_the_decoding, "a frame beyond the ceiling ends all");
    return tap_done();
}
