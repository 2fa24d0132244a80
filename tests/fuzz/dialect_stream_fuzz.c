/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a provider's stream: whatever the pieces, the events are the same; what is written
 * of them for a client is a valid stream of chunks that says the same texts; as a whole answer or
 * an error they never do harm. The first byte chooses the dialect, the second seeds the pieces.
 */
#include "base/random.h"
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

#define PIECES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum dialect_id backs[] = {
    DIALECT_OPENAI_CHAT, DIALECT_OPENAI_COMPLETIONS, DIALECT_OLLAMA, DIALECT_ANTHROPIC,
    DIALECT_GEMINI,      DIALECT_OPENAI_RESPONSES,   DIALECT_BEDROCK};

static size_t random_cuts(uint8_t seed, size_t length, size_t *cuts)
{
    struct random random;
    size_t count = 0;
    random_seed(&random, seed);
    uint64_t step = 1 + random_below(&random, 40);
    for (size_t at = random_below(&random, step) + 1; at < length && count < PIECES_MAX;) {
        cuts[count++] = at;
        at += 1 + random_below(&random, step);
    }
    return count;
}

/* All text of the first choice until the stream ends, as the trace tells it. */
static void collect_text(struct slice trace, struct buf *out)
{
    while (trace.len > 0) {
        struct slice line = slice_cut(&trace, '\n');
        if (slice_starts(line, SLICE("end")) || slice_starts(line, SLICE("error"))) {
            return;
        }
        if (slice_starts(line, SLICE("text text="))) {
            buf_append(out, slice_from(line, sizeof "text text=" - 1));
        }
    }
}

static void require_same_text(struct slice before, struct slice after)
{
    struct buf a = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf b = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf plain_a = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf plain_b = BUF_INIT(FIXTURE_LIMIT * 8);
    collect_text(before, &a);
    collect_text(after, &b);
    CHECK(json_unescape(buf_slice(&a), &plain_a) && json_unescape(buf_slice(&b), &plain_b));
    CHECK(slice_eq(buf_slice(&plain_a), buf_slice(&plain_b)));
    buf_release(&a);
    buf_release(&b);
    buf_release(&plain_a);
    buf_release(&plain_b);
}

/* Every event of the client's stream is one line of JSON or the end. */
static void require_valid(struct slice encoded)
{
    while (encoded.len > 0) {
        struct slice line = slice_cut(&encoded, '\n');
        struct slice blank = slice_cut(&encoded, '\n');
        CHECK(blank.len == 0 && slice_starts(line, SLICE("data: ")));
        struct slice text = slice_from(line, 6);
        CHECK(slice_eq(text, SLICE("[DONE]")) || is_json(text));
    }
}

static void stream(enum dialect_id back, uint8_t seed, struct slice bytes)
{
    static size_t cuts[PIECES_MAX];
    size_t count = random_cuts(seed, bytes.len, cuts);
    struct run whole = run_stream(back, DIALECT_OPENAI_CHAT, bytes, NULL, 0);
    struct run split = run_stream(back, DIALECT_OPENAI_CHAT, bytes, cuts, count);
    CHECK(slice_eq(buf_slice(&whole.trace), buf_slice(&split.trace)));
    CHECK(slice_eq(buf_slice(&whole.encoded), buf_slice(&split.encoded)));
    CHECK(slice_eq(buf_slice(&whole.raw), buf_slice(&split.raw)));
    CHECK(back == DIALECT_OLLAMA || whole.too_large || slice_eq(buf_slice(&whole.raw), bytes));
    require_valid(buf_slice(&whole.encoded));
    struct run again =
        run_stream(DIALECT_OPENAI_CHAT, DIALECT_OPENAI_CHAT, buf_slice(&whole.encoded), NULL, 0);
    CHECK(slice_find_slice(buf_slice(&again.trace), SLICE("malformed\n")) != 0);
    require_same_text(buf_slice(&whole.trace), buf_slice(&again.trace));
    run_release(&whole);
    run_release(&split);
    run_release(&again);
    struct run prompt = run_stream(back, DIALECT_OPENAI_COMPLETIONS, bytes, NULL, 0);
    require_valid(buf_slice(&prompt.encoded));
    run_release(&prompt);
}

static void whole_answer(enum dialect_id back, struct slice body)
{
    struct buf trace = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf out = BUF_INIT(FIXTURE_LIMIT * 8);
    run_answer(back, DIALECT_OPENAI_CHAT, body, &trace, &out);
    CHECK(out.len == 0 || is_json(buf_slice(&out)));
    buf_clear(&trace);
    buf_clear(&out);
    run_answer(back, DIALECT_OPENAI_COMPLETIONS, body, &trace, &out);
    CHECK(out.len == 0 || is_json(buf_slice(&out)));
    buf_release(&trace);
    buf_release(&out);
    struct decoder *decoder = dialect_of(back)->decoder_new(FIXTURE_LIMIT);
    struct provider_error error;
    dialect_of(back)->read_error(decoder, 400, body, &error);
    CHECK(error.message.len <= body.len && error.code.len <= body.len &&
          error.type.len <= body.len);
    dialect_of(back)->decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FIXTURE_LIMIT / 64) {
        return 0;
    }
    struct slice bytes = slice_of((const char *)data + 2, size - 2);
    enum dialect_id back = backs[(data[0] & 15) % ARRAY_LEN(backs)];
    if (back == DIALECT_BEDROCK) { /* random bytes never have the right sums */
        struct buf frames = BUF_INIT(FIXTURE_LIMIT);
        frames_encode(bytes, &frames);
        stream(back, data[1], buf_slice(&frames));
        buf_release(&frames);
    } else {
        stream(back, data[1], bytes);
    }
    whole_answer(back, bytes);
    return 0;
}
