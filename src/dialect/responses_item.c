/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items become turns. Clients put other turns between a call and its result; no other dialect
 * allows that, so a result moves up to the turn that made its call. A result without a call is
 * refused, unless the calls may be where we cannot see them: behind previous_response_id, in a
 * conversation that the provider keeps, or behind a reference.
 */
#include "base/hash.h"
#include "dialect/inner.h"
#include "dialect/responses.h"
#include "dialect/tool_name.h"

#define NO_TURN UINT32_MAX
#define LEADING_MAX 4u /* turns that are not in the input */

enum item_kind {
    ITEM_MESSAGE,
    ITEM_FUNCTION_CALL,
    ITEM_CUSTOM_CALL,
    ITEM_REASONING,
    ITEM_FUNCTION_OUTPUT,
    ITEM_CUSTOM_OUTPUT,
    ITEM_REFERENCE,
    ITEM_WEB_SEARCH,
    ITEM_FILE_SEARCH,
    ITEM_IMAGE,
    ITEM_KINDS,
    ITEM_OTHER = ITEM_KINDS
};

static const struct member_name item_kind_names[ITEM_KINDS] = {
    [ITEM_MESSAGE] = MEMBER_NAME("message"),
    [ITEM_FUNCTION_CALL] = MEMBER_NAME("function_call"),
    [ITEM_CUSTOM_CALL] = MEMBER_NAME("custom_tool_call"),
    [ITEM_REASONING] = MEMBER_NAME("reasoning"),
    [ITEM_FUNCTION_OUTPUT] = MEMBER_NAME("function_call_output"),
    [ITEM_CUSTOM_OUTPUT] = MEMBER_NAME("custom_tool_call_output"),
    [ITEM_REFERENCE] = MEMBER_NAME("item_reference"),
    [ITEM_WEB_SEARCH] = MEMBER_NAME("web_search_call"),
    [ITEM_FILE_SEARCH] = MEMBER_NAME("file_search_call"),
    [ITEM_IMAGE] = MEMBER_NAME("image_generation_call"),
};
static const struct member_table item_kinds = MEMBER_TABLE(item_kind_names);

enum {
    ITEM_TYPE,
    ITEM_ROLE,
    ITEM_CONTENT,
    ITEM_ID,
    ITEM_STATUS,
    ITEM_PHASE,
    ITEM_CALL_ID,
    ITEM_NAME,
    ITEM_NAMESPACE,
    ITEM_ARGUMENTS,
    ITEM_INPUT,
    ITEM_OUTPUT,
    ITEM_MEMBERS
};

static const struct member_name item_names[ITEM_MEMBERS] = {
    [ITEM_TYPE] = MEMBER_NAME("type"),           [ITEM_ROLE] = MEMBER_NAME("role"),
    [ITEM_CONTENT] = MEMBER_NAME("content"),     [ITEM_ID] = MEMBER_NAME("id"),
    [ITEM_STATUS] = MEMBER_NAME("status"),       [ITEM_PHASE] = MEMBER_NAME("phase"),
    [ITEM_CALL_ID] = MEMBER_NAME("call_id"),     [ITEM_NAME] = MEMBER_NAME("name"),
    [ITEM_NAMESPACE] = MEMBER_NAME("namespace"), [ITEM_ARGUMENTS] = MEMBER_NAME("arguments"),
    [ITEM_INPUT] = MEMBER_NAME("input"),         [ITEM_OUTPUT] = MEMBER_NAME("output"),
};
static const struct member_table item_table = MEMBER_TABLE(item_names);

/* A turn under way, in the order of the request; `next` is the order of the chat. */
struct turn {
    struct chat_message message;
    uint32_t next;
    uint32_t last_result; /* of an assistant's turn: where its next result comes after */
};

/* Calls by a keyed hash of their id: open addressing, at most half full. */
struct call_slot {
    const struct chat_part *call; /* NULL: free */
    uint64_t hash;
    uint32_t turn;
};

struct items {
    struct reader *r;
    struct turn *turns;
    size_t turn_count;
    uint32_t last;      /* of the order */
    uint32_t assistant; /* the assistant's turn that still grows, or NO_TURN */
    struct call_slot *calls;
    size_t call_mask;
    bool calls_elsewhere;
};

/* --- turns --- */

static struct turn *turn_at(const struct items *items, uint32_t index)
{
    return &items->turns[index];
}

/* Begins a turn behind `after` (NO_TURN: the first). */
static uint32_t turn_begin(struct items *items, enum chat_role role, uint32_t after)
{
    uint32_t index = (uint32_t)items->turn_count++;
    struct turn *turn = turn_at(items, index);
    turn->message.role = role;
    turn->next = NO_TURN;
    turn->last_result = index;
    if (after != NO_TURN) {
        turn->next = turn_at(items, after)->next;
        turn_at(items, after)->next = index;
    }
    if (after == items->last) {
        items->last = index;
    }
    return index;
}

static bool turn_room(struct items *items, struct turn *turn, size_t parts)
{
    turn->message.parts = arena_array(items->r->arena, parts, sizeof *turn->message.parts);
    return turn->message.parts != NULL || reader_refuse_size(items->r);
}

static struct chat_part *part_push(struct turn *turn, enum part_kind kind)
{
    struct chat_part *part = &turn->message.parts[turn->message.part_count++];
    part->kind = kind;
    return part;
}

/* --- kinds --- */

static enum item_kind kind_of(const struct json_doc *doc, uint32_t item)
{
    uint32_t type = json_member(doc, item, SLICE("type"));
    if (!member_given(doc, type)) {
        return ITEM_MESSAGE; /* the easy form */
    }
    if (json_kind(doc, type) != JSON_STRING) {
        return ITEM_OTHER;
    }
    uint32_t id = member_id(&item_kinds, doc, type);
    return id == MEMBER_UNKNOWN ? ITEM_OTHER : (enum item_kind)id;
}

/* Does this item belong to the assistant's turn before it? */
static bool is_assistants(const struct json_doc *doc, uint32_t item)
{
    switch (kind_of(doc, item)) {
    case ITEM_MESSAGE: {
        uint32_t role = json_member(doc, item, SLICE("role"));
        return json_is(doc, role, JSON_STRING) && json_string_is(doc, role, SLICE("assistant"));
    }
    case ITEM_FUNCTION_OUTPUT:
    case ITEM_CUSTOM_OUTPUT:
        return false;
    default:
        return true;
    }
}

/* The assistant's turn that grows, or a new one with room for all items up to the next turn. */
static struct turn *assistant_turn(struct items *items, uint32_t input, uint32_t item)
{
    const struct json_doc *doc = items->r->doc;
    if (items->assistant != NO_TURN) {
        return turn_at(items, items->assistant);
    }
    size_t parts = 0;
    for (uint32_t i = item;
         i != JSON_ABSENT && json_kind(doc, i) == JSON_OBJECT && is_assistants(doc, i);
         i = json_next(doc, input, i)) {
        parts += 1 + responses_count_content(doc, json_member(doc, i, SLICE("content")));
    }
    items->assistant = turn_begin(items, ROLE_ASSISTANT, items->last);
    struct turn *turn = turn_at(items, items->assistant);
    return turn_room(items, turn, parts) ? turn : NULL;
}

/* --- messages --- */

static bool read_role(struct reader *r, uint32_t value, enum chat_role *ret_role)
{
    static const struct member_name names[] = {
        [ROLE_SYSTEM] = MEMBER_NAME("system"),
        [ROLE_DEVELOPER] = MEMBER_NAME("developer"),
        [ROLE_USER] = MEMBER_NAME("user"),
        [ROLE_ASSISTANT] = MEMBER_NAME("assistant"),
    };
    static const struct member_table roles = MEMBER_TABLE(names);
    struct slice text = SLICE_EMPTY;
    if (!read_required(r, value, "role", &text)) {
        return false;
    }
    uint32_t role = member_id(&roles, r->doc, value);
    *ret_role = (enum chat_role)role;
    return role != MEMBER_UNKNOWN ||
           reader_refuse(r, "invalid_role", "role",
                         "The role must be \"system\", \"developer\", \"user\" or \"assistant\".");
}

static bool read_message(struct items *items, uint32_t input, uint32_t item, const uint32_t *values,
                         size_t unknown)
{
    struct reader *r = items->r;
    enum chat_role role;
    if (!read_role(r, values[ITEM_ROLE], &role)) {
        return false;
    }
    if (!member_given(r->doc, values[ITEM_CONTENT])) {
        return reader_refuse_missing(r, "content");
    }
    struct turn *turn;
    if (role == ROLE_ASSISTANT) {
        turn = assistant_turn(items, input, item);
    } else {
        items->assistant = NO_TURN;
        turn = turn_at(items, turn_begin(items, role, items->last));
        turn->message.raw = json_raw(r->doc, item);
        size_t parts = responses_count_content(r->doc, values[ITEM_CONTENT]);
        turn = turn_room(items, turn, parts) ? turn : NULL;
    }
    if (turn == NULL || !responses_read_content(r, values[ITEM_CONTENT], "content",
                                                turn->message.parts, &turn->message.part_count)) {
        return false;
    }
    return unknown == 0 || turn->message.extras != NULL ||
           reader_extras(r, item, &item_table, ITEM_MEMBERS, &turn->message.extras,
                         &turn->message.extra_count);
}

/* --- calls and results --- */

/* Where this id is or would be. */
static struct call_slot *find_slot(struct items *items, uint64_t hash, struct slice id)
{
    size_t at = hash & items->call_mask;
    while (items->calls[at].call != NULL &&
           (items->calls[at].hash != hash || !inner_equals(items->calls[at].call->id, id))) {
        at = (at + 1) & items->call_mask;
    }
    return &items->calls[at];
}

static void note_call(struct items *items, const struct chat_part *call)
{
    uint64_t hash = inner_hash(call->id);
    *find_slot(items, hash, call->id) = (struct call_slot){call, hash, items->assistant};
}

static bool read_call_name(struct reader *r, const uint32_t *values, struct chat_part *call)
{
    struct slice space = SLICE_EMPTY;
    if (!read_required(r, values[ITEM_CALL_ID], "call_id", &call->id) ||
        !read_required(r, values[ITEM_NAME], "name", &call->name) ||
        !read_inner(r, values[ITEM_NAMESPACE], "namespace", &space)) {
        return false;
    }
    if (space.len > 0) {
        call->name = tool_name_flat(r->arena, space, call->name);
    }
    return !r->arena->exhausted || reader_refuse_size(r);
}

static bool read_call(struct items *items, uint32_t input, uint32_t item, const uint32_t *values,
                      bool custom)
{
    struct reader *r = items->r;
    struct turn *turn = assistant_turn(items, input, item);
    if (turn == NULL) {
        return false;
    }
    struct chat_part *call = part_push(turn, PART_TOOL_CALL);
    uint32_t arguments = values[custom ? ITEM_INPUT : ITEM_ARGUMENTS];
    const char *member = custom ? "input" : "arguments";
    call->raw = json_raw(r->doc, item);
    call->arguments_text = true;
    call->custom = custom;
    if (!read_call_name(r, values, call)) {
        return false;
    }
    if (!member_given(r->doc, arguments)) {
        return reader_refuse_missing(r, member);
    }
    if (!read_inner(r, arguments, member, &call->arguments)) {
        return false;
    }
    note_call(items, call);
    return true;
}

static bool read_result(struct items *items, uint32_t item, const uint32_t *values, bool custom)
{
    struct reader *r = items->r;
    struct slice id = SLICE_EMPTY;
    if (!read_required(r, values[ITEM_CALL_ID], "call_id", &id)) {
        return false;
    }
    if (!member_given(r->doc, values[ITEM_OUTPUT])) {
        return reader_refuse_missing(r, "output");
    }
    const struct call_slot *slot = find_slot(items, inner_hash(id), id);
    if (slot->call == NULL && !items->calls_elsewhere) {
        return reader_refuse(r, "orphan_tool_result", "call_id",
                             "No call before this result has this id.");
    }
    items->assistant = NO_TURN;
    uint32_t after = slot->call != NULL ? turn_at(items, slot->turn)->last_result : items->last;
    uint32_t index = turn_begin(items, ROLE_TOOL, after);
    struct turn *turn = turn_at(items, index);
    if (!turn_room(items, turn, 1 + responses_count_content(r->doc, values[ITEM_OUTPUT]))) {
        return false;
    }
    turn->message.raw = json_raw(r->doc, item);
    struct chat_part *result = part_push(turn, PART_TOOL_RESULT);
    result->id = id;
    result->custom = custom;
    if (slot->call != NULL) {
        turn_at(items, slot->turn)->last_result = index;
        result->name = slot->call->name;
        result->custom = slot->call->custom;
    }
    return responses_read_content(r, values[ITEM_OUTPUT], "output", turn->message.parts,
                                  &turn->message.part_count);
}

/* --- other items --- */

/* What the provider searched or drew says nothing to another one; the texts that came of it are
 * there. */
static bool keep_search(struct items *items, struct turn *turn, uint32_t item, struct slice key)
{
    if (turn->message.extras == NULL) {
        turn->message.extras = ARENA_NEW(items->r->arena, struct chat_extra);
        if (turn->message.extras == NULL) {
            return reader_refuse_size(items->r);
        }
        turn->message.extras[turn->message.extra_count++] =
            (struct chat_extra){key, json_raw(items->r->doc, item)};
    }
    return true;
}

static bool read_other(struct items *items, uint32_t input, uint32_t item, enum item_kind kind)
{
    struct turn *turn = assistant_turn(items, input, item);
    if (turn == NULL) {
        return false;
    }
    switch (kind) {
    case ITEM_REASONING:
        return responses_read_thought(items->r, item, part_push(turn, PART_REASONING));
    case ITEM_WEB_SEARCH:
        return keep_search(items, turn, item, SLICE("web_search_call"));
    case ITEM_FILE_SEARCH:
        return keep_search(items, turn, item, SLICE("file_search_call"));
    case ITEM_IMAGE:
        return keep_search(items, turn, item, SLICE("image_generation_call"));
    default:
        part_push(turn, PART_UNKNOWN)->raw = json_raw(items->r->doc, item);
        return true;
    }
}

static bool read_item(struct items *items, uint32_t input, uint32_t item)
{
    struct reader *r = items->r;
    if (json_kind(r->doc, item) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    enum item_kind kind = kind_of(r->doc, item);
    uint32_t values[ITEM_MEMBERS];
    size_t unknown;
    if (kind > ITEM_CUSTOM_OUTPUT || kind == ITEM_REASONING) {
        return read_other(items, input, item, kind);
    }
    if (!members_read(r, item, NULL, &item_table, values, &unknown)) {
        return false;
    }
    reader_odd(r, NULL, values[ITEM_PHASE]);
    switch (kind) {
    case ITEM_MESSAGE:
        return read_message(items, input, item, values, unknown);
    case ITEM_FUNCTION_CALL:
    case ITEM_CUSTOM_CALL:
        return read_call(items, input, item, values, kind == ITEM_CUSTOM_CALL);
    default:
        return read_result(items, item, values, kind == ITEM_CUSTOM_OUTPUT);
    }
}

/* --- the whole input --- */

/* How many calls there are, and whether some may be behind references. */
static size_t survey(struct items *items, uint32_t input)
{
    const struct json_doc *doc = items->r->doc;
    size_t calls = 0;
    for (uint32_t i = json_first(doc, input); i != JSON_ABSENT; i = json_next(doc, input, i)) {
        if (json_kind(doc, i) != JSON_OBJECT) {
            continue;
        }
        enum item_kind kind = kind_of(doc, i);
        calls += kind == ITEM_FUNCTION_CALL || kind == ITEM_CUSTOM_CALL ? 1 : 0;
        items->calls_elsewhere |= kind == ITEM_REFERENCE;
    }
    return calls;
}

static bool prepare(struct items *items, uint32_t input)
{
    struct reader *r = items->r;
    bool is_array = json_is(r->doc, input, JSON_ARRAY);
    size_t calls = is_array ? survey(items, input) : 0;
    size_t slots = 2;
    while (slots < calls * 2 + 2) {
        slots *= 2;
    }
    items->calls = arena_array(r->arena, slots, sizeof *items->calls);
    items->call_mask = slots - 1;
    items->turns = arena_array(r->arena, (is_array ? json_count(r->doc, input) : 1) + LEADING_MAX,
                               sizeof *items->turns);
    return (items->calls != NULL && items->turns != NULL) || reader_refuse_size(r);
}

static bool read_list(struct items *items, uint32_t input)
{
    struct reader *r = items->r;
    r->place[0].list = "input";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, input); i != JSON_ABSENT;
         i = json_next(r->doc, input, i)) {
        if (!read_item(items, input, i)) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    return true;
}

static bool add_turn(struct items *items, enum chat_role role, struct chat_part part)
{
    struct turn *turn = turn_at(items, turn_begin(items, role, items->last));
    if (!turn_room(items, turn, 1)) {
        return false;
    }
    *part_push(turn, part.kind) = part;
    return true;
}

static bool add_leading(struct items *items, const struct responses_input *input)
{
    for (size_t i = 0; i < ARRAY_LEN(input->opaque); i++) {
        if (input->opaque[i] != JSON_ABSENT &&
            !add_turn(items, ROLE_DEVELOPER,
                      (struct chat_part){.kind = PART_UNKNOWN,
                                         .raw = json_raw(items->r->doc, input->opaque[i])})) {
            return false;
        }
    }
    return input->instructions.ptr == NULL ||
           add_turn(items, ROLE_SYSTEM,
                    (struct chat_part){.kind = PART_TEXT, .text = input->instructions});
}

/* The turns in their order, side by side. */
static bool take_turns(struct items *items)
{
    struct chat *chat = items->r->chat;
    chat->messages = arena_array(items->r->arena, items->turn_count, sizeof *chat->messages);
    if (chat->messages == NULL) {
        return reader_refuse_size(items->r);
    }
    for (uint32_t i = items->turn_count > 0 ? 0 : NO_TURN; i != NO_TURN; i = items->turns[i].next) {
        chat->messages[chat->message_count++] = items->turns[i].message;
    }
    return true;
}

bool responses_read_input(struct reader *r, const struct responses_input *input)
{
    const struct json_doc *doc = r->doc;
    struct items items = {.r = r, .last = NO_TURN, .assistant = NO_TURN};
    uint32_t value = input->input;
    for (size_t i = 0; i < ARRAY_LEN(input->opaque); i++) {
        items.calls_elsewhere |= input->opaque[i] != JSON_ABSENT;
    }
    if (!prepare(&items, value) || !add_leading(&items, input)) {
        return false;
    }
    if (json_is(doc, value, JSON_STRING)) {
        struct chat_part part = {.kind = PART_TEXT, .text = json_inner(doc, value)};
        return add_turn(&items, ROLE_USER, part) && take_turns(&items);
    }
    if (value == JSON_ABSENT) {
        return take_turns(&items);
    }
    if (json_kind(doc, value) != JSON_ARRAY) {
        return reader_refuse_type(r, "input", "a string or an array of items");
    }
    if (json_count(doc, value) == 0 && !items.calls_elsewhere) {
        return reader_refuse(r, "empty_messages", "input", "At least one item is required.");
    }
    return read_list(&items, value) && take_turns(&items);
}
