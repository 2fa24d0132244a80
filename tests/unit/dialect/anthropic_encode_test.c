/* SPDX-License-Identifier: Apache-2.0 */
/* What Anthropic's clients get of any provider's events: blocks one after the other, the true end.
 */
#include "dialect/encoder.h"

#include "base/memory.h"
#include "tests/unit/dialect/fixture.h"

#define EVENTS_MAX 16

static const struct answer_head plain_head = {
    .call_id = SLICE_INIT("call-1"), .model = SLICE_INIT("told"), .input_tokens = 12};

/* The data of the stream's events, one a line, without those that begin and end the message. */
static void essence(struct slice stream, struct buf *out)
{
    while (stream.len > 0) {
        struct slice name = slice_cut(&stream, '\n');
        struct slice data = slice_cut(&stream, '\n');
        struct slice blank = slice_cut(&stream, '\n');
        EXPECT(slice_starts(name, SLICE("event: ")) && slice_starts(data, SLICE("data: ")) &&
               blank.len == 0);
        data = slice_from(data, 6);
        EXPECT(is_json(data));
        bool around =
            slice_ends(name, SLICE("message_start")) || slice_ends(name, SLICE("message_stop"));
        if (!around) {
            struct json_doc doc;
            json_doc_init(&doc);
            EXPECT(json_parse(&doc, data, &json_default_limits, NULL));
            uint32_t type = json_member(&doc, JSON_ROOT, SLICE("type"));
            EXPECT(json_string_is(&doc, type, slice_from(name, 7)));
            uint32_t index = json_member(&doc, JSON_ROOT, SLICE("index"));
            uint32_t inside = json_member(&doc, JSON_ROOT, SLICE("content_block"));
            inside = inside == JSON_ABSENT ? json_member(&doc, JSON_ROOT, SLICE("delta")) : inside;
            if (index != JSON_ABSENT) {
                buf_append(out, json_raw(&doc, index));
                buf_append_char(out, ' ');
            }
            buf_append(out, inside == JSON_ABSENT ? slice_from(name, 7) : json_raw(&doc, inside));
            buf_append_char(out, '\n');
            json_doc_release(&doc);
        }
    }
}

static void encode_all(const struct answer_head *head, const struct event *events, size_t count,
                       struct buf *out)
{
    const struct dialect *dialect = dialect_of(DIALECT_ANTHROPIC);
    struct encoder *encoder = dialect->encoder_new(head);
    for (size_t i = 0; i < count; i++) {
        const struct frame frame = {.events = &events[i], .count = 1};
        EXPECT(dialect->encode(encoder, &frame, out));
    }
    dialect->encoder_free(encoder);
}

static void expect_blocks_of(const struct answer_head *head, const struct event *events,
                             size_t count, const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct buf seen = BUF_INIT(FIXTURE_LIMIT);
    encode_all(head, events, count, &out);
    essence(buf_slice(&out), &seen);
    EXPECT_SLICE(buf_slice(&seen), wanted);
    buf_release(&out);
    buf_release(&seen);
}

#define EXPECT_BLOCKS(events, wanted)                                                              \
    expect_blocks_of(&plain_head, (events), ARRAY_LEN(events), (wanted))

static struct event text(const char *words)
{
    return (struct event){.kind = EVENT_TEXT, .text = slice_from_cstr(words)};
}

static struct event thought(const char *words)
{
    return (struct event){.kind = EVENT_REASONING, .text = slice_from_cstr(words)};
}

static struct event call(uint32_t index, const char *id)
{
    return (struct event){
        .kind = EVENT_TOOL_CALL, .index = index, .id = slice_from_cstr(id), .name = SLICE("f")};
}

static struct event arguments(uint32_t index, const char *words)
{
    return (struct event){
        .kind = EVENT_TOOL_ARGUMENTS, .index = index, .text = slice_from_cstr(words)};
}

static struct event finish(enum finish_reason reason)
{
    return (struct event){.kind = EVENT_FINISH, .finish = reason};
}

static struct event sealed(enum event_kind kind, const char *words, unsigned maker)
{
    return (struct event){.kind = kind, .text = slice_from_cstr(words), .maker = maker};
}

static const struct event end = {.kind = EVENT_END};

#define BLOCK_TEXT "{\"type\":\"text\",\"text\":\"\"}\n"
#define DELTA_TEXT(words) "{\"type\":\"text_delta\",\"text\":\"" words "\"}\n"
#define BLOCK_CALL(id) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"f\",\"input\":{}}\n"
#define DELTA_CALL(json) "{\"type\":\"input_json_delta\",\"partial_json\":\"" json "\"}\n"
#define BLOCK_THOUGHT "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}\n"
#define DELTA_THOUGHT(words) "{\"type\":\"thinking_delta\",\"thinking\":\"" words "\"}\n"
#define DELTA_SEAL(seal) "{\"type\":\"signature_delta\",\"signature\":\"" seal "\"}\n"
#define STOP "content_block_stop\n"
#define REASON(word) "{\"stop_reason\":\"" word "\",\"stop_sequence\":null}\n"

/* Cases 15 and 18: fragments of two calls and a text among each other. */
static void calls_that_come_mixed_are_told_one_after_the_other(void)
{
    const struct event events[] = {
        text("Hi"),
        call(0, "a"),
        call(1, "b"),
        arguments(1, "{\\\"y\\\":"),
        arguments(0, "{\\\"x\\\":\\\"}"),
        text("aside"),
        arguments(1, "2}"),
        arguments(0, "\\\"}"),
        finish(FINISH_TOOL_CALLS),
        end,
    };
    EXPECT_BLOCKS(
        events,
        "0 " BLOCK_TEXT "0 " DELTA_TEXT(
            "Hi") "0 " STOP
                  "1 " BLOCK_CALL("a") "1 " DELTA_CALL("{\\\"x\\\":\\\"}") "1 " DELTA_CALL(
                      "\\\"}") "1 " STOP
                               "2 " BLOCK_CALL("b") "2 " DELTA_CALL("{\\\"y\\\":") "2 " DELTA_CALL(
                                   "2}") "2 " STOP "3 " BLOCK_TEXT
                                         "3 " DELTA_TEXT("aside") "3 " STOP REASON("tool_use"));
}

/* A call whose JSON is closed makes room at once, however it is escaped. */
static void complete_arguments_close_their_block(void)
{
    struct event events[] = {
        call(0, "a"),
        arguments(0, "{\\\"x\\\":[\\\"\\\\\\\"]}\\\",\\u007b\\u0022\\u0022:{}}]"),
        arguments(0, "}"),
        text("after"),
    };
    EXPECT_BLOCKS(events,
                  "0 " BLOCK_CALL("a") "0 " DELTA_CALL(
                      "{\\\"x\\\":[\\\"\\\\\\\"]}\\\","
                      "\\u007b\\u0022\\u0022:{}}]") "0 " DELTA_CALL("}") "0 " STOP "1 " BLOCK_TEXT
                                                                         "1 " DELTA_TEXT("after"));
}

/* Cases 1 and 6: whole arguments, none at all; "tool_use" however the provider calls it. */
static void every_call_has_arguments_and_its_stop_reason(void)
{
    const struct event events[] = {call(0, "a"), arguments(0, "{\\\"x\\\":1}"), call(1, "b"),
                                   finish(FINISH_STOP), end};
    EXPECT_BLOCKS(events,
                  "0 " BLOCK_CALL("a") "0 " DELTA_CALL("{\\\"x\\\":1}") "0 " STOP "1 " BLOCK_CALL(
                      "b") "1 " DELTA_CALL("{}") "1 " STOP REASON("tool_use"));
    const struct event none[] = {text("a"), finish(FINISH_TOOL_CALLS), end};
    EXPECT_BLOCKS(none, "0 " BLOCK_TEXT "0 " DELTA_TEXT("a") "0 " STOP REASON("end_turn"));
    const struct event late[] = {arguments(7, "{}"), finish(FINISH_STOP), end};
    EXPECT_BLOCKS(late, REASON("end_turn"));
}

/* Case 17: ids that Anthropic would refuse when the conversation goes there. */
static void ids_fit_the_alphabet(void)
{
    const struct event events[] = {call(0, "functions.Bash:0")};
    EXPECT_BLOCKS(events, "0 " BLOCK_CALL("sluice_ZnVuY3Rpb25zLkJhc2g6MA"));
}

static void thoughts_of_others_get_our_seal(void)
{
    const struct event events[] = {thought("a"),
                                   thought("b"),
                                   text("c"),
                                   thought("d"),
                                   sealed(EVENT_SIGNATURE, "gemini", DIALECT_GEMINI),
                                   sealed(EVENT_SIGNATURE, "again", 0),
                                   sealed(EVENT_OPAQUE, "cipher", DIALECT_OPENAI_RESPONSES),
                                   thought("e"),
                                   finish(FINISH_STOP),
                                   end};
    EXPECT_BLOCKS(
        events,
        "0 " BLOCK_THOUGHT "0 " DELTA_THOUGHT("a") "0 " DELTA_THOUGHT("b") "0 " DELTA_SEAL(
            "sluice.1") "0 " STOP "1 " BLOCK_TEXT
                        "1 " DELTA_TEXT(
                            "c") "1 " STOP "2 " BLOCK_THOUGHT
                                 "2 " DELTA_THOUGHT("d") "2 " DELTA_SEAL(
                                     "sluice.1") "2 " STOP "3 " BLOCK_THOUGHT
                                                 "3 " DELTA_THOUGHT("e") "3 " DELTA_SEAL(
                                                     "sluice.1") "3 " STOP REASON("end_turn"));
}

static void seals_of_calls_have_no_place(void)
{
    struct event seal = sealed(EVENT_SIGNATURE, "s", DIALECT_ANTHROPIC);
    seal.id = SLICE("a");
    const struct event events[] = {call(0, "a"), seal};
    EXPECT_BLOCKS(events, "0 " BLOCK_CALL("a"));
}

static void expect_shown(const struct chat *chat, const char *wanted)
{
    struct answer_head head = plain_head;
    head.chat = chat;
    const struct event events[] = {thought("a"), sealed(EVENT_SIGNATURE, "Eq", DIALECT_ANTHROPIC),
                                   sealed(EVENT_OPAQUE, "Em", DIALECT_ANTHROPIC),
                                   thought("foreign"), text("c")};
    expect_blocks_of(&head, events, ARRAY_LEN(events), wanted);
}

/* As Anthropic does it: thoughts for those who asked, seals for all who must send them back. */
static void only_those_who_asked_see_thoughts(void)
{
    struct chat chat = {.show_thinking = true};
    expect_shown(&chat,
                 "0 " BLOCK_THOUGHT "0 " DELTA_THOUGHT("a") "0 " DELTA_SEAL(
                     "Eq") "0 " STOP "1 {\"type\":\"redacted_thinking\",\"data\":\"Em\"}\n1 " STOP
                           "2 " BLOCK_THOUGHT "2 " DELTA_THOUGHT("foreign") "2 " DELTA_SEAL(
                               "sluice.1") "2 " STOP "3 " BLOCK_TEXT "3 " DELTA_TEXT("c"));
    chat.show_thinking = false;
    expect_shown(&chat,
                 "0 " BLOCK_THOUGHT
                 "0 " DELTA_SEAL("Eq") "0 " STOP
                                       "1 {\"type\":\"redacted_thinking\",\"data\":\"Em\"}\n1 " STOP
                                       "2 " BLOCK_TEXT "2 " DELTA_TEXT("c"));
}

/* Case 6: the line end that models write before a call. */
static void white_space_alone_is_no_text(void)
{
    const struct event events[] = {text("\\n"), text(" "), call(0, "a"), arguments(0, "{}"),
                                   text("\\n"), text("x"), text(" "),    finish(FINISH_STOP)};
    EXPECT_BLOCKS(
        events,
        "0 " BLOCK_CALL("a") "0 " DELTA_CALL("{}") "0 " STOP "1 " BLOCK_TEXT "1 " DELTA_TEXT(
            "\\n") "1 " DELTA_TEXT("x") "1 " DELTA_TEXT(" ") "1 " STOP);
}

static void citations_follow_their_text(void)
{
    const struct event cited = {.kind = EVENT_CITATION,
                                .id = SLICE_INIT("https://x"),
                                .name = SLICE_INIT("T"),
                                .text = SLICE_INIT("w")};
    const struct event nowhere = {.kind = EVENT_CITATION, .text = SLICE_INIT("w")};
    const struct event events[] = {cited, text("a"), cited, nowhere,           call(0, "a"),
                                   cited, text("b"), cited, arguments(0, "{}")};
#define CITED                                                                                      \
    "{\"type\":\"citations_delta\",\"citation\":{\"type\":\"web_search_result_location\","         \
    "\"url\":\"https://x\",\"title\":\"T\",\"cited_text\":\"w\"}}\n"
    EXPECT_BLOCKS(events, "0 " BLOCK_TEXT "0 " DELTA_TEXT("a") "0 " CITED "0 " STOP "1 " BLOCK_CALL(
                              "a") "1 " DELTA_CALL("{}") "1 " STOP "2 " BLOCK_TEXT
                                                         "2 " DELTA_TEXT("b") "2 " CITED);
}

static void expect_reason(struct event last, const char *wanted)
{
    const struct event events[] = {last, end};
    EXPECT_BLOCKS(events, wanted);
}

/* Case 23. */
static void reasons_are_anthropics(void)
{
    struct event last = finish(FINISH_LENGTH);
    expect_reason(last, REASON("max_tokens"));
    last.native = SLICE("model_context_window_exceeded");
    expect_reason(last, REASON("model_context_window_exceeded"));
    last = finish(FINISH_STOP);
    expect_reason(last, REASON("end_turn"));
    last.native = SLICE("pause_turn");
    expect_reason(last, REASON("pause_turn"));
    last = finish(FINISH_STOP);
    last.text = SLICE("END");
    expect_reason(last, "{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\"}\n");
    expect_reason(finish(FINISH_CONTENT_FILTER), REASON("refusal"));
    expect_reason(finish(FINISH_REFUSAL), REASON("refusal"));
    expect_reason(finish(FINISH_ERROR), "error\n");
}

static void refusals_are_texts_with_their_reason(void)
{
    const struct event events[] = {
        text("a"), {.kind = EVENT_REFUSAL, .text = SLICE_INIT("no")}, finish(FINISH_STOP), end};
    EXPECT_BLOCKS(events, "0 " BLOCK_TEXT
                          "0 " DELTA_TEXT("a") "0 " STOP "1 " BLOCK_TEXT
                                               "1 " DELTA_TEXT("no") "1 " STOP REASON("refusal"));
}

/* Case 11: nothing is made up. */
static void an_unfinished_stream_stays_unfinished(void)
{
    const struct event cut[] = {text("a")};
    EXPECT_BLOCKS(cut, "0 " BLOCK_TEXT "0 " DELTA_TEXT("a"));
    const struct event unsaid[] = {text("a"), end, text("b"), end};
    EXPECT_BLOCKS(unsaid, "0 " BLOCK_TEXT "0 " DELTA_TEXT(
                              "a") "0 " STOP "{\"stop_reason\":null,\"stop_sequence\":null}\n");
    const struct event failed[] = {
        text("a"), {.kind = EVENT_ERROR, .text = SLICE_INIT("m")}, text("b"), end};
    EXPECT_BLOCKS(failed, "0 " BLOCK_TEXT "0 " DELTA_TEXT("a") "error\n");
}

static void other_choices_and_events_are_not_told(void)
{
    struct event other = text("b");
    other.choice = 1;
    const struct event events[] = {
        text("a"), other, {.kind = EVENT_LOGPROBS, .text = SLICE_INIT("[]")}, finish(FINISH_STOP)};
    EXPECT_BLOCKS(events, "0 " BLOCK_TEXT "0 " DELTA_TEXT("a") "0 " STOP);
}

static void expect_stream(const struct event *events, size_t count, const char *first,
                          const char *last)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    encode_all(&plain_head, events, count, &out);
    EXPECT(slice_find_slice(buf_slice(&out), slice_from_cstr(first)) != SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), slice_from_cstr(last)) != SIZE_MAX);
    buf_release(&out);
}

/* Cases 7, 8, 19, 20, 22 and 33. */
static void usage_is_told_at_both_ends(void)
{
    const struct event usage = {.kind = EVENT_USAGE,
                                .usage = {.input = 100,
                                          .output = 9,
                                          .cache_read = 20,
                                          .cache_write = 30,
                                          .cache_write_1h = 40,
                                          .reasoning = 3}};
    const struct event events[] = {{.kind = EVENT_START}, usage, end};
    expect_stream(events, 3,
                  "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_call-1\",\"type\":"
                  "\"message\",\"role\":\"assistant\",\"model\":\"told\",\"content\":[],"
                  "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,",
                  "\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":70,"
                  "\"cache_read_input_tokens\":20,\"output_tokens\":9,\"output_tokens_details\":{"
                  "\"thinking_tokens\":3}}}\n\nevent: message_stop\n");
    /* A provider without usage, and one that says nothing at all but its end. */
    expect_stream(&end, 1, "event: message_start\n",
                  "\"usage\":{\"input_tokens\":12,\"cache_creation_input_tokens\":0,"
                  "\"cache_read_input_tokens\":0,\"output_tokens\":0}}\n\nevent: message_stop\n");
}

static void expect_error(const char *name, const char *type)
{
    char wanted[256];
    const struct event error = {
        .kind = EVENT_ERROR, .text = SLICE("m\xC2\x85"), .name = slice_from_cstr(name)};
    (void)snprintf(wanted, sizeof wanted,
                   "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":"
                   "\"m\\u0085\"%s%s%s},\"request_id\":\"call-1\"}\n\n",
                   type, name[0] == '\0' ? "" : ",\"code\":\"", name, name[0] == '\0' ? "" : "\"");
    expect_stream(&error, 1, wanted, wanted);
}

static void errors_have_anthropics_types(void)
{
    expect_error("", "api_error");
    expect_error("overloaded_error", "overloaded_error");
    expect_error("engine_overloaded", "overloaded_error");
    expect_error("503", "overloaded_error");
    expect_error("429", "rate_limit_error");
    expect_error("rate_limit_exceeded", "rate_limit_error");
    expect_error("billing_error", "billing_error");
    expect_error("server_error", "api_error");
}

/* As soon as it is known; a call that the limit cut goes out as far as it came. */
static void broken_arguments_have_no_form(void)
{
    static const struct {
        const char *first;
        const char *second;
        enum finish_reason finish;
        size_t good; /* events that have a form */
    } rows[] = {
        {"{\\\"x\\\":", "1}", FINISH_TOOL_CALLS, 4},
        {" ", "", FINISH_TOOL_CALLS, 4},
        {"{\\\"x\\\":", "1", FINISH_TOOL_CALLS, 3},
        {"{\\\"x\\\":", "1", FINISH_LENGTH, 4},
        {"{\\\"x\\\":", "x}", FINISH_TOOL_CALLS, 2},
        {"{bad", "}", FINISH_LENGTH, 1},
        {"[", "]", FINISH_TOOL_CALLS, 1},
        {"{}", "{}", FINISH_TOOL_CALLS, 2},
        {"\\\"", "{}\\\"", FINISH_TOOL_CALLS, 1},
    };
    const struct dialect *dialect = dialect_of(DIALECT_ANTHROPIC);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct event events[] = {call(0, "a"), arguments(0, rows[i].first),
                                       arguments(0, rows[i].second), finish(rows[i].finish)};
        struct encoder *encoder = dialect->encoder_new(&plain_head);
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        size_t good = 0;
        for (size_t k = 0; k < ARRAY_LEN(events); k++) {
            const struct frame frame = {.events = &events[k], .count = 1};
            good += dialect->encode(encoder, &frame, &out) ? 1 : 0;
            EXPECT(!out.failed);
        }
        EXPECT_INT(good, rows[i].good);
        dialect->encoder_free(encoder);
        buf_release(&out);
    }
}

static void a_text_costs_no_memory_of_its_own(void)
{
#ifdef SLUICE_FAULTS
    const struct dialect *dialect = dialect_of(DIALECT_ANTHROPIC);
    struct encoder *encoder = dialect->encoder_new(&plain_head);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    const struct event words = text("words");
    const struct frame frame = {.events = &words, .count = 1};
    EXPECT(dialect->encode(encoder, &frame, &out));
    EXPECT(buf_reserve(&out, 4096) != NULL);
    memory_fail_nth(0);
    for (int i = 0; i < 8; i++) {
        EXPECT(dialect->encode(encoder, &frame, &out));
    }
    EXPECT(!memory_fault_happened());
    memory_fail_nth(-1);
    dialect->encoder_free(encoder);
    buf_release(&out);
#endif
}

static void without_memory_the_stream_fails(void)
{
#ifdef SLUICE_FAULTS
    const struct dialect *dialect = dialect_of(DIALECT_ANTHROPIC);
    const struct event events[] = {text("\\n"),
                                   thought("t"),
                                   text("a"),
                                   call(0, "functions.f:0"),
                                   arguments(0, "{"),
                                   call(1, "b"),
                                   arguments(1, "{}"),
                                   arguments(0, "}"),
                                   sealed(EVENT_OPAQUE, "x", DIALECT_ANTHROPIC),
                                   text("b"),
                                   finish(FINISH_STOP),
                                   end};
    const struct frame frame = {.events = events, .count = ARRAY_LEN(events)};
    bool done = false;
    for (int64_t nth = 0; nth < 64 && !done; nth++) {
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        EXPECT(buf_reserve(&out, 16384) != NULL);
        memory_fail_nth(nth);
        struct encoder *encoder = dialect->encoder_new(&plain_head);
        bool ok = encoder != NULL && dialect->encode(encoder, &frame, &out);
        done = !memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT(done ? ok : !ok);
        dialect->encoder_free(encoder);
        buf_release(&out);
    }
    EXPECT(done);
#endif
}

int main(void)
{
    TEST(calls_that_come_mixed_are_told_one_after_the_other,
         "calls that come mixed are told one after the other");
    TEST(complete_arguments_close_their_block, "complete arguments close their block");
    TEST(every_call_has_arguments_and_its_stop_reason,
         "every call has arguments, and the answer its stop reason");
    TEST(ids_fit_the_alphabet, "ids fit Anthropic's alphabet");
    TEST(thoughts_of_others_get_our_seal, "thoughts of others get our seal");
    TEST(seals_of_calls_have_no_place, "seals of calls have no place");
    TEST(only_those_who_asked_see_thoughts, "only those who asked see thoughts");
    TEST(white_space_alone_is_no_text, "white space alone is no text");
    TEST(citations_follow_their_text, "citations follow their text");
    TEST(reasons_are_anthropics, "stop reasons are Anthropic's");
    TEST(refusals_are_texts_with_their_reason, "refusals are texts with their reason");
    TEST(an_unfinished_stream_stays_unfinished, "an unfinished stream stays unfinished");
    TEST(other_choices_and_events_are_not_told, "other choices and events are not told");
    TEST(usage_is_told_at_both_ends, "usage is told at both ends");
    TEST(errors_have_anthropics_types, "errors have Anthropic's types");
    TEST(broken_arguments_have_no_form, "broken arguments have no form, and that stays so");
    TEST(a_text_costs_no_memory_of_its_own, "a text costs no memory of its own");
    TEST(without_memory_the_stream_fails, "without memory the stream fails");
    return tap_done();
}
