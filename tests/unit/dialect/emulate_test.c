/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway makes good for dialects without a word for it: requests rewritten, answers cut
 * and turned. */
#include "tests/unit/dialect/fixture.h"

#include "base/memory.h"
#include "base/random.h"
#include "dialect/emulate.h"
#include "dialect/wish.h"

#define PIECES_MAX 64

static struct chat chat_with_stops(struct slice *stops, size_t count)
{
    return (struct chat){.stop = stops, .stop_count = count, .choices = 1};
}

/* Feeds texts, one frame each, then a finish, usage and the end in a last one; what came out is in
 * *trace. */
static void feed(const struct chat *chat, const struct slice *pieces, size_t count,
                 struct buf *trace)
{
    struct emulation *emulation = emulation_new(chat, WISH_BIT(WISH_STOP));
    struct frame shown;
    CHECK(emulation != NULL);
    for (size_t i = 0; i < count && !emulation_is_cut(emulation); i++) {
        const struct event event = {.kind = EVENT_TEXT, .text = pieces[i]};
        const struct frame frame = {.events = &event, .count = 1};
        EXPECT(emulation_frame(emulation, &frame, &shown));
        for (size_t j = 0; j < shown.count; j++) {
            trace_event(trace, &shown.events[j]);
        }
        EXPECT_INT(shown.terminal, emulation_is_cut(emulation));
    }
    const struct event last[] = {
        {.kind = EVENT_FINISH, .finish = FINISH_LENGTH},
        {.kind = EVENT_END},
    };
    const struct frame frame = {.events = last, .count = 2, .terminal = true};
    if (!emulation_is_cut(emulation)) {
        EXPECT(emulation_frame(emulation, &frame, &shown));
        for (size_t j = 0; j < shown.count; j++) {
            trace_event(trace, &shown.events[j]);
        }
    }
    emulation_free(emulation);
}

static void expect_fed(const struct chat *chat, const struct slice *pieces, size_t count,
                       const char *wanted)
{
    struct buf trace = BUF_INIT(FIXTURE_LIMIT);
    feed(chat, pieces, count, &trace);
    EXPECT_SLICE(buf_slice(&trace), wanted);
    buf_release(&trace);
}

static void answers_end_at_the_stop(void)
{
    struct slice stops[] = {SLICE("END"), SLICE("\\n\\n")};
    struct chat chat = chat_with_stops(stops, 2);
    const struct slice whole[] = {SLICE("one END two")};
    expect_fed(&chat, whole, 1,
               "text text=one \nfinish text=END stop\nusage in=0 out=0 cached=0 written=0 "
               "thought=0 audio=0/0\nend\n");
    const struct slice lines[] = {SLICE("one\\n"), SLICE("\\u000atwo")};
    expect_fed(&chat, lines, 2,
               "text text=one\nfinish text=\\n\\u000a stop\nusage in=0 out=0 cached=0 written=0 "
               "thought=0 audio=0/0\nend\n");
}

static void only_what_can_begin_a_stop_is_held(void)
{
    struct slice stops[] = {SLICE("END")};
    struct chat chat = chat_with_stops(stops, 1);
    const struct slice pieces[] = {SLICE("aE"), SLICE("N"), SLICE("Eb"), SLICE("EN")};
    expect_fed(&chat, pieces, 4, "text text=a\ntext text=ENEb\ntext text=EN\nfinish length\nend\n");
}

static void a_character_may_come_in_two_pieces(void)
{
    struct slice stops[] = {SLICE("\xF0\x9F\x98\x80")};
    struct chat chat = chat_with_stops(stops, 1);
    const struct slice pieces[] = {SLICE("a\\ud83d"), SLICE("\\ude00b")};
    expect_fed(&chat, pieces, 2,
               "text text=a\nfinish text=\\ud83d\\ude00 stop\nusage in=0 out=0 cached=0 "
               "written=0 thought=0 audio=0/0\nend\n");
    const struct slice other[] = {SLICE("a\\ud83d"), SLICE("\\ude01b")};
    expect_fed(&chat, other, 2, "text text=a\ntext text=\\ud83d\\ude01b\nfinish length\nend\n");
}

/* The text before the first sequence that is complete; of several that end together the longest. */
static size_t cut_of(struct slice text, const struct slice *stops, size_t count)
{
    for (size_t end = 1; end <= text.len; end++) {
        size_t longest = 0;
        for (size_t i = 0; i < count; i++) {
            bool met = stops[i].len <= end &&
                       memcmp(text.ptr + end - stops[i].len, stops[i].ptr, stops[i].len) == 0;
            longest = met && stops[i].len > longest ? stops[i].len : longest;
        }
        if (longest > 0) {
            return end - longest;
        }
    }
    return text.len;
}

static struct slice random_text(struct random *random, char *out, size_t most)
{
    size_t len = 1 + (size_t)random_below(random, most);
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)('a' + random_below(random, 2));
    }
    return slice_of(out, len);
}

static void texts_of(const struct chat *chat, struct slice text, struct random *random,
                     struct buf *out)
{
    struct emulation *emulation = emulation_new(chat, WISH_BIT(WISH_STOP));
    CHECK(emulation != NULL);
    while (text.len > 0 && !emulation_is_cut(emulation)) {
        struct event events[3];
        struct frame shown;
        size_t count = 0;
        while (count < ARRAY_LEN(events) && text.len > 0) {
            size_t len = 1 + (size_t)random_below(random, text.len);
            events[count++] = (struct event){.kind = EVENT_TEXT, .text = slice_of(text.ptr, len)};
            text = slice_from(text, len);
        }
        const struct frame frame = {.events = events, .count = count};
        EXPECT(emulation_frame(emulation, &frame, &shown));
        for (size_t i = 0; i < shown.count; i++) {
            buf_append(out, shown.events[i].kind == EVENT_TEXT ? shown.events[i].text : SLICE(""));
        }
    }
    const struct event finish = {.kind = EVENT_FINISH, .finish = FINISH_STOP};
    const struct frame frame = {.events = &finish, .count = 1};
    struct frame shown;
    if (!emulation_is_cut(emulation)) {
        EXPECT(emulation_frame(emulation, &frame, &shown));
        buf_append(out, shown.count == 2 ? shown.events[0].text : SLICE(""));
    }
    emulation_free(emulation);
}

static void any_pieces_are_cut_alike(void)
{
    struct random random;
    random_seed(&random, 20261122);
    for (unsigned round = 0; round < 20000; round++) {
        char bytes[4][40];
        struct slice stops[3];
        size_t count = 1 + (size_t)random_below(&random, 3);
        for (size_t i = 0; i < count; i++) {
            stops[i] = random_text(&random, bytes[i], 6);
        }
        struct slice text = random_text(&random, bytes[3], 40);
        struct chat chat = chat_with_stops(stops, count);
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        texts_of(&chat, text, &random, &out);
        struct slice wanted = slice_of(text.ptr, cut_of(text, stops, count));
        EXPECT(slice_eq(buf_slice(&out), wanted));
        buf_release(&out);
    }
}

static void a_whole_answer_keeps_its_usage(void)
{
    struct slice stops[] = {SLICE(".")};
    struct chat chat = chat_with_stops(stops, 1);
    struct emulation *emulation = emulation_new(&chat, WISH_BIT(WISH_STOP));
    const struct event events[] = {
        {.kind = EVENT_START, .id = SLICE("r")},
        {.kind = EVENT_TEXT, .text = SLICE("a.b")},
        {.kind = EVENT_TOOL_CALL, .name = SLICE("f")},
        {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS},
        {.kind = EVENT_USAGE, .usage = {.input = 7, .output = 9}},
        {.kind = EVENT_END},
    };
    const struct frame frame = {.events = events, .count = ARRAY_LEN(events), .terminal = true};
    const struct usage other = {.input = 1};
    struct frame shown;
    struct buf trace = BUF_INIT(FIXTURE_LIMIT);
    EXPECT(emulation_frame(emulation, &frame, &shown));
    emulation_usage(emulation, &other); /* it told its own */
    for (size_t i = 0; i < shown.count; i++) {
        trace_event(&trace, &shown.events[i]);
    }
    EXPECT_SLICE(buf_slice(&trace),
                 "start id=r\ntext text=a\nfinish text=. stop\nusage in=7 out=9 cached=0 "
                 "written=0 thought=0 audio=0/0\nend\n");
    emulation_free(emulation);
    buf_release(&trace);
}

static void a_call_lets_go_what_was_held(void)
{
    struct slice stops[] = {SLICE("END")};
    struct chat chat = chat_with_stops(stops, 1);
    struct emulation *emulation = emulation_new(&chat, WISH_BIT(WISH_STOP));
    const struct event events[] = {
        {.kind = EVENT_TEXT, .text = SLICE("aEN")},
        {.kind = EVENT_TOOL_CALL, .name = SLICE("f")},
        {.kind = EVENT_TEXT, .text = SLICE("D")},
    };
    const struct frame frame = {.events = events, .count = ARRAY_LEN(events)};
    struct frame shown;
    struct buf trace = BUF_INIT(FIXTURE_LIMIT);
    EXPECT(emulation_frame(emulation, &frame, &shown));
    for (size_t i = 0; i < shown.count; i++) {
        trace_event(&trace, &shown.events[i]);
    }
    EXPECT_SLICE(buf_slice(&trace),
                 "text text=a\ntext text=EN\ncall index=0 name=f\ntext text=D\n");
    emulation_free(emulation);
    buf_release(&trace);
}

static void arguments_become_the_answer(void)
{
    struct chat chat = {.choices = 1};
    struct emulation *emulation = emulation_new(&chat, WISH_BIT(WISH_FORMAT));
    const struct event events[] = {
        {.kind = EVENT_TOOL_CALL, .name = SLICE("json"), .id = SLICE("t")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("{\\\"a\\\":")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("1}")},
        {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS, .native = SLICE("tool_use")},
    };
    const struct frame frame = {.events = events, .count = ARRAY_LEN(events)};
    struct frame shown;
    struct buf trace = BUF_INIT(FIXTURE_LIMIT);
    EXPECT(emulation_frame(emulation, &frame, &shown));
    for (size_t i = 0; i < shown.count; i++) {
        trace_event(&trace, &shown.events[i]);
    }
    EXPECT_SLICE(buf_slice(&trace), "text text={\\\"a\\\":\ntext text=1}\nfinish stop\n");
    emulation_free(emulation);
    buf_release(&trace);
}

/* No function of that name can be told of alone. */
static void a_named_tool_that_is_missing_offers_all(void)
{
    struct chat_tool tools[] = {{.kind = TOOL_FUNCTION, .name = SLICE("f")},
                                {.kind = TOOL_OTHER, .name = SLICE("g")}};
    struct chat chat = {.tools = tools,
                        .tool_count = 2,
                        .tool_choice = TOOL_CHOICE_NAMED,
                        .tool_choice_name = SLICE("g")};
    struct arena arena;
    arena_init(&arena, FIXTURE_LIMIT);
    EXPECT(emulation_rewrite(&chat, WISH_BIT(WISH_TOOL_CHOICE), &arena));
    EXPECT(chat.tools == tools && chat.tool_count == 2);
    EXPECT_INT(chat.tool_choice, TOOL_CHOICE_UNSET);
    arena_release(&arena);
}

static void a_budget_that_is_spent_is_reported(void)
{
    struct chat_tool tool = {.kind = TOOL_FUNCTION, .name = SLICE("f")};
    const struct chat named = {.tools = &tool,
                               .tool_count = 1,
                               .tool_choice = TOOL_CHOICE_NAMED,
                               .tool_choice_name = SLICE("f")};
    static const unsigned wishes[] = {WISH_BIT(WISH_TOOL_CHOICE), WISH_BIT(WISH_FORMAT)};
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        struct chat copy = named;
        struct arena arena;
        arena_init(&arena, sizeof(struct chat_tool) - 1);
        EXPECT(!emulation_rewrite(&copy, wishes[i], &arena));
        arena_release(&arena);
        copy = named;
        arena_init(&arena, FIXTURE_LIMIT);
        EXPECT(emulation_rewrite(&copy, wishes[i], &arena));
        arena_release(&arena);
    }
}

#ifdef SLUICE_FAULTS
static void memory_that_is_not_there_is_reported(void)
{
    struct slice stops[] = {SLICE("END")};
    struct chat chat = chat_with_stops(stops, 1);
    const struct event text = {.kind = EVENT_TEXT, .text = SLICE("one END two")};
    const struct frame frame = {.events = &text, .count = 1};
    bool failed = true;
    int64_t nth = 0;
    for (; failed; nth++) {
        struct frame shown;
        memory_fail_nth(nth);
        struct emulation *emulation = emulation_new(&chat, WISH_BIT(WISH_STOP));
        bool told = emulation != NULL && emulation_frame(emulation, &frame, &shown);
        failed = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT_INT(told, !failed);
        EXPECT(!told || slice_eq(shown.events[0].text, SLICE("one ")));
        emulation_free(emulation);
    }
    EXPECT(nth > 2);
    emulation_free(NULL);
}
#endif

static void what_cannot_be_emulated_is_left(void)
{
    struct request request;
    request_read(&request, DIALECT_OPENAI_CHAT,
                 SLICE("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                       "\"stop\":\"x\",\"response_format\":{\"type\":\"json_object\"},\"tools\":[{"
                       "\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":"
                       "\"function\",\"function\":{\"name\":\"g\"}}],\"tool_choice\":{\"type\":"
                       "\"function\",\"function\":{\"name\":\"g\"}}}"));
    EXPECT(request.ok);
    unsigned wishes = wishes_of(&request.chat);
    EXPECT_INT(wishes, WISH_BIT(WISH_STOP) | WISH_BIT(WISH_FORMAT) | WISH_BIT(WISH_TOOL_CHOICE));
    /* the client's own tools leave no room for ours */
    EXPECT_INT(emulation_able(&request.chat, wishes),
               WISH_BIT(WISH_STOP) | WISH_BIT(WISH_TOOL_CHOICE));
    struct chat copy = request.chat;
    EXPECT(emulation_rewrite(&copy, WISH_BIT(WISH_TOOL_CHOICE), &request.arena));
    EXPECT_INT(copy.tool_count, 1);
    EXPECT_SLICE(copy.tools[0].name, "g");
    EXPECT_INT(copy.tool_choice, TOOL_CHOICE_UNSET);
    EXPECT_INT(request.chat.tool_count, 2);
    request.chat.logprobs = true; /* they come beside the text and cannot be cut with it */
    EXPECT_INT(emulation_able(&request.chat, WISH_BIT(WISH_STOP)), 0);
    request_release(&request);
    struct slice empty[] = {SLICE("")};
    struct chat chat = chat_with_stops(empty, 1);
    EXPECT_INT(emulation_able(&chat, WISH_BIT(WISH_STOP)), 0);
}

static unsigned missing_of(enum dialect_id from, const char *body, enum dialect_id to)
{
    struct request request;
    request_read(&request, from, slice_from_cstr(body));
    EXPECT(request.ok);
    unsigned missing = wishes_missing(&request.chat, to);
    EXPECT_INT((wishes_speakers(&request.chat, false) & DIALECT_BIT(to)) != 0, missing == 0);
    request_release(&request);
    return missing;
}

#define ASKS(more) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]," more "}"

static void what_is_too_much_is_missing(void)
{
    const char *five = ASKS("\"options\":{\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}");
    EXPECT_INT(missing_of(DIALECT_OLLAMA, five, DIALECT_OPENAI_CHAT), WISH_BIT(WISH_STOP));
    EXPECT_INT(missing_of(DIALECT_OLLAMA, five, DIALECT_GEMINI), 0);
    EXPECT_INT(missing_of(DIALECT_OLLAMA, five, DIALECT_OLLAMA), 0);
    const char *blank = ASKS("\"stop\":[\"x\",\"\\n \"]");
    EXPECT_INT(missing_of(DIALECT_OPENAI_CHAT, blank, DIALECT_ANTHROPIC), WISH_BIT(WISH_STOP));
    EXPECT_INT(missing_of(DIALECT_OPENAI_CHAT, blank, DIALECT_GEMINI), 0);
    const char *search = ASKS("\"tools\":[{\"type\":\"web_search\"}],\"tool_choice\":\"required\"");
    EXPECT_INT(missing_of(DIALECT_OPENAI_CHAT, search, DIALECT_ANTHROPIC),
               WISH_BIT(WISH_TOOL_CHOICE));
    EXPECT_INT(missing_of(DIALECT_OPENAI_CHAT, search, DIALECT_OPENAI_CHAT), 0);
    EXPECT_INT(missing_of(DIALECT_OPENAI_CHAT, ASKS("\"n\":2"), DIALECT_GEMINI), 0);
}

int main(void)
{
    TEST(answers_end_at_the_stop, "an answer ends at its stop sequence, however it is spelled");
    TEST(only_what_can_begin_a_stop_is_held, "only what can begin a stop sequence is held back");
    TEST(a_character_may_come_in_two_pieces, "half a character is half of a stop sequence");
    TEST(any_pieces_are_cut_alike, "any pieces of a text are cut at the same place");
    TEST(a_whole_answer_keeps_its_usage, "a whole answer that is cut keeps its usage");
    TEST(a_call_lets_go_what_was_held, "a call lets go what was held back");
    TEST(arguments_become_the_answer, "the arguments of our tool are the answer");
    TEST(what_is_too_much_is_missing, "what a dialect cannot be told is known before it is asked");
    TEST(what_cannot_be_emulated_is_left, "what cannot be emulated is left to other targets");
    TEST(a_named_tool_that_is_missing_offers_all, "a named tool that is missing offers all others");
    TEST(a_budget_that_is_spent_is_reported, "a request that does not fit is reported");
#ifdef SLUICE_FAULTS
    TEST(memory_that_is_not_there_is_reported, "out of memory is reported at every allocation");
#endif
    return tap_done();
}
