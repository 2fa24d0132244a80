/* SPDX-License-Identifier: Apache-2.0 */
/* Streams in any pieces: the events, the frames and the client's bytes do not depend on how the
 * bytes were split. */
#include "base/random.h"
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

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
    enum dialect_id back = dialect_of_file(name);
    struct run whole = run_stream(back, DIALECT_OPENAI_CHAT, bytes, NULL, 0);
    size_t *cuts = malloc((bytes.len + 1) * sizeof *cuts);
    for (size_t at = 1; at < bytes.len; at++) {
        expect_same(&whole, run_stream(back, DIALECT_OPENAI_CHAT, bytes, &at, 1), name, at);
    }
    for (size_t step = 1; step <= 7; step += 3) {
        size_t count = 0;
        for (size_t at = step; at < bytes.len; at += step) {
            cuts[count++] = at;
        }
        expect_same(&whole, run_stream(back, DIALECT_OPENAI_CHAT, bytes, cuts, count), name, step);
    }
    free(cuts);
    run_release(&whole);
}

static void events_do_not_depend_on_the_pieces(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", ".ndjson");
    EXPECT(files.count >= 40);
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        (void)snprintf(path, sizeof path, FILES_FOLDER "stream/%s", files.names[i]);
        EXPECT(file_read(path, &bytes));
        split_everywhere(files.names[i], buf_slice(&bytes));
        buf_release(&bytes);
    }
    files_release(&files);
}

/* What we write is a stream that we read: the same texts, calls and end, and once more the same
 * bytes; marked seals of other makers are read in requests only. */
static void our_own_streams_are_read_and_written_again(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", ".ndjson");
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        (void)snprintf(path, sizeof path, FILES_FOLDER "stream/%s", files.names[i]);
        EXPECT(file_read(path, &bytes));
        struct run first = run_stream(dialect_of_file(files.names[i]), DIALECT_OPENAI_CHAT,
                                      buf_slice(&bytes), NULL, 0);
        struct run second = run_stream(DIALECT_OPENAI_CHAT, DIALECT_OPENAI_CHAT,
                                       buf_slice(&first.encoded), NULL, 0);
        bool has_error =
            slice_find_slice(buf_slice(&first.encoded), SLICE("upstream_error")) != SIZE_MAX;
        bool sealed = slice_find_slice(buf_slice(&first.encoded), SLICE("\"sluice.")) != SIZE_MAX;
        if (!has_error && !sealed &&
            !slice_eq(buf_slice(&first.encoded), buf_slice(&second.encoded))) {
            printf("# %s:\n%.*s\n# became\n%.*s\n", files.names[i],
                   SLICE_ARG(buf_slice(&first.encoded)), SLICE_ARG(buf_slice(&second.encoded)));
            EXPECT(false);
        }
        EXPECT(slice_find_slice(buf_slice(&second.trace), SLICE("malformed")) == SIZE_MAX);
        run_release(&first);
        run_release(&second);
        buf_release(&bytes);
    }
    files_release(&files);
}

static void a_frame_beyond_the_ceiling_ends_the_decoding(void)
{
    static const enum dialect_id backs[] = {DIALECT_OPENAI_CHAT, DIALECT_OLLAMA};
    char bytes[256];
    memset(bytes, 'x', sizeof bytes);
    for (size_t i = 0; i < ARRAY_LEN(backs); i++) {
        const struct dialect *back = dialect_of(backs[i]);
        struct decoder *decoder = back->decoder_new(100);
        struct slice piece = slice_of(bytes, sizeof bytes);
        struct frame frame;
        EXPECT_INT(back->decode(decoder, &piece, &frame), DECODE_TOO_LARGE);
        EXPECT_INT(back->decode(decoder, &piece, &frame), DECODE_TOO_LARGE);
        EXPECT_INT(back->decode_end(decoder, &frame), DECODE_MORE);
        back->decoder_free(decoder);
        back->decoder_free(NULL);
    }
    dialect_of(DIALECT_OPENAI_CHAT)->encoder_free(NULL);
}

/* Many calls, fragments in random order among them: each text arrives whole at its own call. */
static void fragments_find_their_calls(void)
{
    struct random random;
    random_seed(&random, 7);
    for (int round = 0; round < 50; round++) {
        enum { CALLS = 9, PIECES = 6 };
        size_t sent[CALLS] = {0};
        size_t open = 0;
        struct buf stream = BUF_INIT(FIXTURE_LIMIT);
        for (size_t left = CALLS * PIECES; left > 0;) {
            size_t call = random_below(&random, open < CALLS ? open + 1 : CALLS);
            if (sent[call] == PIECES) {
                continue;
            }
            buf_printf(
                &stream,
                "data: {\"id\":\"x\",\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%zu,",
                call * 3);
            if (sent[call] == 0) {
                buf_printf(&stream,
                           "\"id\":\"c%zu\",\"function\":{\"name\":\"n%zu\",\"arguments\":\"%zu.0;"
                           "\"}}]}}]}\n\n",
                           call, call, call);
                open++;
            } else {
                buf_printf(&stream, "\"function\":{\"arguments\":\"%zu.%zu;\"}}]}}]}\n\n", call,
                           sent[call]);
            }
            sent[call]++;
            left--;
        }
        buf_append(
            &stream,
            SLICE("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"));
        struct decoder *decoder = dialect_of(DIALECT_OPENAI_CHAT)->decoder_new(FIXTURE_LIMIT);
        struct slice bytes = buf_slice(&stream);
        struct frame frame;
        size_t next[CALLS] = {0};
        while (dialect_of(DIALECT_OPENAI_CHAT)->decode(decoder, &bytes, &frame) == DECODE_FRAME) {
            for (size_t i = 0; i < frame.count; i++) {
                if (frame.events[i].kind == EVENT_TOOL_ARGUMENTS && frame.events[i].index < CALLS) {
                    char wanted[32];
                    uint32_t index = frame.events[i].index;
                    (void)snprintf(wanted, sizeof wanted, "%u.%zu;", index, next[index]++);
                    EXPECT_SLICE(frame.events[i].text, wanted);
                }
            }
        }
        for (size_t i = 0; i < CALLS; i++) {
            EXPECT_INT(next[i], PIECES);
        }
        dialect_of(DIALECT_OPENAI_CHAT)->decoder_free(decoder);
        buf_release(&stream);
    }
}

static void bounds_the_calls_of_an_answer(void)
{
    struct buf stream = BUF_INIT(FIXTURE_LIMIT);
    for (int i = 0; i < 1030; i++) {
        buf_printf(&stream,
                   "data: "
                   "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"function\":{\"name\":"
                   "\"f\"}}]}}]}\n\n",
                   i);
    }
    struct run run =
        run_stream(DIALECT_OPENAI_CHAT, DIALECT_OPENAI_CHAT, buf_slice(&stream), NULL, 0);
    size_t malformed = 0;
    for (struct slice rest = buf_slice(&run.trace); rest.len > 0;) {
        malformed += slice_eq(slice_cut(&rest, '\n'), SLICE("malformed")) ? 1 : 0;
    }
    EXPECT_INT(malformed, 6);
    run_release(&run);
    buf_release(&stream);
}

int main(void)
{
    TEST(events_do_not_depend_on_the_pieces,
         "every stream split at every byte gives the same events and bytes");
    TEST(our_own_streams_are_read_and_written_again, "what we write reads as itself");
    TEST(a_frame_beyond_the_ceiling_ends_the_decoding,
         "a frame beyond the ceiling ends the decoding");
    TEST(fragments_find_their_calls, "interleaved fragments find their calls");
    TEST(bounds_the_calls_of_an_answer, "an answer may hold 1,024 calls");
    return tap_done();
}
