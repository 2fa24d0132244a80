/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents become messages. A content with results becomes one tool's turn for each, and a user's
 * turn for what stands beside them. A result answers a call of the model's turn before it: the one
 * with its id, or, since ids are optional, the first of its name that is not answered yet.
 */
#include "dialect/gemini.h"
#include "dialect/inner.h"

enum { CONTENT_ROLE, CONTENT_PARTS, CONTENT_MEMBERS };
static const struct member_name content_names[CONTENT_MEMBERS] = {
    [CONTENT_ROLE] = MEMBER_NAME("role"),
    [CONTENT_PARTS] = MEMBER_NAME("parts"),
};
static const struct member_table content_table = MEMBER_TABLE(content_names);

/* The calls that results may answer. */
struct open_call {
    const struct chat_part *call;
    uint64_t id_hash;
    uint64_t name_hash;
    bool has_id; /* the client gave one */
    bool answered;
};

struct contents {
    struct reader *r;
    const struct gemini_list *list;
    size_t index; /* of the content */
    bool from_model;
    bool before_from_model; /* the content before */
    uint32_t node;
    uint32_t role;
    struct gemini_list parts;
    size_t unknown;
    struct open_call open[GEMINI_CALLS_PER_TURN];
    size_t open_count;
};

static struct chat_message *message_push(struct contents *c, enum chat_role role, size_t parts)
{
    struct chat *chat = c->r->chat;
    struct chat_message *message = &chat->messages[chat->message_count++];
    *message = (struct chat_message){
        .role = role, .parts = arena_array(c->r->arena, parts, sizeof *message->parts)};
    return message;
}

/* --- calls and results --- */

/* Ids of ours tell the same call in every request of a conversation, because histories only grow.
 */
static bool open_call(struct contents *c, struct chat_part *call)
{
    struct reader *r = c->r;
    if (c->open_count == GEMINI_CALLS_PER_TURN) {
        return reader_refuse(r, "invalid_value", "functionCall",
                             "One turn may hold at most %u calls.", GEMINI_CALLS_PER_TURN);
    }
    struct open_call *open = &c->open[c->open_count];
    bool has_id = call->id.len > 0;
    if (!has_id) {
        call->id = arena_printf(r->arena, "call_%zu_%zu", c->index, c->open_count);
    }
    c->open_count++;
    *open = (struct open_call){.call = call,
                               .id_hash = inner_hash(call->id),
                               .name_hash = inner_hash(call->name),
                               .has_id = has_id};
    return call->id.ptr != NULL || reader_refuse_size(r);
}

static struct open_call *find_by_id(struct contents *c, struct slice id)
{
    uint64_t hash = inner_hash(id);
    for (size_t i = 0; i < c->open_count; i++) {
        struct open_call *open = &c->open[i];
        if (open->id_hash == hash && !open->answered && inner_equals(open->call->id, id)) {
            return open;
        }
    }
    return NULL;
}

/* With an id of its own, a result can only mean a call that was sent without one. */
static struct open_call *find_by_name(struct contents *c, const struct chat_part *result)
{
    uint64_t hash = inner_hash(result->name);
    for (size_t i = 0; i < c->open_count; i++) {
        struct open_call *open = &c->open[i];
        bool free = !open->answered && (result->id.len == 0 || !open->has_id);
        if (free && open->name_hash == hash && inner_equals(open->call->name, result->name)) {
            return open;
        }
    }
    return NULL;
}

static bool answer_call(struct contents *c, struct chat_part *result)
{
    struct open_call *open = result->id.len > 0 ? find_by_id(c, result->id) : NULL;
    if (open == NULL) {
        open = find_by_name(c, result);
    }
    if (open == NULL) {
        return reader_refuse(c->r, "orphan_tool_result", "functionResponse",
                             "No unanswered call of the model's turn before has this id or name.");
    }
    open->answered = true;
    result->id = open->call->id;
    return true;
}

/* --- parts --- */

static void part_begin(struct reader *r)
{
    r->place[1].list = "parts";
    r->place[1].index = 0;
    r->depth = 2;
}

static bool read_result(struct contents *c, uint32_t node)
{
    struct reader *r = c->r;
    uint32_t result = gemini_result_of(r->doc, node);
    struct chat_message *message = message_push(c, ROLE_TOOL, gemini_result_size(r->doc, result));
    if (message->parts == NULL) {
        return reader_refuse_size(r);
    }
    message->part_count = 1;
    return gemini_read_part(r, node, &message->parts[0]) && answer_call(c, &message->parts[0]) &&
           gemini_read_result(r, result, message->parts, &message->part_count);
}

/* The turns of a user's content: results first, because every dialect wants them right after the
 * calls. */
static bool read_results(struct contents *c, size_t *ret_others)
{
    struct reader *r = c->r;
    *ret_others = 0;
    for (uint32_t i = c->parts.first; i != JSON_ABSENT; i = gemini_list_next(r, &c->parts, i)) {
        bool is_result = json_is(r->doc, gemini_result_of(r->doc, i), JSON_OBJECT);
        if (is_result && !read_result(c, i)) {
            return false;
        }
        *ret_others += is_result ? 0 : 1;
        r->place[1].index++;
    }
    return true;
}

/* Streams leave empty texts between what they say; beside other parts they mean nothing. */
static bool is_void(const struct chat_part *part)
{
    return part->kind == PART_TEXT && part->text.len == 0 && part->signature.len == 0;
}

/* Adds a part that was read to the end of the turn. */
static bool part_add(struct contents *c, struct chat_message *message)
{
    struct chat_part *parts = message->parts;
    size_t last = message->part_count;
    if (c->from_model && last > 0 && is_void(&parts[last])) {
        return true;
    }
    if (c->from_model && last == 1 && is_void(&parts[0])) {
        parts[0] = parts[last--];
    }
    message->part_count = last + 1;
    return parts[last].kind != PART_TOOL_CALL || open_call(c, &parts[last]);
}

static bool read_others(struct contents *c, struct chat_message *message)
{
    struct reader *r = c->r;
    for (uint32_t i = c->parts.first; i != JSON_ABSENT; i = gemini_list_next(r, &c->parts, i)) {
        struct chat_part *part = &message->parts[message->part_count];
        if (!c->from_model && json_is(r->doc, gemini_result_of(r->doc, i), JSON_OBJECT)) {
            r->place[1].index++;
            continue;
        }
        *part = (struct chat_part){.kind = PART_TEXT};
        if (!gemini_read_part(r, i, part)) {
            return false;
        }
        bool misplaced =
            c->from_model ? part->kind == PART_TOOL_RESULT : part->kind == PART_TOOL_CALL;
        if (misplaced) {
            return reader_refuse(r, "invalid_value", NULL,
                                 "Calls belong to the model's turn and results to the user's.");
        }
        if (!part_add(c, message)) {
            return false;
        }
        r->place[1].index++;
    }
    return true;
}

static bool is_from_model(const struct reader *r, uint32_t content)
{
    uint32_t role = json_member(r->doc, content, SLICE("role"));
    return json_is(r->doc, role, JSON_STRING) && json_string_is(r->doc, role, SLICE("model"));
}

/* The model's turn that this content belongs to. Clients that put a streamed answer into their
 * history send a content for each chunk: they are one turn, because results answer all of its
 * calls. */
static struct chat_message *model_turn(struct contents *c)
{
    struct reader *r = c->r;
    struct chat *chat = r->chat;
    size_t parts = 0;
    if (c->before_from_model) {
        return &chat->messages[chat->message_count - 1];
    }
    for (uint32_t i = c->node; i != JSON_ABSENT && is_from_model(r, i);
         i = gemini_list_next(r, c->list, i)) {
        uint32_t list = json_member(r->doc, i, SLICE("parts"));
        parts += json_is(r->doc, list, JSON_ARRAY) ? json_count(r->doc, list) : 1;
    }
    return message_push(c, ROLE_ASSISTANT, parts);
}

static bool read_turns(struct contents *c)
{
    struct reader *r = c->r;
    size_t others = c->parts.count;
    part_begin(r);
    if (!c->from_model && !read_results(c, &others)) {
        return false;
    }
    part_begin(r);
    if (others > 0) {
        struct chat_message *message =
            c->from_model ? model_turn(c) : message_push(c, ROLE_USER, others);
        if (message->parts == NULL) {
            return reader_refuse_size(r);
        }
        if (!read_others(c, message)) {
            return false;
        }
    }
    r->depth = 1;
    return true;
}

/* --- contents --- */

static bool read_role(struct contents *c)
{
    struct reader *r = c->r;
    struct slice role = SLICE_EMPTY;
    if (!read_inner(r, c->role, "role", &role)) {
        return false;
    }
    c->before_from_model = c->from_model;
    c->from_model = json_inner_is(role, SLICE("model"));
    /* "function" is the older role of results. */
    return c->from_model || role.len == 0 || json_inner_is(role, SLICE("user")) ||
           json_inner_is(role, SLICE("function")) ||
           reader_refuse(r, "invalid_role", "role", "The role must be \"user\" or \"model\".");
}

static bool read_content(struct contents *c, uint32_t node)
{
    struct reader *r = c->r;
    uint32_t values[CONTENT_MEMBERS];
    if (!members_read(r, node, NULL, &content_table, values, &c->unknown)) {
        return false;
    }
    c->node = node;
    c->role = values[CONTENT_ROLE];
    if (!read_role(c) || !gemini_list_read(r, values[CONTENT_PARTS], "parts", &c->parts)) {
        return false;
    }
    if (c->parts.count == 0) {
        return reader_refuse_missing(r, "parts");
    }
    if (c->from_model && !c->before_from_model) {
        c->open_count = 0;
    }
    size_t first = r->chat->message_count;
    if (!read_turns(c)) {
        return false;
    }
    first = first < r->chat->message_count ? first : first - 1; /* it went into the turn before */
    struct chat_message *message = &r->chat->messages[first];
    return c->unknown == 0 || reader_extras(r, node, &content_table, CONTENT_MEMBERS,
                                            &message->extras, &message->extra_count);
}

/* At most so many turns: one for each content and each result. */
static size_t count_turns(const struct reader *r, const struct gemini_list *contents)
{
    size_t count = contents->count + 1;
    for (uint32_t i = contents->first; i != JSON_ABSENT; i = gemini_list_next(r, contents, i)) {
        uint32_t parts = json_member(r->doc, i, SLICE("parts"));
        if (!json_is(r->doc, parts, JSON_ARRAY)) {
            count++;
            continue;
        }
        for (uint32_t j = json_first(r->doc, parts); j != JSON_ABSENT;
             j = json_next(r->doc, parts, j)) {
            count += gemini_result_of(r->doc, j) != JSON_ABSENT ? 1 : 0;
        }
    }
    return count;
}

static bool read_instructions(struct contents *c)
{
    struct reader *r = c->r;
    struct chat_message *message = message_push(c, ROLE_SYSTEM, c->parts.count);
    if (message->parts == NULL) {
        return reader_refuse_size(r);
    }
    r->place[0].list = "systemInstruction/parts";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = c->parts.first; i != JSON_ABSENT; i = gemini_list_next(r, &c->parts, i)) {
        struct chat_part *part = &message->parts[message->part_count++];
        if (!gemini_read_part(r, i, part)) {
            return false;
        }
        if (part->kind != PART_TEXT) {
            return reader_refuse(r, "invalid_value", NULL, "Instructions can hold text only.");
        }
        r->place[0].index++;
    }
    r->depth = 0;
    return true;
}

/* A text alone stands for a content with that one part. */
static bool read_system(struct contents *c, uint32_t value)
{
    struct reader *r = c->r;
    uint32_t values[CONTENT_MEMBERS];
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (json_kind(r->doc, value) == JSON_STRING) {
        struct chat_message *message = message_push(c, ROLE_SYSTEM, 1);
        if (message->parts == NULL) {
            return reader_refuse_size(r);
        }
        message->parts[message->part_count++] =
            (struct chat_part){.kind = PART_TEXT, .text = json_inner(r->doc, value)};
        return true;
    }
    if (json_kind(r->doc, value) != JSON_OBJECT) {
        return reader_refuse_type(r, "systemInstruction", "an object");
    }
    if (!members_read(r, value, "systemInstruction", &content_table, values, &c->unknown) ||
        !gemini_list_read(r, values[CONTENT_PARTS], "systemInstruction/parts", &c->parts)) {
        return false;
    }
    return c->parts.count == 0 || read_instructions(c);
}
static bool read_list(struct contents *c, const struct gemini_list *list)
{
    struct reader *r = c->r;
    r->place[0].list = "contents";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = list->first; i != JSON_ABSENT; i = gemini_list_next(r, list, i)) {
        c->index = r->place[0].index;
        if (!read_content(c, i)) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    return true;
}

bool gemini_read_contents(struct reader *r, uint32_t contents, uint32_t system)
{
    struct contents c;
    struct gemini_list list;
    if (!member_given(r->doc, contents)) {
        return reader_refuse(r, "missing_messages", "contents",
                             "The member \"contents\" is required.");
    }
    if (!gemini_list_read(r, contents, "contents", &list)) {
        return false;
    }
    if (list.count == 0) {
        return reader_refuse(r, "empty_messages", "contents", "At least one content is required.");
    }
    r->chat->messages = arena_array(r->arena, count_turns(r, &list), sizeof *r->chat->messages);
    if (r->chat->messages == NULL) {
        return reader_refuse_size(r);
    }
    c.r = r;
    c.list = &list;
    c.from_model = false;
    c.open_count = 0;
    return read_system(&c, system) && read_list(&c, &list);
}
