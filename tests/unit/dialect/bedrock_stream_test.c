/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of Converse in any pieces, broken ones, and refusals. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

static void encode(const char *text, struct buf *out)
{
    frames_encode(slice_from_cstr(text), out);
}

static void expect_same(const struct run *whole, struct run split, const char *name, size_t at)
{
    bool same = slice_eq(buf_slice(&whole->trace), buf_slice(&split.trace)) &&
                slice_eq(buf_slice(&whole->encoded), buf_slice(&split.encoded)) &&
                slice_eq(buf_slice(&whole->raw), buf_slice(&split.raw)) && !split.too_large;
    if (!same) {
        printf("# %s split at %zu:\n%.*s\n# whole:\n%.*s\n", name, at,
               SLICE_ARG(buf_slice(&split.trace)), SLICE_ARG(buf_slice(&whole->trace)));
    }
    EXPECT(same);
    run_release(&split);
}

static void split_everywhere(const char *name, struct slice bytes)
{
    struct run whole = run_stream(DIALECT_BEDROCK, DIALECT_ANTHROPIC, bytes, NULL, 0);
    size_t *cuts = malloc((bytes.len + 1) * sizeof *cuts);
    for (size_t at = 1; at < bytes.len; at++) {
        expect_same(&whole, run_stream(DIALECT_BEDROCK, DIALECT_ANTHROPIC, bytes, &at, 1), name,
                    at);
    }
    for (size_t step = 1; step <= 7; step += 3) {
        size_t count = 0;
        for (size_t at = step; at < bytes.len; at += step) {
            cuts[count++] = at;
        }
        expect_same(&whole, run_stream(DIALECT_BEDROCK, DIALECT_ANTHROPIC, bytes, cuts, count),
                    name, step);
    }
    free(cuts);
    run_release(&whole);
}

static void events_do_not_depend_on_the_pieces(void)
{
    struct files files;
    files_list(&files, "stream", ".frames", NULL);
    EXPECT(files.count >= 10);
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf text = BUF_INIT(FIXTURE_LIMIT);
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        (void)snprintf(path, sizeof path, FILES_FOLDER "stream/%s", files.names[i]);
        EXPECT(file_read(path, &text));
        frames_encode(buf_slice(&text), &bytes);
        split_everywhere(files.names[i], buf_slice(&bytes));
        buf_release(&text);
        buf_release(&bytes);
    }
    files_release(&files);
}

#define BEGUN                                                                                      \
    "event messageStart {\"role\":\"assistant\"}\nevent contentBlockDelta {\"contentBlockIndex\":" \
    "0,\"delta\":{\"text\":\"Hel\"}}\n"
#define BEGUN_TRACE "start\n-\ntext text=Hel\n-\n"

/* A message whose sum is wrong is told once, and nothing is believed after it. */
static void a_broken_message_ends_the_answer(void)
{
    struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
    encode(BEGUN, &bytes);
    size_t good = bytes.len;
    encode("event messageStop {\"stopReason\":\"end_turn\"}\n" BEGUN, &bytes);
    bytes.ptr[good + 60] ^= 1;
    split_everywhere("broken", buf_slice(&bytes));
    struct run run = run_stream(DIALECT_BEDROCK, DIALECT_OPENAI_CHAT, buf_slice(&bytes), NULL, 0);
    EXPECT_SLICE(buf_slice(&run.trace), BEGUN_TRACE "malformed\n");
    EXPECT(slice_find_slice(buf_slice(&run.encoded), SLICE("[DONE]")) == SIZE_MAX);
    run_release(&run);
    buf_release(&bytes);
}

/* In the middle of a message the bytes end: what was told is all there is. */
static void a_cut_answer_has_no_end(void)
{
    struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
    encode(BEGUN "event messageStop {\"stopReason\":\"end_turn\"}\n", &bytes);
    struct run run = run_stream(DIALECT_BEDROCK, DIALECT_OPENAI_CHAT,
                                slice_of(bytes.ptr, bytes.len - 1), NULL, 0);
    EXPECT_SLICE(buf_slice(&run.trace), BEGUN_TRACE);
    run_release(&run);
    size_t finished = bytes.len;
    encode("event metadata {\"usage\":{\"inputTokens\":1,\"outputTokens\":1}}\n", &bytes);
    for (size_t cut = finished + 1; cut < bytes.len; cut++) {
        run = run_stream(DIALECT_BEDROCK, DIALECT_OPENAI_CHAT, slice_of(bytes.ptr, cut), NULL, 0);
        EXPECT_SLICE(buf_slice(&run.trace), BEGUN_TRACE "finish stop native=end_turn\n-\n");
        run_release(&run);
    }
    buf_release(&bytes);
}

static void nothing_comes_after_the_end(void)
{
    struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
    encode("exception throttlingException nonsense\n" BEGUN, &bytes);
    struct run run = run_stream(DIALECT_BEDROCK, DIALECT_OPENAI_CHAT, buf_slice(&bytes), NULL, 0);
    EXPECT_SLICE(buf_slice(&run.trace), "error name=throttlingException\n- terminal\n-\n-\n");
    run_release(&run);
    buf_release(&bytes);
}

/* A call whose begin has no place, fragments of calls that there are not, tools of Bedrock's own.
 */
static void odd_calls(void)
{
    struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
    encode(
        "event contentBlockStart {\"start\":{\"toolUse\":{\"name\":\"f\",\"toolUseId\":\"a\"}}}\n"
        "event contentBlockDelta {\"delta\":{\"toolUse\":{\"input\":\"lost\"}}}\n"
        "event contentBlockStart {\"contentBlockIndex\":3,\"start\":{\"toolUse\":{\"name\":\"g\","
        "\"toolUseId\":\"b\",\"type\":\"server_tool_use\"}}}\n"
        "event contentBlockDelta {\"contentBlockIndex\":3,\"delta\":{\"toolUse\":{\"input\":"
        "\"no\"}}}\n"
        "event contentBlockStart {\"contentBlockIndex\":4,\"start\":{}}\n",
        &bytes);
    struct run run = run_stream(DIALECT_BEDROCK, DIALECT_OPENAI_CHAT, buf_slice(&bytes), NULL, 0);
    EXPECT_SLICE(buf_slice(&run.trace),
                 "start\ncall index=0 id=a name=f\n-\n-\nlost name=toolUse\n-\n-\n-\n");
    run_release(&run);
    buf_release(&bytes);
}

static void a_frame_beyond_the_ceiling_ends_the_decoding(void)
{
    const struct dialect *back = dialect_of(DIALECT_BEDROCK);
    struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
    encode(BEGUN, &bytes);
    struct decoder *decoder = back->decoder_new(100);
    struct slice piece = buf_slice(&bytes);
    struct frame frame;
    EXPECT_INT(back->decode(decoder, &piece, &frame), DECODE_TOO_LARGE);
    EXPECT_INT(back->decode(decoder, &piece, &frame), DECODE_TOO_LARGE);
    EXPECT_INT(back->decode_end(decoder, &frame), DECODE_MORE);
    back->decoder_free(decoder);
    buf_release(&bytes);
}

static void expect_error(int status, const char *body, const char *message, int facts)
{
    const struct dialect *back = dialect_of(DIALECT_BEDROCK);
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct provider_error error;
    back->read_error(decoder, status, slice_from_cstr(body), &error);
    EXPECT_SLICE(error.message, message);
    EXPECT_INT((error.context_length ? 1 : 0) + (error.quota ? 2 : 0) +
                   (error.content_filter ? 4 : 0),
               facts);
    back->decoder_free(decoder);
}

static void refusals_are_understood(void)
{
    expect_error(400, "{\"message\":\"Malformed input request\"}", "Malformed input request", 0);
    expect_error(400, "{\"message\":\"Input is too long for requested model.\"}",
                 "Input is too long for requested model.", 1);
    expect_error(400, "{\"message\":\"prompt is too long: 9 tokens > 8 maximum\"}",
                 "prompt is too long: 9 tokens > 8 maximum", 1);
    expect_error(429, "{\"message\":\"Too many tokens per day, please wait\"}",
                 "Too many tokens per day, please wait", 2);
    expect_error(403, "{\"Message\":\"User is not authorized\"}", "User is not authorized", 0);
    expect_error(402, "<html>", "", 2);
    expect_error(400, "{\"message\":\"Blocked by a content filter\"}",
                 "Blocked by a content filter", 4);
}

int main(void)
{
    TEST(events_do_not_depend_on_the_pieces,
         "every stream split at every byte gives the same events and bytes");
    TEST(a_broken_message_ends_the_answer, "a broken message ends the answer, and looks broken");
    TEST(a_cut_answer_has_no_end, "a cut answer has no end");
    TEST(nothing_comes_after_the_end, "nothing comes after the end");
    TEST(odd_calls, "fragments without a call are not believed");
    TEST(a_frame_beyond_the_ceiling_ends_the_decoding,
         "a frame beyond the ceiling ends the decoding");
    TEST(refusals_are_understood, "refusals are understood");
    return tap_done();
}
