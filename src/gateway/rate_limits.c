/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* strptime, timegm */
#include "gateway/rate_limits.h"

#include "base/clock.h"

#include <time.h>

#define DURATION_MAX_MS (366LL * 86400 * 1000)
#define SINCE_1970_S 1000000000u /* below it a number is a duration */
#define SINCE_1970_MS 100000000000u

enum field { FIELD_LIMIT, FIELD_REMAINING, FIELD_RESET };

#define MEMBER(name) offsetof(struct rate_limits, name)

static const struct {
    struct slice openai; /* NULL ptr: no such word */
    struct slice anthropic;
    struct slice plain; /* of those who count requests only */
    size_t limit;       /* offset of the struct rate_limit */
    enum field field;
} names[] = {
    {.openai = SLICE_INIT("x-ratelimit-limit-requests"),
     .anthropic = SLICE_INIT("anthropic-ratelimit-requests-limit"),
     .plain = SLICE_INIT("x-ratelimit-limit"),
     .limit = MEMBER(requests),
     .field = FIELD_LIMIT},
    {.openai = SLICE_INIT("x-ratelimit-remaining-requests"),
     .anthropic = SLICE_INIT("anthropic-ratelimit-requests-remaining"),
     .plain = SLICE_INIT("x-ratelimit-remaining"),
     .limit = MEMBER(requests),
     .field = FIELD_REMAINING},
    {.openai = SLICE_INIT("x-ratelimit-reset-requests"),
     .anthropic = SLICE_INIT("anthropic-ratelimit-requests-reset"),
     .plain = SLICE_INIT("x-ratelimit-reset"),
     .limit = MEMBER(requests),
     .field = FIELD_RESET},
    {.openai = SLICE_INIT("x-ratelimit-limit-tokens"),
     .anthropic = SLICE_INIT("anthropic-ratelimit-tokens-limit"),
     .limit = MEMBER(tokens),
     .field = FIELD_LIMIT},
    {.openai = SLICE_INIT("x-ratelimit-remaining-tokens"),
     .anthropic = SLICE_INIT("anthropic-ratelimit-tokens-remaining"),
     .limit = MEMBER(tokens),
     .field = FIELD_REMAINING},
    {.openai = SLICE_INIT("x-ratelimit-reset-tokens"),
     .anthropic = SLICE_INIT("anthropic-ratelimit-tokens-reset"),
     .limit = MEMBER(tokens),
     .field = FIELD_RESET},
    {.anthropic = SLICE_INIT("anthropic-ratelimit-input-tokens-limit"),
     .limit = MEMBER(input_tokens),
     .field = FIELD_LIMIT},
    {.anthropic = SLICE_INIT("anthropic-ratelimit-input-tokens-remaining"),
     .limit = MEMBER(input_tokens),
     .field = FIELD_REMAINING},
    {.anthropic = SLICE_INIT("anthropic-ratelimit-input-tokens-reset"),
     .limit = MEMBER(input_tokens),
     .field = FIELD_RESET},
    {.anthropic = SLICE_INIT("anthropic-ratelimit-output-tokens-limit"),
     .limit = MEMBER(output_tokens),
     .field = FIELD_LIMIT},
    {.anthropic = SLICE_INIT("anthropic-ratelimit-output-tokens-remaining"),
     .limit = MEMBER(output_tokens),
     .field = FIELD_REMAINING},
    {.anthropic = SLICE_INIT("anthropic-ratelimit-output-tokens-reset"),
     .limit = MEMBER(output_tokens),
     .field = FIELD_RESET},
};

static int64_t *field_of(struct rate_limits *limits, size_t name)
{
    struct rate_limit *limit = (void *)((char *)limits + names[name].limit);
    switch (names[name].field) {
    case FIELD_LIMIT:
        return &limit->limit;
    case FIELD_REMAINING:
        return &limit->remaining;
    default:
        return &limit->reset_ms;
    }
}

static size_t digits_of(struct slice text, uint64_t *ret_value)
{
    size_t len = 0;
    *ret_value = 0;
    while (len < text.len && len < 12 && text.ptr[len] >= '0' && text.ptr[len] <= '9') {
        *ret_value = *ret_value * 10 + (uint64_t)(text.ptr[len++] - '0');
    }
    return len;
}

static int64_t unit_ms(struct slice unit)
{
    static const struct {
        struct slice unit;
        int64_t ms;
    } units[] = {
        {SLICE_INIT("ms"), 1},      {SLICE_INIT("s"), 1000},     {SLICE_INIT("m"), 60000},
        {SLICE_INIT("h"), 3600000}, {SLICE_INIT("d"), 86400000},
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_eq(unit, units[i].unit)) {
            return units[i].ms;
        }
    }
    return -1;
}

/* A number with at most three decimals, in thousandths; returns the bytes taken, 0: no number. */
static size_t read_thousandths(struct slice text, int64_t *ret_value)
{
    uint64_t whole = 0;
    uint64_t fraction = 0;
    size_t len = digits_of(text, &whole);
    size_t scale = 100;
    if (len > 0 && len < text.len && text.ptr[len] == '.') {
        for (len++; len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9'; len++) {
            fraction += (uint64_t)(text.ptr[len] - '0') * scale;
            scale /= 10;
        }
    }
    *ret_value = (int64_t)(whole * 1000 + fraction);
    return len;
}

/* "1h2m3.5s", "120ms", or seconds without a unit; -1: no duration. */
static int64_t read_duration(struct slice text)
{
    int64_t sum_ms = 0;
    while (text.len > 0) {
        int64_t value = 0;
        size_t len = read_thousandths(text, &value);
        text = slice_from(text, len);
        size_t letters = 0;
        while (letters < text.len && text.ptr[letters] >= 'a' && text.ptr[letters] <= 'z') {
            letters++;
        }
        int64_t ms = letters == 0 ? 1000 : unit_ms(slice_of(text.ptr, letters));
        if (len == 0 || ms < 0 || value > DURATION_MAX_MS * 1000 / ms) {
            return -1;
        }
        sum_ms += value * ms / 1000;
        text = slice_from(text, letters);
    }
    return sum_ms <= DURATION_MAX_MS ? sum_ms : -1;
}

/* "2026-11-22T10:00:00Z", with or without a fraction, as ms from now; -1: no such time. */
static int64_t read_time(struct slice text, int64_t wall_ns)
{
    char copy[32];
    struct tm parts = {.tm_isdst = 0};
    if (text.len < 20 || text.len >= sizeof copy || text.ptr[text.len - 1] != 'Z') {
        return -1;
    }
    slice_to_cstr(text, copy, sizeof copy);
    if (strptime(copy, "%Y-%m-%dT%H:%M:%S", &parts) == NULL) {
        return -1;
    }
    int64_t ms = (int64_t)timegm(&parts) * 1000 - wall_ns / NS_PER_MS;
    return ms < 0 ? 0 : ms <= DURATION_MAX_MS ? ms : -1;
}

/* A duration, or seconds or milliseconds since 1970; -1: neither. */
static int64_t read_moment(struct slice text, int64_t wall_ns)
{
    uint64_t number = 0;
    if (!slice_to_u64(text, &number) || number < SINCE_1970_S || number > INT64_MAX / 1000) {
        return read_duration(text);
    }
    int64_t moment_ms = (int64_t)(number < SINCE_1970_MS ? number * 1000 : number);
    int64_t ms = moment_ms - wall_ns / NS_PER_MS;
    return ms < 0 ? 0 : ms <= DURATION_MAX_MS ? ms : -1;
}

static int64_t read_count(struct slice value)
{
    uint64_t number = 0;
    return slice_to_u64(value, &number) && number <= INT64_MAX ? (int64_t)number : -1;
}

static int64_t read_field(const struct http_header *headers, size_t count, size_t name,
                          int64_t wall_ns)
{
    const struct slice spellings[] = {names[name].openai, names[name].anthropic, names[name].plain};
    bool reset = names[name].field == FIELD_RESET;
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct slice value =
            spellings[i].len > 0 ? http_header_find(headers, count, spellings[i]) : SLICE_EMPTY;
        if (value.len > 0) {
            value = slice_trim(value);
            return !reset   ? read_count(value)
                   : i == 1 ? read_time(value, wall_ns)
                            : read_moment(value, wall_ns);
        }
    }
    return -1;
}

static bool says(const struct rate_limit *limit)
{
    return limit->limit >= 0 || limit->remaining >= 0 || limit->reset_ms >= 0;
}

/* Of which a smaller part is left; what does not say it is not the tighter one. */
static bool is_tighter(const struct rate_limit *a, const struct rate_limit *b)
{
    if (a->remaining < 0 || b->remaining < 0) {
        return a->remaining >= 0 || (b->remaining < 0 && says(a));
    }
    if (a->limit <= 0 || b->limit <= 0) {
        return a->remaining < b->remaining;
    }
    return (double)a->remaining / (double)a->limit < (double)b->remaining / (double)b->limit;
}

bool rate_limits_read(const struct http_header *headers, size_t count, int64_t wall_ns,
                      struct rate_limits *ret_limits)
{
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int64_t *field = field_of(ret_limits, i);
        *field = read_field(headers, count, i, wall_ns);
        any = any || *field >= 0;
    }
    if (!says(&ret_limits->tokens)) {
        bool output = is_tighter(&ret_limits->output_tokens, &ret_limits->input_tokens);
        ret_limits->tokens = output ? ret_limits->output_tokens : ret_limits->input_tokens;
    }
    return any;
}

/* --- writing --- */

static bool speaks_openai(enum dialect_id front)
{
    return front == DIALECT_OPENAI_CHAT || front == DIALECT_OPENAI_COMPLETIONS ||
           front == DIALECT_OPENAI_RESPONSES || front == DIALECT_OPENAI_EMBEDDINGS;
}

static void append_reset(int64_t ms, bool openai, int64_t wall_ns, struct buf *out)
{
    if (openai) {
        buf_printf(out, "%lldms", (long long)ms);
        return;
    }
    char text[CLOCK_TEXT_SIZE];
    buf_append_cstr(out, clock_format(wall_ns + ms * NS_PER_MS, text));
}

void rate_limits_write(const struct rate_limits *limits, enum dialect_id front, int64_t wall_ns,
                       struct buf *lines)
{
    struct rate_limits copy = *limits;
    bool openai = speaks_openai(front);
    if (!openai && front != DIALECT_ANTHROPIC) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int64_t value = *field_of(&copy, i);
        struct slice name = openai ? names[i].openai : names[i].anthropic;
        if (value < 0 || name.len == 0) {
            continue;
        }
        buf_append(lines, name);
        buf_append(lines, SLICE(": "));
        if (names[i].field == FIELD_RESET) {
            append_reset(value, openai, wall_ns, lines);
        } else {
            buf_append_i64(lines, value);
        }
        buf_append(lines, SLICE("\r\n"));
    }
}
