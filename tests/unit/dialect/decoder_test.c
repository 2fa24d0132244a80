/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "tests/unit/dialect/fixture.h"

#define CHUNK(choices) "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[" choices "]}\n\n"
#define USAGE(members)                                                                             \
    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[],\"usage\":{" members "}}\n\n"

static void reads_usage_in_any_arithmetic(void)
{
    EXPECT_TRACE(DIALECT_OPENAI_CHAT, USAGE("\"input_tokens\":5,\"output_tokens\":6"),
                 "start id=c name=m\nusage in=5 out=6 cached=0 written=0 thought=0 audio=0/0\n- "
                 "usage_only\n");
    /* what is cached is more than all: it was not in the sum */
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE("\"prompt_tokens\":5,\"completion_tokens\":0,\"prompt_tokens_details\":{"
                       "\"cached_tokens\":9,"
                       "\"cache_write_tokens\":1}"),
                 "start id=c name=m\nusage in=15 out=0 cached=9 written=1 thought=0 audio=0/0\n- "
                 "usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE("\"prompt_tokens\":-5,\"completion_tokens\":1e30,\"prompt_tokens_details\":"
                       "null,\"cost\":\"free\""),
                 "start id=c name=m\nusage in=0 out=1000000000 cached=0 written=0 thought=0 "
                 "audio=0/0 unread cost_unread\n- usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE("\"prompt_tokens\":9007199254740993,\"completion_tokens\":1,\"cost\":-1"),
                 "start id=c name=m\nusage in=1000000000 out=1 cached=0 written=0 thought=0 "
                 "audio=0/0 cost_unread\n- usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT, /* more than all is the most, and null is nothing */
                 USAGE("\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":1e30"),
                 "start id=c name=m\nusage in=1 out=1 cached=0 written=0 thought=0 audio=0/0 "
                 "cost=9223372036854775807\n- usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE("\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":null"),
                 "start id=c name=m\nusage in=1 out=1 cached=0 written=0 thought=0 audio=0/0\n- "
                 "usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE("\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":1.5e-8"),
                 "start id=c name=m\nusage in=1 out=1 cached=0 written=0 thought=0 audio=0/0 "
                 "cost=15\n- usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT, USAGE("\"queue_time\":1"), "start id=c name=m\n-\n");
}

#define ONES "\"prompt_tokens\":1,\"completion_tokens\":1,"
#define BOTH_ONE "start id=c name=m\nusage in=1 out=1 cached=0 written=0 thought=0 audio=0/0"

/* OpenRouter's fee is not all there is to pay for who brings a key of his own. */
static void a_key_of_ones_own_is_paid_twice(void)
{
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE(ONES "\"cost\":0.00015,\"is_byok\":true,\"cost_details\":{"
                            "\"upstream_inference_cost\":0.003}"),
                 BOTH_ONE " cost=3150000\n- usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE(ONES "\"cost\":0.00015,\"is_byok\":false,\"cost_details\":{"
                            "\"upstream_inference_cost\":0.003}"),
                 BOTH_ONE " cost=150000\n- usage_only\n");
    /* without the vendor's bill nobody knows: the catalogue's price counts */
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE(ONES "\"cost\":0.00015,\"is_byok\":true,\"cost_details\":{"
                            "\"upstream_inference_cost\":null}"),
                 BOTH_ONE "\n- usage_only\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT, USAGE(ONES "\"cost\":0.00015,\"is_byok\":true"),
                 BOTH_ONE "\n- usage_only\n");
    /* a sum beyond all numbers stays one */
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE(ONES "\"cost\":9000000000,\"is_byok\":true,\"cost_details\":{"
                            "\"upstream_inference_cost\":9000000000}"),
                 BOTH_ONE " cost=9223372036854775807\n- usage_only\n");
}

static void tells_images_apart(void)
{
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 USAGE("\"prompt_tokens\":300,\"completion_tokens\":1310,"
                       "\"prompt_tokens_details\":{\"image_tokens\":258},"
                       "\"completion_tokens_details\":{\"image_tokens\":1290,"
                       "\"audio_tokens\":3,\"reasoning_tokens\":4}"),
                 "start id=c name=m\nusage in=300 out=1310 cached=0 written=0 thought=4 audio=0/3 "
                 "image=258/1290\n- usage_only\n");
}

static void hides_usage_null_only_where_it_stands_in_the_bytes(void)
{
    EXPECT_TRACE(DIALECT_OPENAI_CHAT, "data: {\"usage\":null,\"id\":\"c\",\"choices\":[]}\n\n",
                 "- hidden bytes=\"usage\":null,\n");
    EXPECT_TRACE(DIALECT_OPENAI_CHAT,
                 "data: {\"id\":\"c\",\ndata: \"usage\":null,\"choices\":[]}\n\n", "-\n");
}

static void tells_names_of_the_model_and_ids_apart(void)
{
    struct run a =
        run_text(DIALECT_OPENAI_CHAT,
                 CHUNK("{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}}"));
    struct run b =
        run_text(DIALECT_OPENAI_CHAT,
                 CHUNK("{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"g\"}}]}}"));
    struct run again =
        run_text(DIALECT_OPENAI_CHAT,
                 CHUNK("{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]}}"));
    EXPECT(slice_find_slice(buf_slice(&a.trace), SLICE("id=call_0_")) != SIZE_MAX);
    EXPECT(!slice_eq(buf_slice(&a.trace), buf_slice(&b.trace)));
    EXPECT(slice_eq(buf_slice(&a.trace), buf_slice(&again.trace)));
    run_release(&a);
    run_release(&b);
    run_release(&again);
}

static void ids_of_two_answers_differ(void)
{
    static const char line[] =
        "{\"model\":\"l\",\"created_at\":\"%s\",\"message\":{\"tool_calls\":[{\"function\":"
        "{\"name\":\"f\",\"arguments\":{}}}]},\"done\":true}";
    char first[256];
    char second[256];
    (void)snprintf(first, sizeof first, line, "2026-01-01T00:00:00Z");
    (void)snprintf(second, sizeof second, line, "2026-01-01T00:00:01Z");
    struct run a = run_text(DIALECT_OLLAMA, first);
    struct run b = run_text(DIALECT_OLLAMA, second);
    EXPECT(!slice_eq(buf_slice(&a.trace), buf_slice(&b.trace)));
    run_release(&a);
    run_release(&b);
}

static void ollama_tells_calls_without_a_name_at_the_end(void)
{
    EXPECT_TRACE(DIALECT_OLLAMA,
                 "{\"message\":{\"tool_calls\":[{},1,{\"id\":\"y\",\"function\":{\"arguments\":"
                 "null}},{\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
                 "\"done\":true,\"eval_count\":-4}\n",
                 "start\ncall index=1 id=x name=f\narguments index=1 text={}\ncall index=0 id=y\n"
                 "finish tool_calls\n"
                 "usage in=0 out=0 cached=0 written=0 thought=0 audio=0/0 unread\nend\n"
                 "- terminal\n");
    EXPECT_TRACE(DIALECT_OLLAMA,
                 "{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":[]}}"
                 "]},\"done\":true}\n",
                 "malformed\n");
}

/* The words of servers that imitate OpenAI: a failure is no stop. */
static void reasons_of_imitators_are_understood(void)
{
    static const struct {
        const char *word;
        const char *reason;
    } rows[] = {
        {"stop", "stop"},
        {"eos_token", "stop"},
        {"error", "error"},
        {"network_error", "error"},
        {"function_call_filter: MALFORMED_FUNCTION_CALL", "error"},
        {"insufficient_system_resource", "error"},
        {"abort", "error"},
        {"cancelled", "error"},
        {"sensitive", "content_filter"},
        {"model_length", "length"},
        {"max_output_tokens_length", "length"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];
        char wanted[256];
        (void)snprintf(text, sizeof text,
                       "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"%s\"}]}\n\n",
                       rows[i].word);
        (void)snprintf(wanted, sizeof wanted, "start\nfinish %s native=%s\n-\nend\n- terminal\n",
                       rows[i].reason, rows[i].word);
        EXPECT_TRACE(DIALECT_OPENAI_CHAT, text, wanted);
    }
}

/* As a text, as the object itself, or none; anything else is broken, not empty. */
static void arguments_of_other_kinds_are_malformed(void)
{
    static const struct {
        const char *value;
        const char *told; /* NULL: the frame is malformed */
    } rows[] = {
        {"\"{}\"", "{}"}, {"{\"a\":1}", "{\\\"a\\\":1}"},
        {"null", ""},     {"\"\"", ""},
        {"[]", NULL},     {"1", NULL},
        {"true", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "arguments index=0 text=%s\n",
                       rows[i].told == NULL ? "" : rows[i].told);
        const struct {
            enum dialect_id back;
            const char *before;
            const char *after;
        } backs[] = {
            {DIALECT_OPENAI_CHAT,
             "data: "
             "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
             "\"function\":{\"name\":\"f\",\"arguments\":",
             "}}]}}]}\n\n"},
            {DIALECT_OPENAI_RESPONSES,
             "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":"
             "\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":",
             "}}\n\n"},
            {DIALECT_OLLAMA,
             "{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"f\","
             "\"arguments\":",
             "}}]},\"done\":false}\n"},
        };
        for (size_t b = 0; b < ARRAY_LEN(backs); b++) {
            (void)snprintf(text, sizeof text, "%s%s%s", backs[b].before, rows[i].value,
                           backs[b].after);
            struct run run = run_text(backs[b].back, text);
            struct slice trace = buf_slice(&run.trace);
            bool malformed = slice_find_slice(trace, SLICE("malformed\n")) != SIZE_MAX;
            EXPECT_INT(malformed, rows[i].told == NULL);
            if (rows[i].told != NULL && rows[i].told[0] != '\0') {
                EXPECT(slice_find_slice(trace, slice_from_cstr(wanted)) != SIZE_MAX);
            }
            run_release(&run);
        }
    }
}

/* Servers that imitate Anthropic begin a call's input in their own ways. */
static void calls_of_anthropic_begin_empty(void)
{
    static const struct {
        const char *input;
        bool malformed;
    } rows[] = {{"{}", false}, {"null", false}, {"\"\"", false}, {"\"{}\"", true}, {"[]", true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{"
                       "\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":%s}}\n\n",
                       rows[i].input);
        struct run run = run_text(DIALECT_ANTHROPIC, text);
        bool malformed = slice_find_slice(buf_slice(&run.trace), SLICE("malformed")) != SIZE_MAX;
        EXPECT_INT(malformed, rows[i].malformed);
        run_release(&run);
    }
}

/* A close in order ends an answer only when every choice that spoke has told its reason. */
static void every_choice_must_have_finished(void)
{
#define CHOICE(index, rest) "data: {\"choices\":[{\"index\":" index "," rest "}]}\n\n"
#define SAYS "\"delta\":{\"content\":\"a\"}"
#define STOPS "\"finish_reason\":\"stop\""
    struct run cut =
        run_text(DIALECT_OPENAI_CHAT, CHOICE("0", SAYS) CHOICE("1", SAYS) CHOICE("0", STOPS));
    struct run whole = run_text(DIALECT_OPENAI_CHAT, CHOICE("0", SAYS) CHOICE("1", SAYS)
                                                         CHOICE("0", STOPS) CHOICE("1", STOPS));
    EXPECT(slice_find_slice(buf_slice(&cut.trace), SLICE("terminal")) == SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&whole.trace), SLICE("end\n- terminal")) != SIZE_MAX);
    run_release(&cut);
    run_release(&whole);
}

/* A large answer, then small chunks: what was large is given back, what is small is kept. */
static void keeps_no_large_memory(void)
{
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_CHAT);
    struct decoder *decoder = dialect->decoder_new(FIXTURE_LIMIT * 4);
    struct buf body = BUF_INIT(FIXTURE_LIMIT * 4);
    struct frame frame;
    buf_append(&body, SLICE("{\"id\":\"c\",\"choices\":[{\"message\":{\"content\":["));
    for (int i = 0; i < 3000; i++) {
        buf_append(&body, i == 0 ? SLICE("{\"text\":\"x\"}") : SLICE(",{\"text\":\"x\"}"));
    }
    buf_append(&body, SLICE("]}}]}"));
    EXPECT_INT(dialect->decode_answer(decoder, buf_slice(&body), &frame), DECODE_FRAME);
    EXPECT_INT(frame.count, 3002);
    struct slice chunk = SLICE(CHUNK("{\"delta\":{\"content\":\"a\"}}"));
    EXPECT_INT(dialect->decode(decoder, &chunk, &frame), DECODE_FRAME);
    EXPECT_INT(frame.count, 1);
    dialect->decoder_free(decoder);
    buf_release(&body);
}

#ifdef SLUICE_FAULTS
static const char *const torture_stream =
    CHUNK("{\"delta\":{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"id\":\"i\","
          "\"function\":{\"arguments\":{\"x\":1}}}]}}")
        CHUNK("{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}")
            CHUNK("{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"g\",\"arguments\":{\"x\":"
                  "1}}}]}}") CHUNK("{\"delta\":{},\"finish_reason\":\"stop\"}") "data: [DONE]\n\n";

static void a_text_chunk_allocates_nothing(void)
{
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_CHAT);
    struct answer_head head = {.call_id = SLICE("c"), .model = SLICE("m")};
    struct decoder *decoder = dialect->decoder_new(FIXTURE_LIMIT);
    struct encoder *encoder = dialect->encoder_new(&head);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    for (int i = 0; i < 100; i++) {
        struct slice bytes =
            SLICE(CHUNK("{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}"));
        struct frame frame;
        if (i == 2) {
            memory_fail_nth(0);
        }
        buf_clear(&out);
        EXPECT_INT(dialect->decode(decoder, &bytes, &frame), DECODE_FRAME);
        EXPECT(dialect->encode(encoder, &frame, &out));
        EXPECT(out.len > 0);
    }
    EXPECT(!memory_fault_happened());
    memory_fail_nth(-1);
    dialect->decoder_free(decoder);
    dialect->encoder_free(encoder);
    buf_release(&out);
}

/* One stream with allocations that fail: it ends early or whole, never wrongly. */
static bool torture(void)
{
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_CHAT);
    struct answer_head head = {.call_id = SLICE("c"), .model = SLICE("m")};
    struct decoder *decoder = dialect->decoder_new(FIXTURE_LIMIT);
    struct encoder *encoder = decoder == NULL ? NULL : dialect->encoder_new(&head);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    bool ended = false;
    if (encoder != NULL) {
        struct slice bytes = slice_from_cstr(torture_stream);
        struct frame frame;
        while (dialect->decode(decoder, &bytes, &frame) == DECODE_FRAME &&
               dialect->encode(encoder, &frame, &out)) {
            ended = frame.terminal;
        }
        dialect->encoder_free(encoder);
    }
    dialect->decoder_free(decoder);
    buf_release(&out);
    return ended;
}

static void survives_every_failing_allocation(void)
{
    int64_t nth = 0;
    bool failed = true;
    for (; failed && nth < 1000; nth++) {
        memory_fail_nth(nth);
        bool ended = torture();
        failed = memory_fault_happened();
        EXPECT(failed || ended);
    }
    memory_fail_nth(-1);
    EXPECT(nth > 10 && nth < 1000);
}

static void translation_survives_every_failing_allocation(void)
{
    struct slice body = SLICE(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"tool_"
        "calls\":["
        "{\"id\":\"\\u0061\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"y\"}],\"sluice\":{}}");
    bool failed = true;
    int64_t nth = 0;
    for (; failed && nth < 1000; nth++) {
        struct request request;
        struct request_change change = {.model = SLICE("m")};
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        struct loss loss = {.len = 0};
        size_t edits;
        memory_fail_nth(nth);
        request_read(&request, DIALECT_OPENAI_CHAT, body);
        if (request.ok) {
            for (unsigned id = 0; id < DIALECT_COUNT; id++) {
                const struct dialect *back = dialect_of((enum dialect_id)id);
                buf_clear(&out);
                bool ok = back->write_request != NULL &&
                          back->write_request(&request.chat, &change, &out, &loss, &request.error);
                EXPECT(!ok || is_json(buf_slice(&out)) || memory_fault_happened());
            }
            buf_clear(&out);
            bool ok =
                dialect_of(DIALECT_OPENAI_CHAT)->edit_request(&request.chat, &change, &out, &edits);
            EXPECT(!ok || is_json(buf_slice(&out)) || memory_fault_happened());
        }
        failed = memory_fault_happened();
        request_release(&request);
        buf_release(&out);
    }
    memory_fail_nth(-1);
    EXPECT(nth > 5 && nth < 1000);
}
#endif

int main(void)
{
    TEST(reads_usage_in_any_arithmetic, "usage is read in any arithmetic and never below zero");
    TEST(a_key_of_ones_own_is_paid_twice, "with a key of one's own the vendor's bill is added");
    TEST(tells_images_apart, "tokens of images are told apart");
    TEST(hides_usage_null_only_where_it_stands_in_the_bytes, "names the bytes of a null usage");
    TEST(tells_names_of_the_model_and_ids_apart,
         "invented ids depend on the call and on nothing else");
    TEST(ids_of_two_answers_differ, "invented ids of two answers differ");
    TEST(reasons_of_imitators_are_understood, "reasons of OpenAI's imitators are understood");
    TEST(arguments_of_other_kinds_are_malformed, "arguments of other kinds are malformed");
    TEST(calls_of_anthropic_begin_empty, "calls of Anthropic's imitators may begin with nothing");
    TEST(every_choice_must_have_finished,
         "a close in order ends an answer only when every choice has finished");
    TEST(ollama_tells_calls_without_a_name_at_the_end,
         "Ollama's calls without a name are told as such");
    TEST(keeps_no_large_memory, "memory of a large answer is given back");
#ifdef SLUICE_FAULTS
    TEST(a_text_chunk_allocates_nothing, "a text chunk allocates nothing once the decoder is warm");
    TEST(survives_every_failing_allocation, "a stream survives the failure of any allocation");
    TEST(translation_survives_every_failing_allocation,
         "a translation survives the failure of any allocation");
#endif
    return tap_done();
}
