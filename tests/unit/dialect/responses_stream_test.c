/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of Responses in any pieces, and those that we write ourselves. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

static void load(const char *name, struct buf *out)
{
    char path[FILES_PATH];
    (void)snprintf(path, sizeof path, FILES_FOLDER "stream/%s", name);
    EXPECT(file_read(path, out));
}

static bool same_run(const struct run *a, const struct run *b)
{
    return slice_eq(buf_slice(&a->trace), buf_slice(&b->trace)) &&
           slice_eq(buf_slice(&a->encoded), buf_slice(&b->encoded)) &&
           slice_eq(buf_slice(&a->raw), buf_slice(&b->raw)) && !b->too_large;
}

static void split_everywhere(const char *name, struct slice bytes)
{
    const enum dialect_id id = DIALECT_OPENAI_RESPONSES;
    struct run whole = run_stream(id, id, bytes, NULL, 0);
    for (size_t at = 1; at < bytes.len; at++) {
        struct run split = run_stream(id, id, bytes, &at, 1);
        if (!same_run(&whole, &split)) {
            printf("# %s split at %zu\n", name, at);
            EXPECT(false);
        }
        run_release(&split);
    }
    run_release(&whole);
}

static void events_do_not_depend_on_the_pieces(void)
{
    struct files files;
    size_t count = 0;
    files_list(&files, "stream", ".sse", NULL);
    for (size_t i = 0; i < files.count; i++) {
        if (dialect_of_file(files.names[i]) == DIALECT_OPENAI_RESPONSES) {
            struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
            load(files.names[i], &bytes);
            split_everywhere(files.names[i], buf_slice(&bytes));
            buf_release(&bytes);
            count++;
        }
    }
    EXPECT(count >= 20);
    files_release(&files);
}

/* Each event has its two lines, a number one higher than the one before, and its own name inside.
 */
static void require_sequence(const char *name, struct slice stream)
{
    long long number = 0;
    for (struct slice rest = stream; rest.len > 0; number++) {
        struct slice event = slice_cut(&rest, '\n');
        struct slice data = slice_cut(&rest, '\n');
        struct slice blank = slice_cut(&rest, '\n');
        char wanted[160];
        (void)snprintf(wanted, sizeof wanted, "data: {\"type\":\"%.*s\",\"sequence_number\":%lld,",
                       SLICE_ARG(slice_from(event, 7)), number);
        bool fits = slice_starts(event, SLICE("event: ")) && blank.len == 0 &&
                    slice_starts(data, slice_from_cstr(wanted)) && is_json(slice_from(data, 6));
        if (!fits) {
            printf("# %s: %.*s, wanted %s\n", name, SLICE_ARG(data), wanted);
            EXPECT(false);
        }
    }
}

static bool holds(struct slice stream, struct slice words)
{
    return slice_find_slice(stream, words) != SIZE_MAX;
}

/* A failure is told in two events, of which one is enough to read; a stream that broke off stays as
   short as it was, or becomes shorter. */
static bool reads_as_itself(struct slice first, struct slice second)
{
    bool ended = holds(first, SLICE("event: response.completed")) ||
                 holds(first, SLICE("event: response.incomplete"));
    bool failed = holds(first, SLICE("event: response.failed"));
    return ended ? slice_eq(first, second) : failed || slice_starts(first, second);
}

/* From any dialect: the sequence is right, and what we write reads as itself. */
static void our_own_streams_are_read_and_written_again(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", ".ndjson");
    for (size_t i = 0; i < files.count; i++) {
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        const char *name = files.names[i];
        load(name, &bytes);
        struct run first =
            run_stream(dialect_of_file(name), DIALECT_OPENAI_RESPONSES, buf_slice(&bytes), NULL, 0);
        struct run second = run_stream(DIALECT_OPENAI_RESPONSES, DIALECT_OPENAI_RESPONSES,
                                       buf_slice(&first.encoded), NULL, 0);
        require_sequence(name, buf_slice(&first.encoded));
        if (!reads_as_itself(buf_slice(&first.encoded), buf_slice(&second.encoded))) {
            printf("# %s:\n%.*s\n# became\n%.*s\n", name, SLICE_ARG(buf_slice(&first.encoded)),
                   SLICE_ARG(buf_slice(&second.encoded)));
            EXPECT(false);
        }
        run_release(&first);
        run_release(&second);
        buf_release(&bytes);
    }
    files_release(&files);
}

static void a_frame_beyond_the_ceiling_ends_the_decoding(void)
{
    const struct dialect *back = dialect_of(DIALECT_OPENAI_RESPONSES);
    char bytes[256];
    memset(bytes, 'x', sizeof bytes);
    struct decoder *decoder = back->decoder_new(100);
    struct slice piece = slice_of(bytes, sizeof bytes);
    struct frame frame;
    EXPECT_INT(back->decode(decoder, &piece, &frame), DECODE_TOO_LARGE);
    EXPECT_INT(back->decode_end(decoder, &frame), DECODE_MORE);
    back->decoder_free(decoder);
}

int main(void)
{
    TEST(events_do_not_depend_on_the_pieces,
         "every stream split at every byte gives the same events and bytes");
    TEST(our_own_streams_are_read_and_written_again,
         "what we write has every event in its order and reads as itself");
    TEST(a_frame_beyond_the_ceiling_ends_the_decoding,
         "a frame beyond the ceiling ends the decoding");
    return tap_done();
}
