/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's streams in any pieces, and what its clients get of all providers' streams. */
#include "base/random.h"
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

static bool same_run(const struct run *a, const struct run *b)
{
    return slice_eq(buf_slice(&a->trace), buf_slice(&b->trace)) &&
           slice_eq(buf_slice(&a->encoded), buf_slice(&b->encoded)) &&
           slice_eq(buf_slice(&a->raw), buf_slice(&b->raw)) && !b->too_large;
}

static void expect_same(const struct run *whole, struct run split, const char *name, size_t at)
{
    if (!same_run(whole, &split)) {
        printf("# %s split at %zu\n", name, at);
        EXPECT(false);
    }
    run_release(&split);
}

/* What each stream is, whatever its pieces; and what our own is when it is read again. */
static void look_at(const char *name, enum dialect_id back, struct slice bytes)
{
    struct run whole = run_stream(back, DIALECT_ANTHROPIC, bytes, NULL, 0);
    size_t cuts[64];
    size_t step = back == DIALECT_ANTHROPIC ? 1 : 7;
    for (size_t at = 1; at < bytes.len; at += step) {
        expect_same(&whole, run_stream(back, DIALECT_ANTHROPIC, bytes, &at, 1), name, at);
    }
    struct random random;
    random_seed(&random, 5);
    for (int round = 0; round < 8; round++) {
        size_t count = 0;
        for (size_t at = 1 + random_below(&random, 9); at < bytes.len && count < ARRAY_LEN(cuts);
             at += 1 + random_below(&random, 30)) {
            cuts[count++] = at;
        }
        expect_same(&whole, run_stream(back, DIALECT_ANTHROPIC, bytes, cuts, count), name, 0);
    }
    struct run again =
        run_stream(DIALECT_ANTHROPIC, DIALECT_ANTHROPIC, buf_slice(&whole.encoded), NULL, 0);
    EXPECT(slice_find_slice(buf_slice(&again.trace), SLICE("malformed")) == SIZE_MAX);
    /* A refusal is a text of its own, which is no difference once it is one of several texts. */
    bool failed = slice_find_slice(buf_slice(&whole.encoded), SLICE("event: error")) != SIZE_MAX ||
                  slice_find_slice(buf_slice(&whole.encoded), SLICE("\"refusal\"")) != SIZE_MAX;
    if (!failed && !slice_eq(buf_slice(&whole.encoded), buf_slice(&again.encoded))) {
        printf("# %s:\n%.*s\n# became\n%.*s\n", name, SLICE_ARG(buf_slice(&whole.encoded)),
               SLICE_ARG(buf_slice(&again.encoded)));
        EXPECT(false);
    }
    run_release(&whole);
    run_release(&again);
}

static void look_at_all(const char *prefix, enum dialect_id back)
{
    struct files files;
    size_t count = 0;
    files_list(&files, "stream", ".sse", NULL);
    for (size_t i = 0; i < files.count; i++) {
        if (strncmp(files.names[i], prefix, strlen(prefix)) != 0) {
            continue;
        }
        char path[FILES_PATH];
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        (void)snprintf(path, sizeof path, FILES_FOLDER "stream/%s", files.names[i]);
        EXPECT(file_read(path, &bytes));
        look_at(files.names[i], back, buf_slice(&bytes));
        buf_release(&bytes);
        count++;
    }
    EXPECT(count > 2);
    files_release(&files);
}

static void anthropics_streams_do_not_depend_on_their_pieces(void)
{
    look_at_all("anthropic_", DIALECT_ANTHROPIC);
}

static void streams_of_calls_do_not_depend_on_their_pieces(void)
{
    look_at_all("tools_", DIALECT_OPENAI_CHAT);
}

static void a_frame_beyond_the_ceiling_ends_the_decoding(void)
{
    const struct dialect *back = dialect_of(DIALECT_ANTHROPIC);
    struct decoder *decoder = back->decoder_new(100);
    char bytes[256];
    struct frame frame;
    memset(bytes, 'x', sizeof bytes);
    struct slice piece = slice_of(bytes, sizeof bytes);
    EXPECT_INT(back->decode(decoder, &piece, &frame), DECODE_TOO_LARGE);
    EXPECT_INT(back->decode_end(decoder, &frame), DECODE_MORE);
    back->decoder_free(decoder);
}

/* The same decoder, another answer: nothing of the first one's usage is left. */
static void usage_begins_anew(void)
{
    const struct dialect *back = dialect_of(DIALECT_ANTHROPIC);
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct frame frame;
    struct slice first = SLICE("data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
                               "\"input_tokens\":1,\"cache_read_input_tokens\":50}}}\n\n");
    struct slice second = SLICE("data: {\"type\":\"message_start\",\"message\":{\"usage\":{"
                                "\"input_tokens\":2,\"output_tokens\":3}}}\n\n");
    struct slice bare = SLICE("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":4,"
                              "\"cache_creation_input_tokens\":\"x\"}}\n\n");
    EXPECT_INT(back->decode(decoder, &first, &frame), DECODE_FRAME);
    EXPECT_INT(frame.events[1].usage.input, 51);
    back->decoder_reset(decoder);
    EXPECT_INT(back->decode(decoder, &second, &frame), DECODE_FRAME);
    EXPECT_INT(frame.events[1].usage.input, 2);
    back->decoder_reset(decoder);
    EXPECT_INT(back->decode(decoder, &bare, &frame), DECODE_FRAME);
    EXPECT_INT(frame.events[1].usage.input, 0);
    EXPECT_INT(frame.events[1].usage.output, 4);
    back->decoder_free(decoder);
}

/* The cumulative total of the last report goes to the longer lifetime as far as it was told. */
static void written_tokens_keep_their_lifetimes(void)
{
    EXPECT_TRACE(
        DIALECT_ANTHROPIC,
        "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1,"
        "\"cache_creation_input_tokens\":30,\"cache_creation\":{"
        "\"ephemeral_1h_input_tokens\":20}}}}\n\n"
        "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":2,"
        "\"cache_creation_input_tokens\":35}}\n\n"
        "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3,"
        "\"cache_creation_input_tokens\":5}}\n\n"
        "data: {\"type\":\"message_delta\",\"usage\":{\"speed\":\"fast\"}}\n\n"
        "data: {\"type\":\"message_delta\",\"usage\":7}\n\n",
        "start\nusage written_1h=20 in=21 out=0 cached=0 written=0 thought=0 audio=0/0\n-\n"
        "usage written_1h=20 in=36 out=2 cached=0 written=15 thought=0 audio=0/0\n-\n"
        "usage written_1h=5 in=6 out=3 cached=0 written=0 thought=0 audio=0/0\n-\n"
        "-\n-\n");
}

static void deltas_without_their_block_are_nothing(void)
{
    EXPECT_TRACE(DIALECT_ANTHROPIC,
                 "data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":"
                 "\"input_json_delta\",\"partial_json\":\"{\"}}\n\n"
                 "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":"
                 "\"citations_delta\",\"citation\":1}}\n\n"
                 "data: {\"type\":\"content_block_delta\"}\n\n"
                 "data: {\"type\":\"content_block_start\",\"index\":-1,\"content_block\":{"
                 "\"type\":\"text\",\"text\":\"a\",\"citations\":[1]}}\n\n"
                 "data: {\"type\":\"message_start\",\"message\":{\"content\":{}}}\n\n",
                 "start\n-\n-\n-\ntext text=a\n-\n-\n");
}

int main(void)
{
    TEST(anthropics_streams_do_not_depend_on_their_pieces,
         "Anthropic's streams split at every byte give the same events and bytes");
    TEST(streams_of_calls_do_not_depend_on_their_pieces,
         "streams of calls give Anthropic's clients the same bytes, whatever the pieces");
    TEST(a_frame_beyond_the_ceiling_ends_the_decoding,
         "a frame beyond the ceiling ends the decoding");
    TEST(usage_begins_anew, "usage begins anew with each answer");
    TEST(written_tokens_keep_their_lifetimes, "written tokens keep their lifetimes");
    TEST(deltas_without_their_block_are_nothing, "deltas without their block are nothing");
    return tap_done();
}
