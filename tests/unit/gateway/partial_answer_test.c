/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule for partial answers (docs/answers.md), on every recorded stream of every provider
 * dialect, cut behind each of its frames.
 */
#include "gateway/attempt.h"

#include "tests/tap.h"
#include "tests/unit/dialect/files.h"

#define STREAM_LIMIT ((size_t)4 << 20)
#define EXPECTED_INPUT 1000
#define STREAMS_LEAST 100
#define REPORTING_LEAST 60
#define SHAPES_LEAST 25
#define SHAPES_MAX 256

static size_t reporting;

/* How usage is told: the dialect, which counts are told in the end, how many reports there are (up
 * to three are told apart), whether one comes before the first text and text after the last. */
static uint32_t shapes[SHAPES_MAX];
static size_t shape_count;

static void note_shape(uint32_t shape)
{
    for (size_t i = 0; i < shape_count; i++) {
        if (shapes[i] == shape) {
            return;
        }
    }
    CHECK(shape_count < SHAPES_MAX);
    shapes[shape_count++] = shape;
}

static int64_t tokens_of(int64_t bytes)
{
    return bytes / 4 + (bytes > 0 ? 1 : 0);
}

/* What the stream has said up to a cut. */
struct heard {
    int64_t reported; /* output tokens of the last report, or -1 */
    int64_t bytes;    /* of text since then */
    uint32_t reports;
    bool text;  /* there was some */
    bool early; /* a report before it */
};

static int64_t bytes_of(const struct event *event)
{
    switch (event->kind) {
    case EVENT_TEXT:
    case EVENT_REASONING:
    case EVENT_REFUSAL:
    case EVENT_TOOL_ARGUMENTS:
        return (int64_t)event->text.len;
    case EVENT_TOOL_CALL:
        return (int64_t)event->name.len;
    case EVENT_OPAQUE:
        return (int64_t)event->text.len / 4 * 3;
    default:
        return 0;
    }
}

static void hear(struct heard *heard, const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        heard->bytes += bytes_of(event);
        heard->text = heard->text || bytes_of(event) > 0;
        if (event->kind == EVENT_USAGE && event->usage.reported) {
            struct usage usage = {0};
            usage_report(&usage, &event->usage);
            heard->reported = usage.output;
            heard->bytes = 0;
            heard->reports++;
            heard->early = heard->early || !heard->text;
        }
    }
}

static void expect_cut(const char *name, const struct meter *meter, struct heard *heard)
{
    struct meter cut = *meter;
    meter_settle(&cut, EXPECTED_INPUT, false);
    int64_t reported = heard->reported < 0 ? 0 : heard->reported;
    bool right = cut.usage.output == reported + tokens_of(heard->bytes);
    right = right && cut.usage.reported == (heard->reported >= 0 && heard->bytes == 0);
    right = right && (heard->reported >= 0 || cut.usage.input == EXPECTED_INPUT);
    if (!right) {
        printf("# %s: charged %lld for %lld reported and %lld bytes\n", name,
               (long long)cut.usage.output, (long long)heard->reported, (long long)heard->bytes);
    }
    EXPECT(right);
}

static uint32_t shape_of(enum dialect_id dialect, const struct usage *usage,
                         const struct heard *heard)
{
    const bool told[] = {
        usage->input > 0,       usage->output > 0,         usage->cache_read > 0,
        usage->cache_write > 0, usage->cache_write_1h > 0, usage->reasoning > 0,
        usage->audio_input > 0, usage->audio_output > 0,   usage->has_provider_cost,
        heard->early,           heard->bytes > 0,          heard->text};
    uint32_t shape = (uint32_t)dialect * 4 + (heard->reports < 3 ? heard->reports : 3);
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        shape = shape * 2 + told[i];
    }
    return shape;
}

static void expect_whole(enum dialect_id dialect, const struct meter *meter,
                         const struct heard *heard)
{
    struct meter whole = *meter;
    meter_settle(&whole, EXPECTED_INPUT, true);
    if (heard->reported >= 0) {
        EXPECT_INT(whole.usage.output, heard->reported);
        EXPECT(whole.usage.reported);
    } else {
        EXPECT_INT(whole.usage.output, tokens_of(heard->bytes));
        EXPECT_INT(whole.usage.input, EXPECTED_INPUT);
    }
    if (heard->reported >= 0) {
        reporting++;
        note_shape(shape_of(dialect, &whole.usage, heard));
    }
}

static void cut_everywhere(const char *name, struct slice bytes)
{
    const struct dialect *back = dialect_of(dialect_of_file(name));
    struct decoder *decoder = back->decoder_new(STREAM_LIMIT);
    struct meter meter = {0};
    struct heard heard = {.reported = -1};
    struct frame frame;
    enum decode_result result;
    expect_cut(name, &meter, &heard);
    while ((result = back->decode(decoder, &bytes, &frame)) == DECODE_FRAME ||
           result == DECODE_MALFORMED) {
        if (result == DECODE_FRAME) {
            meter_frame(&meter, &frame);
            hear(&heard, &frame);
            expect_cut(name, &meter, &heard);
        }
    }
    while (back->decode_end(decoder, &frame) == DECODE_FRAME) {
        meter_frame(&meter, &frame);
        hear(&heard, &frame);
        expect_cut(name, &meter, &heard);
    }
    expect_whole(dialect_of_file(name), &meter, &heard);
    back->decoder_free(decoder);
}

static void charges_what_came(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", ".ndjson");
    EXPECT(files.count >= STREAMS_LEAST);
    for (size_t i = 0; i < files.count; i++) {
        char path[FILES_PATH];
        struct buf bytes = BUF_INIT(STREAM_LIMIT);
        (void)snprintf(path, sizeof(path), FILES_FOLDER "stream/%s", files.names[i]);
        EXPECT(file_read(path, &bytes));
        cut_everywhere(files.names[i], buf_slice(&bytes));
        buf_release(&bytes);
    }
    printf("# %zu streams, %zu with a report, in %zu shapes\n", files.count, reporting,
           shape_count);
    EXPECT(reporting >= REPORTING_LEAST);
    EXPECT(shape_count >= SHAPES_LEAST);
    files_release(&files);
}

/* Anthropic tells one output token before the first word, and the count only at the end. */
static void adds_what_came_after_a_report(void)
{
    const struct event start[] = {
        {.kind = EVENT_USAGE, .usage = {.input = 50, .output = 1, .reported = true}}};
    const struct event text[] = {{.kind = EVENT_TEXT, .text = SLICE_INIT("eight by")}};
    struct frame frames[] = {{.events = start, .count = 1}, {.events = text, .count = 1}};
    struct meter meter = {0};
    meter_frame(&meter, &frames[0]);
    meter_frame(&meter, &frames[1]);
    struct meter whole = meter;
    meter_settle(&meter, EXPECTED_INPUT, false);
    EXPECT_INT(meter.usage.input, 50);
    EXPECT_INT(meter.usage.output, 1 + 3);
    EXPECT(!meter.usage.reported);
    meter_settle(&whole, EXPECTED_INPUT, true);
    EXPECT_INT(whole.usage.output, 1);
    EXPECT(whole.usage.reported);
}

int main(void)
{
    TEST(charges_what_came, "a cut answer is charged by the last report and what came after it");
    TEST(adds_what_came_after_a_report, "a report before the first word is not the last word");
    return tap_done();
}
