/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stop sequences are matched in UTF-16 units, because that is what JSON's escapes are made of: a
 * character may come as "\ud83d" in one piece and "\ude00" in the next. Each sequence has its own
 * Knuth-Morris-Pratt state; the longest state is what may not be told yet.
 */
#include "dialect/emulate.h"

#include "base/memory.h"
#include "dialect/inner.h"
#include "dialect/wish.h"

#define STOPS_MAX 16u
#define UNITS_MAX 256u /* of one stop sequence */
#define UNIT_BYTES 6u  /* "\u0041" */
#define HELD_MAX (UNITS_MAX * UNIT_BYTES)
#define TEXT_MAX ((size_t)256 << 20)

struct stop {
    uint16_t units[UNITS_MAX];
    uint16_t fallback[UNITS_MAX]; /* how much of it still matches when the next unit does not */
    size_t count;
    size_t matched;
};

struct emulation {
    bool as_text; /* arguments are the answer */
    bool cut;
    size_t stop_count;
    uint8_t widths[UNITS_MAX]; /* in bytes, of the last units: a ring */
    size_t at;                 /* in it */
    char held[HELD_MAX];       /* inner bytes that may begin a stop sequence */
    size_t held_len;
    char met[HELD_MAX]; /* the stop sequence, as it stood in the answer */
    size_t met_len;
    struct buf text; /* of the frame's events */
    struct event *events;
    size_t room;
    size_t count;
    size_t usage_at; /* of the frame that ends the answer; SIZE_MAX: none */
    struct stop stops[];
};

/* --- what can be done --- */

struct unit {
    uint16_t values[2];
    unsigned count;
    size_t bytes;
};

static uint16_t hex4(const char *digits)
{
    unsigned value = 0;
    for (unsigned i = 0; i < 4; i++) {
        char c = digits[i];
        unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
        value = value << 4 | (digit & 15u);
    }
    return (uint16_t)value;
}

static struct unit escape_next(struct slice rest)
{
    static const char escapes[][2] = {
        {'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'b', '\b'}, {'f', '\f'}};
    if (rest.len >= UNIT_BYTES && rest.ptr[1] == 'u') {
        return (struct unit){{hex4(rest.ptr + 2), 0}, 1, UNIT_BYTES};
    }
    char plain = rest.len > 1 ? rest.ptr[1] : '\\';
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        if (plain == escapes[i][0]) {
            plain = escapes[i][1];
            break;
        }
    }
    return (struct unit){{(unsigned char)plain, 0}, 1, rest.len > 1 ? 2 : 1};
}

/* The next character of an inner text that is not empty. */
static struct unit unit_next(struct slice rest)
{
    unsigned char first = (unsigned char)rest.ptr[0];
    if (first == '\\') {
        return escape_next(rest);
    }
    if (first < 0x80) {
        return (struct unit){{first, 0}, 1, 1};
    }
    size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (bytes > rest.len) {
        return (struct unit){{first, 0}, 1, 1};
    }
    uint32_t code = first & (0xFFu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        code = code << 6 | ((unsigned char)rest.ptr[i] & 0x3Fu);
    }
    if (code < 0x10000) {
        return (struct unit){{(uint16_t)code, 0}, 1, bytes};
    }
    code -= 0x10000;
    return (struct unit){
        {(uint16_t)(0xD800 | (code >> 10)), (uint16_t)(0xDC00 | (code & 0x3FF))}, 2, bytes};
}

static size_t units_of(struct slice inner)
{
    size_t count = 0;
    while (inner.len > 0) {
        struct unit unit = unit_next(inner);
        count += unit.count;
        inner = slice_from(inner, unit.bytes);
    }
    return count;
}

static bool can_cut(const struct chat *chat)
{
    bool fits = chat->stop_count <= STOPS_MAX && chat->choices <= 1 && !chat->logprobs;
    for (size_t i = 0; fits && i < chat->stop_count; i++) {
        size_t count = units_of(chat->stop[i]);
        fits = count > 0 && count <= UNITS_MAX;
    }
    return fits;
}

/* The tool of ours must be the only one. */
static bool can_answer_by_tool(const struct chat *chat)
{
    bool alone = chat->tool_count == 0;
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            enum part_kind kind = chat->messages[i].parts[j].kind;
            alone = alone && kind != PART_TOOL_CALL && kind != PART_TOOL_RESULT;
        }
    }
    return alone;
}

static const struct chat_tool *named_tool(const struct chat *chat)
{
    for (size_t i = 0; i < chat->tool_count; i++) {
        const struct chat_tool *tool = &chat->tools[i];
        if (tool->kind != TOOL_OTHER && inner_equals(tool->name, chat->tool_choice_name)) {
            return tool;
        }
    }
    return NULL;
}

unsigned emulation_able(const struct chat *chat, unsigned wishes)
{
    unsigned able = 0;
    able |= (wishes & WISH_BIT(WISH_STOP)) != 0 && can_cut(chat) ? WISH_BIT(WISH_STOP) : 0;
    able |= (wishes & WISH_BIT(WISH_FORMAT)) != 0 && can_answer_by_tool(chat)
                ? WISH_BIT(WISH_FORMAT)
                : 0;
    able |= (wishes & WISH_BIT(WISH_TOOL_CHOICE)) != 0 && wishes_has_tool(chat)
                ? WISH_BIT(WISH_TOOL_CHOICE)
                : 0;
    return able;
}

/* --- the request --- */

static const struct chat_tool answer_tool = {
    .kind = TOOL_FUNCTION,
    .name = SLICE_INIT("json"),
    .description =
        SLICE_INIT("Gives the answer: one JSON object that holds everything that was asked for."),
    .parameters = SLICE_INIT("{\"type\":\"object\",\"additionalProperties\":true}"),
    .strict = -1,
};

static bool offer_only(struct chat *chat, const struct chat_tool *tool, struct arena *arena)
{
    struct chat_tool *tools = ARENA_NEW(arena, struct chat_tool);
    if (tools == NULL) {
        return false;
    }
    *tools = *tool;
    chat->tools = tools;
    chat->tool_count = 1;
    return true;
}

bool emulation_rewrite(struct chat *chat, unsigned wishes, struct arena *arena)
{
    if ((wishes & WISH_BIT(WISH_STOP)) != 0) {
        chat->stop = NULL;
        chat->stop_count = 0;
    }
    if ((wishes & WISH_BIT(WISH_TOOL_CHOICE)) != 0) {
        const struct chat_tool *named =
            chat->tool_choice == TOOL_CHOICE_NAMED ? named_tool(chat) : NULL;
        chat->tool_choice = TOOL_CHOICE_UNSET;
        if (named != NULL && !offer_only(chat, named, arena)) {
            return false;
        }
    }
    if ((wishes & WISH_BIT(WISH_FORMAT)) != 0) {
        chat->format = FORMAT_TEXT;
        chat->tool_choice = TOOL_CHOICE_NAMED;
        chat->tool_choice_name = answer_tool.name;
        return offer_only(chat, &answer_tool, arena);
    }
    return true;
}

/* --- memory --- */

static void stop_init(struct stop *stop, struct slice inner)
{
    stop->count = 0;
    stop->matched = 0;
    while (inner.len > 0) {
        struct unit unit = unit_next(inner);
        for (unsigned i = 0; i < unit.count && stop->count < UNITS_MAX; i++) {
            stop->units[stop->count++] = unit.values[i];
        }
        inner = slice_from(inner, unit.bytes);
    }
    stop->fallback[0] = 0;
    for (size_t i = 1, length = 0; i < stop->count; i++) {
        while (length > 0 && stop->units[i] != stop->units[length]) {
            length = stop->fallback[length - 1];
        }
        length += stop->units[i] == stop->units[length] ? 1 : 0;
        stop->fallback[i] = (uint16_t)length;
    }
}

struct emulation *emulation_new(const struct chat *chat, unsigned wishes)
{
    bool cuts = (wishes & WISH_BIT(WISH_STOP)) != 0;
    size_t count = cuts ? chat->stop_count : 0;
    struct emulation *emulation = memory_array(1, sizeof *emulation + count * sizeof(struct stop));
    if (emulation == NULL) {
        return NULL;
    }
    emulation->as_text = (wishes & WISH_BIT(WISH_FORMAT)) != 0;
    emulation->stop_count = count;
    emulation->usage_at = SIZE_MAX;
    buf_init(&emulation->text, TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        stop_init(&emulation->stops[i], chat->stop[i]);
    }
    return emulation;
}

void emulation_free(struct emulation *emulation)
{
    if (emulation == NULL) {
        return;
    }
    buf_release(&emulation->text);
    memory_free(emulation->events);
    memory_free(emulation);
}

/* --- texts --- */

static struct event *event_push(struct emulation *e, const struct event *event)
{
    e->events[e->count] = *event;
    return &e->events[e->count++];
}

/* Room for all that this frame can become, so that slices of the text stay where they are. */
static bool make_room(struct emulation *e, const struct frame *frame)
{
    size_t bytes = HELD_MAX;
    size_t events = 2 * frame->count + 3;
    for (size_t i = 0; i < frame->count; i++) {
        bytes += frame->events[i].text.len + HELD_MAX;
    }
    buf_clear(&e->text);
    if (events > e->room) {
        struct event *more = memory_resize(e->events, events * sizeof *more);
        if (more == NULL) {
            return false;
        }
        e->events = more;
        e->room = events;
    }
    return buf_reserve(&e->text, bytes) != NULL;
}

static struct slice text_add(struct emulation *e, struct slice first, struct slice second)
{
    size_t start = e->text.len;
    buf_append(&e->text, first);
    buf_append(&e->text, second);
    return slice_from(buf_slice(&e->text), start);
}

/* What was held back was no stop sequence. */
static void flush(struct emulation *e)
{
    const struct event text = {
        .kind = EVENT_TEXT,
        .text = text_add(e, slice_of(e->held, e->held_len), SLICE("")),
    };
    if (e->held_len > 0) {
        (void)event_push(e, &text);
    }
    e->held_len = 0;
    for (size_t i = 0; i < e->stop_count; i++) {
        e->stops[i].matched = 0;
    }
}

/* How many bytes the last `count` units have. */
static size_t bytes_of_last(const struct emulation *e, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += e->widths[(e->at + UNITS_MAX - 1 - i) % UNITS_MAX];
    }
    return bytes;
}

static size_t stop_step(struct stop *stop, uint16_t unit)
{
    while (stop->matched > 0 && stop->units[stop->matched] != unit) {
        stop->matched = stop->fallback[stop->matched - 1];
    }
    stop->matched += stop->units[stop->matched] == unit ? 1 : 0;
    return stop->matched;
}

/* One unit; how long the longest sequence is that ends with it, 0: none does. */
static size_t take_unit(struct emulation *e, uint16_t unit, size_t bytes)
{
    size_t met = 0;
    e->widths[e->at] = (uint8_t)bytes;
    e->at = (e->at + 1) % UNITS_MAX;
    for (size_t i = 0; i < e->stop_count; i++) {
        struct stop *stop = &e->stops[i];
        if (stop_step(stop, unit) == stop->count) {
            met = stop->count > met ? stop->count : met;
        }
    }
    return met;
}

/* Reads the text up to its end or the end of a stop sequence. *ret_met: of so many units. */
static size_t scan(struct emulation *e, struct slice text, size_t *ret_met)
{
    size_t taken = 0;
    *ret_met = 0;
    while (taken < text.len && *ret_met == 0) {
        struct unit unit = unit_next(slice_from(text, taken));
        taken += unit.bytes;
        for (unsigned i = 0; i < unit.count && *ret_met == 0; i++) {
            *ret_met = take_unit(e, unit.values[i], i == 0 ? unit.bytes : 0);
        }
    }
    return taken;
}

static size_t longest_begun(const struct emulation *e)
{
    size_t longest = 0;
    for (size_t i = 0; i < e->stop_count; i++) {
        longest = e->stops[i].matched > longest ? e->stops[i].matched : longest;
    }
    return longest;
}

static void end_answer(struct emulation *e, struct slice met)
{
    e->cut = true;
    e->held_len = 0;
    e->met_len = met.len;
    memcpy(e->met, met.ptr, met.len);
    const struct event finish = {
        .kind = EVENT_FINISH, .finish = FINISH_STOP, .text = slice_of(e->met, e->met_len)};
    (void)event_push(e, &finish);
}

static void take_text(struct emulation *e, const struct event *event)
{
    size_t met;
    size_t taken = scan(e, event->text, &met);
    size_t back = bytes_of_last(e, met > 0 ? met : longest_begun(e));
    if (met == 0 && back == 0 && e->held_len == 0) {
        (void)event_push(e, event);
        return;
    }
    struct slice all =
        text_add(e, slice_of(e->held, e->held_len), slice_of(event->text.ptr, taken));
    struct slice told = slice_of(all.ptr, all.len - back);
    struct slice rest = slice_from(all, told.len);
    if (told.len > 0) {
        event_push(e, event)->text = told;
    }
    if (met > 0) {
        end_answer(e, rest);
        return;
    }
    e->held_len = rest.len;
    if (rest.len > 0) {
        memcpy(e->held, rest.ptr, rest.len);
    }
}

/* --- frames --- */

static void take_event(struct emulation *e, const struct event *event)
{
    struct event copy = *event;
    switch (event->kind) {
    case EVENT_TOOL_CALL:
        if (e->as_text) {
            return;
        }
        break;
    case EVENT_TOOL_ARGUMENTS:
        copy.kind = e->as_text ? EVENT_TEXT : copy.kind;
        break;
    case EVENT_FINISH:
        if (e->as_text && copy.finish == FINISH_TOOL_CALLS) {
            copy.finish = FINISH_STOP;
            copy.native = SLICE_EMPTY;
        }
        break;
    case EVENT_START:
    case EVENT_USAGE:
    case EVENT_LOST:
        (void)event_push(e, event);
        return;
    default:
        break;
    }
    if (copy.kind == EVENT_TEXT && e->stop_count > 0) {
        take_text(e, &copy);
        return;
    }
    flush(e);
    (void)event_push(e, &copy);
}

/* What else a frame holds once the answer is at its end. */
static void take_rest(struct emulation *e, const struct event *event)
{
    if (event->kind == EVENT_USAGE) {
        (void)event_push(e, event);
    }
}

static void end_frame(struct emulation *e)
{
    const struct event end = {.kind = EVENT_END};
    const struct event usage = {.kind = EVENT_USAGE};
    bool told = false;
    for (size_t i = 0; i < e->count; i++) {
        told = told || e->events[i].kind == EVENT_USAGE;
    }
    if (!told) {
        e->usage_at = e->count;
        (void)event_push(e, &usage);
    }
    (void)event_push(e, &end);
}

bool emulation_frame(struct emulation *e, const struct frame *frame, struct frame *ret_frame)
{
    *ret_frame = *frame;
    e->count = 0;
    if (!make_room(e, frame)) {
        return false;
    }
    for (size_t i = 0; i < frame->count; i++) {
        if (e->cut) {
            take_rest(e, &frame->events[i]);
        } else {
            take_event(e, &frame->events[i]);
        }
    }
    if (e->cut) {
        end_frame(e);
        ret_frame->terminal = true;
    }
    ret_frame->events = e->events;
    ret_frame->count = e->count;
    return !e->text.failed;
}

bool emulation_is_cut(const struct emulation *e)
{
    return e->cut;
}

void emulation_usage(struct emulation *e, const struct usage *usage)
{
    if (e->usage_at < e->count) {
        e->events[e->usage_at].usage = *usage;
    }
}
