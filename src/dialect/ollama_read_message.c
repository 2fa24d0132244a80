/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns and tools of Ollama's requests. Calls mostly come without ids: they get one by their place,
 * and results find their call by id, else by the tool's name, else in the order of the calls.
 */
#include "dialect/ollama.h"

#include "dialect/base64.h"
#include "dialect/inner.h"
#include "dialect/reader.h"

#define CALLS_PER_TURN 256u

enum {
    TURN_ROLE,
    TURN_CONTENT,
    TURN_THINKING,
    TURN_IMAGES,
    TURN_TOOL_CALLS,
    TURN_TOOL_NAME,
    TURN_TOOL_CALL_ID,
    TURN_MEMBERS
};

static const struct member_name turn_names[TURN_MEMBERS] = {
    [TURN_ROLE] = MEMBER_NAME("role"),
    [TURN_CONTENT] = MEMBER_NAME("content"),
    [TURN_THINKING] = MEMBER_NAME("thinking"),
    [TURN_IMAGES] = MEMBER_NAME("images"),
    [TURN_TOOL_CALLS] = MEMBER_NAME("tool_calls"),
    [TURN_TOOL_NAME] = MEMBER_NAME("tool_name"),
    [TURN_TOOL_CALL_ID] = MEMBER_NAME("tool_call_id"),
};
static const struct member_table turn_table = MEMBER_TABLE(turn_names);

struct turn {
    struct reader *r;
    struct chat_message *message;
    uint32_t values[TURN_MEMBERS];
    /* of the last turn with calls */
    const struct chat_part *calls;
    size_t call_count;
    uint64_t answered[CALLS_PER_TURN / 64];
};

static struct chat_part *push(struct turn *t, enum part_kind kind)
{
    struct chat_part *part = &t->message->parts[t->message->part_count++];
    part->kind = kind;
    return part;
}

static bool read_role(struct turn *t)
{
    static const struct member_name names[] = {
        [ROLE_SYSTEM] = MEMBER_NAME("system"), [ROLE_DEVELOPER] = MEMBER_NAME("developer"),
        [ROLE_USER] = MEMBER_NAME("user"),     [ROLE_ASSISTANT] = MEMBER_NAME("assistant"),
        [ROLE_TOOL] = MEMBER_NAME("tool"),
    };
    static const struct member_table roles = MEMBER_TABLE(names);
    struct slice text = SLICE_EMPTY;
    if (!read_required(t->r, t->values[TURN_ROLE], "role", &text)) {
        return false;
    }
    uint32_t role = member_id(&roles, t->r->doc, t->values[TURN_ROLE]);
    t->message->role = (enum chat_role)role;
    return role != MEMBER_UNKNOWN ||
           reader_refuse(t->r, "invalid_role", "role",
                         "The role must be \"system\", \"user\", \"assistant\" or \"tool\".");
}

/* --- images --- */

/* The API takes no media type, but the others want one: it is in the first bytes. */
static struct slice media_type_of(struct slice data)
{
    static const struct {
        struct slice begin; /* of the base64 text */
        struct slice media_type;
    } kinds[] = {
        {SLICE_INIT("/9j/"), SLICE_INIT("image/jpeg")},
        {SLICE_INIT("R0lGOD"), SLICE_INIT("image/gif")},
        {SLICE_INIT("UklGR"), SLICE_INIT("image/webp")},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_starts(data, kinds[i].begin)) {
            return kinds[i].media_type;
        }
    }
    return SLICE("image/png");
}

static bool read_image(struct reader *r, uint32_t node, struct chat_part *part)
{
    struct slice data = SLICE_EMPTY;
    if (json_kind(r->doc, node) != JSON_STRING) {
        return reader_refuse_type(r, NULL, "a string");
    }
    data = json_inner(r->doc, node);
    part->kind = PART_IMAGE;
    part->raw = json_raw(r->doc, node);
    if (data.len == 0 || !base64_standard(data, r->arena, &part->data)) {
        return r->arena->exhausted
                   ? reader_refuse_size(r)
                   : reader_refuse(r, "invalid_base64", NULL, "An image must be base64.");
    }
    part->media_type = media_type_of(part->data);
    return true;
}

static bool read_images(struct reader *r, uint32_t list, struct chat_message *message)
{
    r->place[r->depth].list = "images";
    r->place[r->depth].index = 0;
    r->depth++;
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT;
         i = json_next(r->doc, list, i), r->place[r->depth - 1].index++) {
        if (!read_image(r, i, &message->parts[message->part_count++])) {
            return false;
        }
    }
    r->depth--;
    return true;
}

bool ollama_read_prompt_images(struct reader *r, uint32_t prompt, uint32_t images)
{
    uint32_t list;
    if (!read_kind(r, images, "images", JSON_ARRAY, &list)) {
        return false;
    }
    struct chat_message *message = &r->chat->messages[r->chat->message_count++];
    message->role = ROLE_USER;
    message->parts = arena_array(r->arena, 1 + json_count(r->doc, list), sizeof *message->parts);
    if (message->parts == NULL) {
        return reader_refuse_size(r);
    }
    message->parts[message->part_count++] =
        (struct chat_part){.kind = PART_TEXT, .text = json_inner(r->doc, prompt)};
    return read_images(r, list, message);
}

/* --- calls and results --- */

static bool read_call(struct turn *t, uint32_t node, size_t position)
{
    struct reader *r = t->r;
    struct chat_part *part = push(t, PART_TOOL_CALL);
    uint32_t function = json_member(r->doc, node, SLICE("function"));
    if (!json_is(r->doc, function, JSON_OBJECT)) {
        return function == JSON_ABSENT ? reader_refuse_missing(r, "function")
                                       : reader_refuse_type(r, "function", "an object");
    }
    uint32_t arguments = json_member(r->doc, function, SLICE("arguments"));
    if (!read_inner(r, json_member(r->doc, node, SLICE("id")), "id", &part->id) ||
        !read_required(r, json_member(r->doc, function, SLICE("name")), "function/name",
                       &part->name)) {
        return false;
    }
    if (part->id.len == 0) {
        part->id = arena_printf(r->arena, "call_%zu_%zu", r->place[0].index, position);
    }
    part->raw = json_raw(r->doc, node);
    if (json_is(r->doc, arguments, JSON_STRING)) {
        part->arguments = json_inner(r->doc, arguments);
        part->arguments_text = true;
    } else {
        part->arguments =
            member_given(r->doc, arguments) ? json_raw(r->doc, arguments) : SLICE("{}");
    }
    return part->id.ptr != NULL || reader_refuse_size(r);
}

static bool read_calls(struct turn *t)
{
    uint32_t list;
    if (!read_kind(t->r, t->values[TURN_TOOL_CALLS], "tool_calls", JSON_ARRAY, &list)) {
        return false;
    }
    size_t count = list == JSON_ABSENT ? 0 : json_count(t->r->doc, list);
    if (count == 0) {
        return true;
    }
    if (t->message->role != ROLE_ASSISTANT) {
        return reader_refuse(t->r, "invalid_value", "tool_calls",
                             "Only an assistant's turn can make calls.");
    }
    if (count > CALLS_PER_TURN) {
        return reader_refuse(t->r, "invalid_value", "tool_calls",
                             "One turn may hold at most %u calls.", CALLS_PER_TURN);
    }
    t->calls = &t->message->parts[t->message->part_count];
    t->call_count = count;
    memset(t->answered, 0, sizeof t->answered);
    struct reader *r = t->r;
    r->place[1].list = "tool_calls";
    r->place[1].index = 0;
    r->depth = 2;
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT;
         i = json_next(r->doc, list, i), r->place[1].index++) {
        if (!read_call(t, i, r->place[1].index)) {
            return false;
        }
    }
    r->depth = 1;
    return true;
}

static bool is_call_of(const struct chat_part *call, struct slice id, struct slice name)
{
    if (id.len > 0) {
        return inner_equals(call->id, id);
    }
    return name.len == 0 || inner_equals(call->name, name);
}

static const struct chat_part *find_call(struct turn *t, struct slice id, struct slice name)
{
    for (size_t i = 0; i < t->call_count; i++) {
        uint64_t bit = (uint64_t)1 << (i % 64);
        if ((t->answered[i / 64] & bit) == 0 && is_call_of(&t->calls[i], id, name)) {
            t->answered[i / 64] |= bit;
            return &t->calls[i];
        }
    }
    return NULL;
}

static bool read_result(struct turn *t)
{
    struct slice id = SLICE_EMPTY;
    struct slice name = SLICE_EMPTY;
    if (!read_inner(t->r, t->values[TURN_TOOL_CALL_ID], "tool_call_id", &id) ||
        !read_inner(t->r, t->values[TURN_TOOL_NAME], "tool_name", &name)) {
        return false;
    }
    const struct chat_part *call = find_call(t, id, name);
    if (call == NULL) {
        return reader_refuse(t->r, "orphan_tool_result", id.len > 0 ? "tool_call_id" : "tool_name",
                             "No call of the assistant's last turn with calls waits for this.");
    }
    struct chat_part *result = push(t, PART_TOOL_RESULT);
    result->id = call->id;
    result->name = call->name;
    return true;
}

/* --- turns --- */

static size_t room(const struct turn *t)
{
    const struct json_doc *doc = t->r->doc;
    size_t count = 3; /* result, thinking, text */
    for (unsigned member = TURN_IMAGES; member <= TURN_TOOL_CALLS; member++) {
        if (json_is(doc, t->values[member], JSON_ARRAY)) {
            count += json_count(doc, t->values[member]);
        }
    }
    return count;
}

static bool read_texts(struct turn *t)
{
    struct slice thinking = SLICE_EMPTY;
    struct slice content = SLICE_EMPTY;
    if (!read_inner(t->r, t->values[TURN_THINKING], "thinking", &thinking) ||
        !read_inner(t->r, t->values[TURN_CONTENT], "content", &content)) {
        return false;
    }
    if (thinking.len > 0) {
        push(t, PART_REASONING)->text = thinking;
    }
    bool calls = member_given(t->r->doc, t->values[TURN_TOOL_CALLS]);
    if (content.ptr == NULL && !calls && thinking.ptr == NULL) {
        return reader_refuse_missing(t->r, "content");
    }
    if (content.len > 0 || !calls) {
        push(t, PART_TEXT)->text = content.ptr == NULL ? SLICE("") : content;
    }
    return true;
}

static bool read_turn(struct turn *t, uint32_t node)
{
    struct reader *r = t->r;
    size_t unknown;
    uint32_t images;
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    t->message->raw = json_raw(r->doc, node);
    if (!members_read(r, node, NULL, &turn_table, t->values, &unknown) || !read_role(t) ||
        !read_kind(r, t->values[TURN_IMAGES], "images", JSON_ARRAY, &images)) {
        return false;
    }
    t->message->parts = arena_array(r->arena, room(t), sizeof *t->message->parts);
    if (t->message->parts == NULL) {
        return reader_refuse_size(r);
    }
    if (unknown > 0 && !reader_extras(r, node, &turn_table, TURN_MEMBERS, &t->message->extras,
                                      &t->message->extra_count)) {
        return false;
    }
    return (t->message->role != ROLE_TOOL || read_result(t)) && read_texts(t) &&
           (images == JSON_ABSENT || read_images(r, images, t->message)) && read_calls(t);
}

bool ollama_read_messages(struct reader *r, uint32_t messages)
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
    if (r->chat->messages == NULL) {
        return reader_refuse_size(r);
    }
    struct turn turn = {.r = r};
    r->place[0].list = "messages";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        turn.message = &r->chat->messages[r->place[0].index];
        if (!read_turn(&turn, i)) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    r->chat->message_count = count;
    return true;
}

/* --- tools --- */

static bool read_tool(struct reader *r, uint32_t node, struct chat_tool *tool)
{
    enum { NAME, DESCRIPTION, PARAMETERS, MEMBERS };
    static const struct member_name names[MEMBERS] = {
        [NAME] = MEMBER_NAME("name"),
        [DESCRIPTION] = MEMBER_NAME("description"),
        [PARAMETERS] = MEMBER_NAME("parameters"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[MEMBERS];
    size_t unknown;
    uint32_t function = json_member(r->doc, node, SLICE("function"));
    *tool = (struct chat_tool){.strict = -1};
    if (!json_is(r->doc, function, JSON_OBJECT)) {
        return reader_refuse(r, "missing_member", "function",
                             "The member \"function\" is required.");
    }
    tool->raw = json_raw(r->doc, node);
    return members_read(r, function, "function", &table, values, &unknown) &&
           read_schema(r, values[PARAMETERS], "function/parameters", &tool->parameters) &&
           read_required(r, values[NAME], "function/name", &tool->name) &&
           read_inner(r, values[DESCRIPTION], "function/description", &tool->description);
}

bool ollama_read_tools(struct reader *r, uint32_t tools)
{
    return reader_tools(r, tools, read_tool);
}
