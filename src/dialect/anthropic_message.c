/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System prompt and turns. A user's turn with results of tools becomes one tool's message for each
 * result and one user's message for the rest, because that is the order in which every dialect has
 * them. A result must answer a call of the last assistant's turn that made calls. In the middle of
 * a conversation `role: system` is the system's message that it says it is.
 */
#include "dialect/anthropic.h"
#include "dialect/inner.h"

enum { TURN_ROLE, TURN_CONTENT, TURN_MEMBERS };

static const struct member_name turn_names[TURN_MEMBERS] = {
    [TURN_ROLE] = MEMBER_NAME("role"), [TURN_CONTENT] = MEMBER_NAME("content")};
static const struct member_table turn_table = MEMBER_TABLE(turn_names);

/* The calls that results may answer, with keyed hashes of their ids: a hostile request can make us
 * compare many. */
struct open_calls {
    size_t count;
    size_t next; /* results mostly come in the order of the calls */
    const struct chat_part *calls[ANTHROPIC_CALLS_PER_TURN];
    uint64_t hashes[ANTHROPIC_CALLS_PER_TURN];
};

struct turn {
    struct reader *r;
    struct open_calls *open;
    enum chat_role role;
    struct slice raw;
    uint32_t content;
    struct chat_extra *extras;
    size_t extra_count;
};

static bool read_role(struct turn *t, uint32_t value)
{
    static const struct member_name names[] = {
        [ROLE_SYSTEM] = MEMBER_NAME("system"),
        [ROLE_DEVELOPER] = MEMBER_NAME(" "), /* not here */
        [ROLE_USER] = MEMBER_NAME("user"),
        [ROLE_ASSISTANT] = MEMBER_NAME("assistant"),
    };
    static const struct member_table roles = MEMBER_TABLE(names);
    struct slice text = SLICE_EMPTY;
    if (!read_required(t->r, value, "role", &text)) {
        return false;
    }
    uint32_t role = member_id(&roles, t->r->doc, value);
    t->role = (enum chat_role)role;
    return (role != MEMBER_UNKNOWN && role != ROLE_DEVELOPER) ||
           reader_refuse(t->r, "invalid_role", "role",
                         "The role must be \"user\", \"assistant\" or \"system\".");
}

static const struct chat_part *find_call(struct open_calls *open, struct slice id)
{
    uint64_t hash = inner_hash(id);
    size_t at = open->next;
    for (size_t i = 0; i < open->count; i++, at++) {
        at = at < open->count ? at : 0;
        if (open->hashes[at] == hash && inner_equals(open->calls[at]->id, id)) {
            open->next = at + 1;
            return open->calls[at];
        }
    }
    return NULL;
}

static bool note_calls(struct turn *t, const struct chat_message *message)
{
    struct open_calls *open = t->open;
    bool begun = false;
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind != PART_TOOL_CALL) {
            continue;
        }
        if (!begun) {
            begun = true;
            open->count = 0;
            open->next = 0;
        }
        if (open->count == ANTHROPIC_CALLS_PER_TURN) {
            return reader_refuse(t->r, "invalid_value", "content",
                                 "One turn may hold at most %u calls.", ANTHROPIC_CALLS_PER_TURN);
        }
        open->calls[open->count] = &message->parts[i];
        open->hashes[open->count++] = inner_hash(message->parts[i].id);
    }
    return true;
}

static struct chat_message *message_push(struct turn *t, enum chat_role role, size_t room)
{
    struct chat *chat = t->r->chat;
    struct chat_message *message = &chat->messages[chat->message_count];
    *message = (struct chat_message){.role = role, .raw = t->raw};
    message->parts = arena_array(t->r->arena, room, sizeof *message->parts);
    if (message->parts == NULL) {
        (void)reader_refuse_size(t->r);
        return NULL;
    }
    chat->message_count++;
    return message;
}

/* --- blocks --- */

static bool read_result(struct turn *t, uint32_t block)
{
    struct chat_message *message =
        message_push(t, ROLE_TOOL, anthropic_count_parts(t->r->doc, block));
    if (message == NULL ||
        !anthropic_read_block(t->r, block, message->parts, &message->part_count)) {
        return false;
    }
    struct chat_part *result = &message->parts[0];
    const struct chat_part *call = find_call(t->open, result->id);
    if (call == NULL) {
        return reader_refuse(t->r, "orphan_tool_result", "tool_use_id",
                             "No call of the assistant's last turn with calls has this id.");
    }
    result->name = call->name;
    return true;
}

/* Which blocks may stand in whose turn; what is unknown may stand in both. */
static bool check_place(struct turn *t, const struct chat_part *part)
{
    bool assistant = t->role == ROLE_ASSISTANT;
    bool right = true;
    switch (part->kind) {
    case PART_TOOL_CALL:
    case PART_REASONING:
        right = assistant;
        break;
    case PART_IMAGE:
    case PART_FILE:
        right = t->role != ROLE_SYSTEM;
        break;
    case PART_TOOL_RESULT:
        right = false; /* those of users were taken out */
        break;
    default:
        break;
    }
    return right || reader_refuse(t->r, "invalid_value", "type",
                                  "A block of this type cannot stand in a turn of this role.");
}

/* A block that is no result: one part. */
static bool read_other(struct turn *t, uint32_t block, struct chat_message *message)
{
    const struct chat_part *part = &message->parts[message->part_count];
    return anthropic_read_block(t->r, block, message->parts, &message->part_count) &&
           check_place(t, part);
}

/* All results, or all other blocks. */
static bool read_blocks(struct turn *t, bool results, struct chat_message *message)
{
    struct reader *r = t->r;
    r->place[1].list = "content";
    r->place[1].index = 0;
    r->depth = 2;
    for (uint32_t i = json_first(r->doc, t->content); i != JSON_ABSENT;
         i = json_next(r->doc, t->content, i), r->place[1].index++) {
        bool result = t->role == ROLE_USER && anthropic_is_result(r->doc, i);
        if (result != results) {
            continue;
        }
        if (!(results ? read_result(t, i) : read_other(t, i, message))) {
            return false;
        }
    }
    r->depth = 1;
    return true;
}

static void count_blocks(const struct turn *t, size_t *ret_results, size_t *ret_others)
{
    const struct json_doc *doc = t->r->doc;
    *ret_results = 0;
    *ret_others = 0;
    for (uint32_t i = json_first(doc, t->content); i != JSON_ABSENT;
         i = json_next(doc, t->content, i)) {
        if (t->role == ROLE_USER && anthropic_is_result(doc, i)) {
            (*ret_results)++;
        } else {
            /* A result in the wrong turn is read before it is refused. */
            *ret_others += anthropic_is_result(doc, i) ? anthropic_count_parts(doc, i) : 1;
        }
    }
}

static bool read_array(struct turn *t)
{
    size_t results;
    size_t others;
    count_blocks(t, &results, &others);
    if (results + others == 0 && t->role != ROLE_ASSISTANT) {
        return reader_refuse(t->r, "invalid_value", "content",
                             "The content must not be an empty array.");
    }
    if (results > 0 && !read_blocks(t, true, NULL)) {
        return false;
    }
    if (results > 0 && others == 0) {
        return true;
    }
    struct chat_message *message = message_push(t, t->role, others);
    return message != NULL && read_blocks(t, false, message) &&
           (t->role != ROLE_ASSISTANT || note_calls(t, message));
}

static bool read_string(struct turn *t)
{
    struct chat_message *message = message_push(t, t->role, 1);
    if (message == NULL) {
        return false;
    }
    message->parts[0].text = json_inner(t->r->doc, t->content);
    message->part_count = 1;
    return true;
}

static bool read_content(struct turn *t)
{
    struct reader *r = t->r;
    if (!member_given(r->doc, t->content)) {
        return reader_refuse_missing(r, "content");
    }
    if (json_kind(r->doc, t->content) == JSON_STRING) {
        return read_string(t);
    }
    return json_kind(r->doc, t->content) == JSON_ARRAY
               ? read_array(t)
               : reader_refuse_type(r, "content", "a string or an array of blocks");
}

/* --- turns --- */

/* What is kept of a turn belongs to the last message that it became. */
static bool read_turn(struct turn *t, uint32_t node)
{
    struct reader *r = t->r;
    uint32_t values[TURN_MEMBERS];
    size_t unknown;
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    t->raw = json_raw(r->doc, node);
    if (!members_read(r, node, NULL, &turn_table, values, &unknown) ||
        !read_role(t, values[TURN_ROLE])) {
        return false;
    }
    t->content = values[TURN_CONTENT];
    if (!read_content(t)) {
        return false;
    }
    struct chat_message *last = &r->chat->messages[r->chat->message_count - 1];
    return unknown == 0 ||
           reader_extras(r, node, &turn_table, TURN_MEMBERS, &last->extras, &last->extra_count);
}

static bool read_turns(struct reader *r, uint32_t messages)
{
    struct open_calls open;
    open.count = 0;
    open.next = 0;
    r->place[0].list = "messages";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        struct turn turn = {.r = r, .open = &open};
        if (!read_turn(&turn, i)) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    return true;
}

/* Claude Code's account of itself, another one in every request: to other providers it is no
   instruction, and to their prompt caches a new beginning. */
static bool is_billing(const struct chat_part *part)
{
    return part->kind == PART_TEXT &&
           slice_starts(part->text, SLICE("x-anthropic-billing-header:"));
}

static bool read_system_blocks(struct turn *t)
{
    struct reader *r = t->r;
    struct chat_message *message = message_push(t, ROLE_SYSTEM, json_count(r->doc, t->content));
    if (message == NULL) {
        return false;
    }
    r->place[0].list = "system";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, t->content); i != JSON_ABSENT;
         i = json_next(r->doc, t->content, i), r->place[0].index++) {
        if (anthropic_is_result(r->doc, i)) {
            return reader_refuse(r, "invalid_value", "type",
                                 "A block of this type cannot stand in a system prompt.");
        }
        if (!read_other(t, i, message)) {
            return false;
        }
        message->part_count -= is_billing(&message->parts[message->part_count - 1]) ? 1 : 0;
    }
    r->depth = 0;
    r->chat->message_count -= message->part_count == 0 ? 1 : 0;
    return true;
}

static bool read_system(struct reader *r, uint32_t system)
{
    struct turn turn = {.r = r, .role = ROLE_SYSTEM, .content = system};
    if (!member_given(r->doc, system)) {
        return true;
    }
    if (json_kind(r->doc, system) == JSON_STRING) {
        return read_string(&turn);
    }
    if (json_kind(r->doc, system) != JSON_ARRAY) {
        return reader_refuse_type(r, "system", "a string or an array of blocks");
    }
    return json_count(r->doc, system) == 0 || read_system_blocks(&turn);
}

/* How many messages the turns become at most. */
static size_t count_messages(const struct reader *r, uint32_t messages)
{
    const struct json_doc *doc = r->doc;
    size_t count = 1; /* the system's */
    for (uint32_t i = json_first(doc, messages); i != JSON_ABSENT;
         i = json_next(doc, messages, i)) {
        uint32_t content = json_member(doc, i, SLICE("content"));
        count++;
        if (!json_is(doc, content, JSON_ARRAY)) {
            continue;
        }
        for (uint32_t j = json_first(doc, content); j != JSON_ABSENT;
             j = json_next(doc, content, j)) {
            count += anthropic_is_result(doc, j) ? 1 : 0;
        }
    }
    return count;
}

bool anthropic_read_messages(struct reader *r, uint32_t system, uint32_t messages)
{
    if (!member_given(r->doc, messages)) {
        return reader_refuse(r, "missing_messages", "messages",
                             "The member \"messages\" is required.");
    }
    if (json_kind(r->doc, messages) != JSON_ARRAY) {
        return reader_refuse_type(r, "messages", "an array");
    }
    if (json_count(r->doc, messages) == 0) {
        return reader_refuse(r, "empty_messages", "messages", "At least one message is required.");
    }
    r->chat->messages =
        arena_array(r->arena, count_messages(r, messages), sizeof *r->chat->messages);
    return r->chat->messages == NULL ? reader_refuse_size(r)
                                     : read_system(r, system) && read_turns(r, messages);
}
