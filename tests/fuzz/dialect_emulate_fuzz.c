/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any stop sequences and any answer, in any pieces: what the client gets is the answer up to the
 * first stop sequence, byte for byte, and all of it where none is met, and it ends once. Compared
 * with a plain search in the whole text. Lines of the input: the stop sequences, an empty one, then
 * the answer. The first byte is the seed of the pieces.
 */
#include "base/random.h"
#include "dialect/emulate.h"
#include "dialect/wish.h"
#include "tests/unit/dialect/fixture.h"

#define STOPS_MAX 16u
#define BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the plain search --- */

struct plain {
    uint16_t units[BYTES_MAX];
    size_t ends[BYTES_MAX]; /* where each unit ends in the bytes */
    size_t count;
};

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

static size_t escape_length(struct slice inner, size_t at, uint16_t *ret_unit)
{
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    char c = inner.ptr[at + 1];
    const char *known = strchr(from, c);
    *ret_unit = (uint16_t)(known != NULL ? to[known - from] : c);
    if (c != 'u') {
        return 2;
    }
    *ret_unit = 0;
    for (size_t i = 2; i < 6; i++) {
        *ret_unit = (uint16_t)(*ret_unit << 4 | hex_value(inner.ptr[at + i]));
    }
    return 6;
}

/* The UTF-16 units of an inner text that is known to be valid. */
static void units_of(struct slice inner, struct plain *out)
{
    out->count = 0;
    for (size_t at = 0; at < inner.len;) {
        unsigned char c = (unsigned char)inner.ptr[at];
        size_t length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        uint16_t unit = c;
        if (c == '\\') {
            length = escape_length(inner, at, &unit);
        }
        uint32_t code = c & (0xFFu >> (length + 1));
        for (size_t i = 1; c >= 0x80 && i < length; i++) {
            code = code << 6 | ((unsigned char)inner.ptr[at + i] & 0x3Fu);
        }
        at += length;
        if (c >= 0xF0) {
            out->ends[out->count] = at;
            out->units[out->count++] = (uint16_t)(0xD800 + ((code - 0x10000) >> 10));
            unit = (uint16_t)(0xDC00 + ((code - 0x10000) & 0x3FF));
        } else if (c >= 0x80) {
            unit = (uint16_t)code;
        }
        out->ends[out->count] = at;
        out->units[out->count++] = unit;
    }
}

static bool ends_with(const struct plain *text, size_t end, const struct plain *stop)
{
    return stop->count <= end && memcmp(text->units + end - stop->count, stop->units,
                                        stop->count * sizeof *stop->units) == 0;
}

/* How many bytes of the text are told. */
static size_t told_length(struct slice text, const struct slice *stops, size_t stop_count,
                          bool *ret_cut)
{
    static struct plain plain, stop;
    units_of(text, &plain);
    *ret_cut = false;
    for (size_t end = 1; end <= plain.count && !*ret_cut; end++) {
        size_t longest = 0;
        for (size_t i = 0; i < stop_count; i++) {
            units_of(stops[i], &stop);
            longest = ends_with(&plain, end, &stop) && stop.count > longest ? stop.count : longest;
        }
        if (longest > 0) {
            *ret_cut = true;
            return end == longest ? 0 : plain.ends[end - longest - 1];
        }
    }
    return text.len;
}

/* --- the emulation --- */

/* Where a text may be cut into pieces: between its characters and escapes. */
static size_t piece_length(struct slice text, struct random *random)
{
    static struct plain plain;
    units_of(text, &plain);
    return plain.ends[random_below(random, plain.count < 6 ? plain.count : 6)];
}

struct shown {
    struct buf text;
    bool finished;
    bool ended;
};

static void show(struct emulation *emulation, const struct frame *frame, struct shown *shown)
{
    struct frame out;
    CHECK(emulation_frame(emulation, frame, &out));
    CHECK(out.terminal == (frame->terminal || emulation_is_cut(emulation)));
    for (size_t i = 0; i < out.count; i++) {
        const struct event *event = &out.events[i];
        CHECK(!shown->ended);
        CHECK(!shown->finished || event->kind == EVENT_USAGE || event->kind == EVENT_END);
        if (event->kind == EVENT_TEXT) {
            buf_append(&shown->text, event->text);
        }
        shown->finished = shown->finished || event->kind == EVENT_FINISH;
        shown->ended = shown->ended || event->kind == EVENT_END;
    }
}

static void show_pieces(struct emulation *emulation, struct slice text, struct random *random,
                        struct shown *shown)
{
    while (text.len > 0 && !emulation_is_cut(emulation)) {
        char *copies[4];
        struct event events[ARRAY_LEN(copies)];
        size_t count = 0;
        size_t most = 1 + random_below(random, ARRAY_LEN(copies));
        while (count < most && text.len > 0) {
            size_t length = piece_length(text, random);
            copies[count] = malloc(length); /* of its exact size, for the sanitizer */
            CHECK(copies[count] != NULL);
            memcpy(copies[count], text.ptr, length);
            events[count] =
                (struct event){.kind = EVENT_TEXT, .text = slice_of(copies[count], length)};
            count++;
            text = slice_from(text, length);
        }
        const struct frame frame = {.events = events, .count = count};
        show(emulation, &frame, shown);
        while (count > 0) {
            free(copies[--count]);
        }
    }
}

static void answer(const struct chat *chat, struct slice text, struct random *random)
{
    static const struct event last[] = {{.kind = EVENT_FINISH, .finish = FINISH_LENGTH},
                                        {.kind = EVENT_END}};
    const struct frame end = {.events = last, .count = ARRAY_LEN(last), .terminal = true};
    struct shown shown = {.text = BUF_INIT(FIXTURE_LIMIT)};
    struct emulation *emulation = emulation_new(chat, WISH_BIT(WISH_STOP));
    bool cut;
    size_t told = told_length(text, chat->stop, chat->stop_count, &cut);
    CHECK(emulation != NULL);
    show_pieces(emulation, text, random, &shown);
    CHECK(emulation_is_cut(emulation) == cut);
    if (!cut) {
        show(emulation, &end, &shown);
    }
    CHECK(shown.finished && shown.ended);
    CHECK(slice_eq(buf_slice(&shown.text), slice_of(text.ptr, told)));
    emulation_free(emulation);
    buf_release(&shown.text);
}

/* A text as it may stand between the quotes of a JSON string. */
static bool is_inner(struct slice text)
{
    struct buf quoted = BUF_INIT(BYTES_MAX + 2);
    buf_append_char(&quoted, '"');
    buf_append(&quoted, text);
    buf_append_char(&quoted, '"');
    bool valid = !quoted.failed && is_json(buf_slice(&quoted));
    buf_release(&quoted);
    return valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice stops[STOPS_MAX];
    struct random random;
    size_t count = 0;
    if (size < 2 || size > BYTES_MAX) {
        return 0;
    }
    struct slice rest = slice_of((const char *)data + 1, size - 1);
    while (rest.len > 0 && count < STOPS_MAX) {
        struct slice line = slice_cut(&rest, '\n');
        if (line.len == 0) {
            break;
        }
        stops[count++] = line;
        if (!is_inner(line)) {
            return 0;
        }
    }
    struct chat chat = {.stop = stops, .stop_count = count, .choices = 1};
    if (count == 0 || !is_inner(rest) ||
        emulation_able(&chat, WISH_BIT(WISH_STOP)) != WISH_BIT(WISH_STOP)) {
        return 0;
    }
    random_seed(&random, data[0]);
    answer(&chat, rest, &random);
    return 0;
}
