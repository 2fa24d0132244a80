/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages. Order of a turn's parts: what was thought, what was said, what was called. A tool's
 * turn begins with PART_TOOL_RESULT; it must answer a call of the last assistant's turn that made
 * calls, because providers refuse orphans with errors that nobody understands.
 */
#include "dialect/inner.h"
#include "dialect/openai.h"

enum {
    TURN_ROLE,
    TURN_CONTENT,
    TURN_NAME,
    TURN_TOOL_CALLS,
    TURN_TOOL_CALL_ID,
    TURN_REFUSAL,
    TURN_REASONING_CONTENT,
    TURN_REASONING,
    TURN_REASONING_DETAILS,
    TURN_COUNT
};

static const struct member_name turn_names[TURN_COUNT] = {
    [TURN_ROLE] = MEMBER_NAME("role"),
    [TURN_CONTENT] = MEMBER_NAME("content"),
    [TURN_NAME] = MEMBER_NAME("name"),
    [TURN_TOOL_CALLS] = MEMBER_NAME("tool_calls"),
    [TURN_TOOL_CALL_ID] = MEMBER_NAME("tool_call_id"),
    [TURN_REFUSAL] = MEMBER_NAME("refusal"),
    [TURN_REASONING_CONTENT] = MEMBER_NAME("reasoning_content"),
    [TURN_REASONING] = MEMBER_NAME("reasoning"),
    [TURN_REASONING_DETAILS] = MEMBER_NAME("reasoning_details"),
};
static const struct member_table turn_table = MEMBER_TABLE(turn_names);

/* The calls that a tool's turn may answer, with keyed hashes of their ids: a hostile request can
 * make us compare many. */
struct open_calls {
    const struct chat_part *calls;
    size_t count;
    size_t next; /* results mostly come in the order of the calls */
    uint64_t hashes[OPENAI_CALLS_PER_TURN];
};

/* The result of an older function_call, which has no id to find the call by. */
#define ROLE_OLDER (ROLE_TOOL + 1)

struct turn {
    struct reader *r;
    struct chat_message *message;
    struct open_calls *open;
    uint32_t values[TURN_COUNT];
    size_t unknown;
    bool older;
};

static bool read_role(struct turn *t)
{
    static const struct member_name names[] = {
        [ROLE_SYSTEM] = MEMBER_NAME("system"), [ROLE_DEVELOPER] = MEMBER_NAME("developer"),
        [ROLE_USER] = MEMBER_NAME("user"),     [ROLE_ASSISTANT] = MEMBER_NAME("assistant"),
        [ROLE_TOOL] = MEMBER_NAME("tool"),     [ROLE_OLDER] = MEMBER_NAME("function"),
    };
    static const struct member_table roles = MEMBER_TABLE(names);
    struct slice text = SLICE_EMPTY;
    if (!read_required(t->r, t->values[TURN_ROLE], "role", &text)) {
        return false;
    }
    uint32_t role = member_id(&roles, t->r->doc, t->values[TURN_ROLE]);
    t->older = role == ROLE_OLDER;
    t->message->role = t->older ? ROLE_USER : (enum chat_role)role;
    return role != MEMBER_UNKNOWN ||
           reader_refuse(
               t->r, "invalid_role", "role",
               "The role must be \"system\", \"developer\", \"user\", \"assistant\" or \"tool\".");
}

static struct chat_part *part_push(struct turn *t, enum part_kind kind)
{
    struct chat_part *part = &t->message->parts[t->message->part_count++];
    part->kind = kind;
    return part;
}

static void open_calls(struct open_calls *open, const struct chat_part *calls, size_t count)
{
    if (count == 0) {
        return;
    }
    open->calls = calls;
    open->count = count;
    open->next = 0;
    for (size_t i = 0; i < count; i++) {
        open->hashes[i] = inner_hash(calls[i].id);
    }
}

static const struct chat_part *find_call(struct open_calls *open, struct slice id)
{
    uint64_t hash = inner_hash(id);
    size_t at = open->next;
    for (size_t i = 0; i < open->count; i++, at++) {
        at = at < open->count ? at : 0;
        if (open->hashes[at] == hash && inner_equals(open->calls[at].id, id)) {
            open->next = at + 1;
            return &open->calls[at];
        }
    }
    return NULL;
}

static bool read_tool_result(struct turn *t)
{
    struct chat_part *result = part_push(t, PART_TOOL_RESULT);
    if (!read_required(t->r, t->values[TURN_TOOL_CALL_ID], "tool_call_id", &result->id)) {
        return false;
    }
    const struct chat_part *call = find_call(t->open, result->id);
    if (call == NULL) {
        return reader_refuse(t->r, "orphan_tool_result", "tool_call_id",
                             "No call of the assistant's last turn with calls has this id.");
    }
    result->name = call->name;
    result->custom = call->custom;
    return true;
}

static bool read_reasoning_text(struct turn *t, uint32_t member)
{
    struct slice text = SLICE_EMPTY;
    if (!read_inner(t->r, t->values[member], turn_names[member].text.ptr, &text)) {
        return false;
    }
    if (text.ptr != NULL) {
        struct chat_part *part = part_push(t, PART_REASONING);
        part->text = text;
        part->name = turn_names[member].text; /* the member it goes back into: vendors differ */
    }
    return true;
}

/* *ret_told: they tell the thought in the open. */
static bool read_details(struct turn *t, bool *ret_told)
{
    const struct json_doc *doc = t->r->doc;
    uint32_t details;
    if (!read_kind(t->r, t->values[TURN_REASONING_DETAILS], "reasoning_details", JSON_ARRAY,
                   &details)) {
        return false;
    }
    for (uint32_t i = details == JSON_ABSENT ? JSON_ABSENT : json_first(doc, details);
         i != JSON_ABSENT; i = json_next(doc, details, i)) {
        struct chat_part *part = part_push(t, PART_REASONING);
        if (!openai_read_detail(t->r, i, part)) {
            return false;
        }
        *ret_told = *ret_told || part->text.len > 0;
    }
    return true;
}

/* The same thought may stand in several members: in the details it is whole. */
static bool read_reasoning(struct turn *t)
{
    bool told = false;
    return read_details(t, &told) && (told || (read_reasoning_text(t, TURN_REASONING_CONTENT) &&
                                               read_reasoning_text(t, TURN_REASONING)));
}

static bool read_refusal(struct turn *t)
{
    struct slice text = SLICE_EMPTY;
    if (!read_inner(t->r, t->values[TURN_REFUSAL], "refusal", &text)) {
        return false;
    }
    if (text.ptr != NULL) {
        part_push(t, PART_REFUSAL)->text = text;
    }
    return true;
}

static bool read_calls(struct turn *t)
{
    uint32_t calls;
    if (!read_kind(t->r, t->values[TURN_TOOL_CALLS], "tool_calls", JSON_ARRAY, &calls)) {
        return false;
    }
    if (calls == JSON_ABSENT) {
        return true;
    }
    struct chat_message *message = t->message;
    size_t before = message->part_count;
    if (!openai_read_tool_calls(t->r, calls, message->parts, &message->part_count)) {
        return false;
    }
    open_calls(t->open, &message->parts[before], message->part_count - before);
    return true;
}

/* How many parts the turn can have at most. */
static size_t count_parts(const struct turn *t)
{
    const struct json_doc *doc = t->r->doc;
    uint32_t content = t->values[TURN_CONTENT];
    size_t count = t->message->role == ROLE_TOOL ? 1 : 0;
    for (uint32_t member = TURN_REFUSAL; member <= TURN_REASONING_DETAILS; member++) {
        count += t->values[member] != JSON_ABSENT ? 1 : 0;
    }
    count += json_is(doc, content, JSON_ARRAY) ? json_count(doc, content) : 1;
    uint32_t details = t->values[TURN_REASONING_DETAILS];
    count += json_is(doc, details, JSON_ARRAY) ? json_count(doc, details) : 0;
    uint32_t calls = t->values[TURN_TOOL_CALLS];
    return count + (json_is(doc, calls, JSON_ARRAY) ? json_count(doc, calls) : 0);
}

static bool read_assistant(struct turn *t)
{
    size_t before = t->message->part_count;
    if (!read_reasoning(t)) {
        return false;
    }
    if (member_given(t->r->doc, t->values[TURN_CONTENT]) &&
        !openai_read_content(t->r, t->values[TURN_CONTENT], t->message->parts,
                             &t->message->part_count)) {
        return false;
    }
    if (!read_refusal(t) || !read_calls(t)) {
        return false;
    }
    /* A turn may consist of something that we do not know, such as the older function_call. */
    return t->message->part_count > before || t->unknown > 0 ||
           reader_refuse_missing(t->r, "content");
}

static bool read_other(struct turn *t)
{
    if (t->values[TURN_TOOL_CALLS] != JSON_ABSENT &&
        member_given(t->r->doc, t->values[TURN_TOOL_CALLS])) {
        return reader_refuse(t->r, "invalid_value", "tool_calls",
                             "Only an assistant's turn can make calls.");
    }
    if (t->message->role == ROLE_TOOL && !read_tool_result(t)) {
        return false;
    }
    if (!member_given(t->r->doc, t->values[TURN_CONTENT])) {
        return reader_refuse_missing(t->r, "content");
    }
    size_t before = t->message->part_count;
    if (!openai_read_content(t->r, t->values[TURN_CONTENT], t->message->parts,
                             &t->message->part_count)) {
        return false;
    }
    return t->message->part_count > before ||
           reader_refuse(t->r, "invalid_value", "content",
                         "The content must not be an empty array.");
}

static bool read_turn(struct turn *t, uint32_t node)
{
    struct reader *r = t->r;
    struct chat_message *message = t->message;
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    message->raw = json_raw(r->doc, node);
    if (!members_read(r, node, NULL, &turn_table, t->values, &t->unknown) || !read_role(t) ||
        !read_inner(r, t->values[TURN_NAME], "name", &message->name)) {
        return false;
    }
    message->parts = arena_array(r->arena, count_parts(t), sizeof *message->parts);
    if (message->parts == NULL) {
        return reader_refuse_size(r);
    }
    if (t->older) {
        part_push(t, PART_UNKNOWN)->raw = message->raw; /* it only moves, as a whole */
        return true;
    }
    if (t->unknown > 0 &&
        !reader_extras(r, node, &turn_table, TURN_COUNT, &message->extras, &message->extra_count)) {
        return false;
    }
    return message->role == ROLE_ASSISTANT ? read_assistant(t) : read_other(t);
}

static bool read_turns(struct reader *r, uint32_t messages)
{
    struct open_calls open;
    open.calls = NULL;
    open.count = 0;
    open.next = 0;
    r->place[0].list = "messages";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        struct turn turn = {
            .r = r, .message = &r->chat->messages[r->place[0].index], .open = &open};
        if (!read_turn(&turn, i)) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    r->chat->message_count = r->place[0].index;
    return true;
}

bool openai_read_messages(struct reader *r, uint32_t messages)
{
    if (!member_given(r->doc, messages)) {
        return reader_refuse(r, "missing_messages", "messages",
                             "The member \"messages\" is required.");
    }
    if (json_kind(r->doc, messages) != JSON_ARRAY) {
        return reader_refuse_type(r, "messages", "an array");
    }
    size_t count = json_count(r->doc, messages);
    if (count == 0) {
        return reader_refuse(r, "empty_messages", "messages", "At least one message is required.");
    }
    r->chat->messages = arena_array(r->arena, count, sizeof *r->chat->messages);
    return r->chat->messages == NULL ? reader_refuse_size(r) : read_turns(r, messages);
}
