/* SPDX-License-Identifier: Apache-2.0 */
/* The meter: what frames show is counted, and what shows that an answer has begun. */
#include "gateway/attempt.h"

#include "tests/tap.h"

static struct frame frame_of(const struct event *events, size_t count)
{
    return (struct frame){.raw = SLICE(""), .events = events, .count = count};
}

static void begins(void)
{
    static const struct {
        enum event_kind kind;
        bool begins;
        enum finish_reason finish;
    } rows[] = {
        {EVENT_START, false, FINISH_NONE},    {EVENT_TEXT, true, FINISH_NONE},
        {EVENT_REASONING, true, FINISH_NONE}, {EVENT_REFUSAL, true, FINISH_NONE},
        {EVENT_SIGNATURE, true, FINISH_NONE}, {EVENT_OPAQUE, true, FINISH_NONE},
        {EVENT_TOOL_CALL, true, FINISH_NONE}, {EVENT_TOOL_ARGUMENTS, true, FINISH_NONE},
        {EVENT_FINISH, true, FINISH_STOP},    {EVENT_FINISH, false, FINISH_ERROR},
        {EVENT_USAGE, false, FINISH_NONE},    {EVENT_ERROR, false, FINISH_NONE},
        {EVENT_END, false, FINISH_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct event events[] = {{.kind = EVENT_USAGE},
                                       {.kind = rows[i].kind, .finish = rows[i].finish}};
        struct frame frame = frame_of(events, 2);
        EXPECT_INT(meter_begins(&frame), rows[i].begins);
    }
    struct frame nothing = frame_of(NULL, 0);
    EXPECT(!meter_begins(&nothing));
}

static void counts_content(void)
{
    const struct event events[] = {
        {.kind = EVENT_START, .name = SLICE_INIT("model")},
        {.kind = EVENT_REASONING, .text = SLICE_INIT("abc")},
        {.kind = EVENT_TEXT, .text = SLICE_INIT("d\\n")},
        {.kind = EVENT_REFUSAL, .text = SLICE_INIT("e")},
        {.kind = EVENT_TOOL_CALL, .id = SLICE_INIT("ignored"), .name = SLICE_INIT("fgh")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE_INIT("{}")},
        {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS},
        {.kind = EVENT_END},
    };
    struct meter meter = {.failed = false};
    struct frame frame = frame_of(events, ARRAY_LEN(events));
    meter_frame(&meter, &frame);
    EXPECT_INT(meter.text_bytes, 12);
    EXPECT_INT(meter.events, 5);
    EXPECT_INT(meter.finish, FINISH_TOOL_CALLS);
    EXPECT(meter.ended && !meter.failed && !meter.usage.reported);
}

static struct usage metered(const struct usage *first, const struct usage *then)
{
    const struct event events[] = {
        {.kind = EVENT_USAGE, .usage = *first},
        {.kind = EVENT_USAGE, .usage = *then},
    };
    struct meter meter = {.failed = false};
    struct frame frame = frame_of(events, 2);
    meter_frame(&meter, &frame);
    return meter.usage;
}

static void last_usage_wins(void)
{
    const struct usage first = {.input = 9, .output = 9, .reported = true};
    const struct usage larger = {.input = 8, .output = 10, .reported = true};
    const struct usage zero = {.input = 0, .output = 0, .reported = true};
    const struct usage less = {.input = 9, .output = 8, .reported = true};
    struct usage usage = metered(&first, &larger);
    EXPECT(usage.input == 8 && usage.output == 10 && usage.reported);
    usage = metered(&zero, &first);
    EXPECT(usage.input == 9 && usage.output == 9 && usage.reported);
    usage = metered(&first, &zero);
    EXPECT(usage.input == 9 && usage.output == 9 && usage.reported);
    usage = metered(&first, &less);
    EXPECT(usage.input == 9 && usage.output == 9 && usage.reported);
}

static void what_cannot_be_read_is_no_report(void)
{
    const struct usage first = {.input = 9, .output = 9, .reported = true};
    const struct usage garbled = {.input = 0, .output = 5, .reported = true, .unread = true};
    struct usage usage = metered(&first, &garbled);
    EXPECT(!usage.reported && usage.unread && usage.input == 9 && usage.output == 9);
    usage = metered(&garbled, &first);
    EXPECT(usage.reported && !usage.unread && usage.input == 9);
    const struct usage told = {.has_provider_cost = true, .provider_cost_nd = 7, .reported = true};
    const struct usage untold = {.input = 9, .cost_unread = true, .reported = true};
    usage = metered(&told, &untold);
    EXPECT(usage.has_provider_cost && usage.provider_cost_nd == 7 && usage.cost_unread);
    usage = metered(&untold, &told);
    EXPECT(usage.has_provider_cost && !usage.cost_unread);
}

/* An error of ours goes on from where a verbatim stream was. */
static void place_is_kept(void)
{
    static const char long_id[] = "0123456789012345678901234567890123456789012345678901234567890123"
                                  "4567890123456789";
    const struct event start = {.kind = EVENT_START, .id = SLICE_INIT("resp_1")};
    const struct event other = {.kind = EVENT_START, .id = {long_id, sizeof long_id - 1}};
    const struct event failed = {.kind = EVENT_ERROR};
    struct meter meter = {.failed = false};
    struct frame frames[] = {frame_of(&start, 1), frame_of(NULL, 0), frame_of(NULL, 0),
                             frame_of(&failed, 1)};
    frames[0].next_number = 1;
    frames[1].next_number = 2;
    frames[3].next_number = 3; /* it does not pass */
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        meter_frame(&meter, &frames[i]);
    }
    EXPECT_INT(meter.next_number, 2);
    EXPECT_SLICE(slice_from_cstr(meter.answer_id), "resp_1");
    struct frame again = frame_of(&other, 1);
    struct meter empty = {.failed = false};
    meter_frame(&empty, &again);
    EXPECT_INT(empty.answer_id[0], 0); /* a part of a name is none */
}

/* A provider's message goes into logs and errors: plain, bounded, no control characters. */
static void error_is_printable(void)
{
    char text[600];
    memset(text, 'x', sizeof(text));
    memcpy(text, "a\\r\\nb\\u0007\\u00e9\\\"c", 21);
    const struct event event = {.kind = EVENT_ERROR, .text = {text, sizeof(text)}};
    struct meter meter = {.failed = false};
    struct frame frame = frame_of(&event, 1);
    meter_frame(&meter, &frame);
    EXPECT(meter.failed);
    EXPECT(strncmp(meter.error, "a  b \xc3\xa9\"c", 9) == 0);
    EXPECT_INT(strlen(meter.error), sizeof(meter.error) - 1);
    for (size_t i = 0; meter.error[i] != '\0'; i++) {
        EXPECT((unsigned char)meter.error[i] >= 0x20);
    }
}

static void lanes(void)
{
    EXPECT_SLICE(slice_from_cstr(lane_name(LANE_VERBATIM)), "verbatim");
    EXPECT_SLICE(slice_from_cstr(lane_name(LANE_EDIT)), "edit");
    EXPECT_SLICE(slice_from_cstr(lane_name(LANE_TRANSLATE)), "translate");
}

int main(void)
{
    TEST(begins,
         "an answer has begun when some of it is seen, not by its announcement, usage or errors");
    TEST(counts_content, "texts, names and arguments are counted");
    TEST(last_usage_wins, "the last report of usage wins, unless it is less");
    TEST(what_cannot_be_read_is_no_report, "what cannot be read is no report");
    TEST(place_is_kept, "the name and the place of a stream are kept");
    TEST(error_is_printable, "an error's message is bounded and printable");
    TEST(lanes, "lanes have their outer names");
    return tap_done();
}
