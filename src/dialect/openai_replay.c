/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits that put reasoning_content or reasoning_details back into the client's own turns with
 * calls, for vendors that answer 400 where they are missing or think anew. They are recalled by the
 * ids of the calls; a turn that brings its own stays as it is.
 */
#include "base/memory.h"
#include "dialect/openai.h"

#define KEY SLICE("\"reasoning_content\":\"")

struct replay {
    const struct chat *chat;
    const struct request_change *change;
    struct json_edit *edits;
    size_t count;
};

static bool lacks_thought(const struct chat_message *message)
{
    bool calls = false;
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind == PART_REASONING && message->parts[i].text.len > 0) {
            return false;
        }
        calls = calls || message->parts[i].kind == PART_TOOL_CALL;
    }
    return calls;
}

static bool lacks_details(const struct chat_message *message)
{
    bool calls = false;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (part->kind == PART_REASONING && slice_eq(part->name, SLICE("reasoning_details"))) {
            return false;
        }
        calls = calls || part->kind == PART_TOOL_CALL;
    }
    return calls;
}

/* Is it a turn that we would put something back into? */
static bool lacks(const struct chat_message *message, const struct request_change *change)
{
    return change->reasoning_details ? lacks_details(message) : lacks_thought(message);
}

static struct slice recalled(const struct replay *r, const struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        struct opaque_state state = {.dialect = DIALECT_COUNT};
        if (message->parts[i].kind == PART_TOOL_CALL &&
            r->change->recall(r->change->recall_user, message->parts[i].id, &state) &&
            state.reasoning.len > 0) {
            return state.reasoning;
        }
    }
    return SLICE_EMPTY;
}

static void put(struct replay *r, uint32_t start, uint32_t end, struct slice with)
{
    r->edits[r->count++] = (struct json_edit){start, end, with};
}

/* The raw elements; a null or empty member is replaced. */
static void put_details(struct replay *r, uint32_t turn, struct slice details)
{
    const struct json_doc *doc = r->chat->doc;
    uint32_t value = json_member(doc, turn, SLICE("reasoning_details"));
    if (value != JSON_ABSENT) {
        const struct json_node *node = &doc->nodes[value];
        put(r, node->start, node->start, SLICE("["));
        put(r, node->start, node->start, details);
        put(r, node->start, node->end, SLICE("]"));
        return;
    }
    uint32_t at = doc->nodes[turn].start + 1;
    put(r, at, at, SLICE("\"reasoning_details\":["));
    put(r, at, at, details);
    put(r, at, at, SLICE("],"));
}

/* `turn` is the message's object: a null or empty member is filled, a missing one stands first. */
static void put_thought(struct replay *r, uint32_t turn, struct slice text)
{
    const struct json_doc *doc = r->chat->doc;
    uint32_t value = json_member(doc, turn, SLICE("reasoning_content"));
    if (value != JSON_ABSENT) {
        const struct json_node *node = &doc->nodes[value];
        put(r, node->start, node->start, SLICE("\""));
        put(r, node->start, node->start, text);
        put(r, node->start, node->end, SLICE("\""));
        return;
    }
    uint32_t at = doc->nodes[turn].start + 1;
    put(r, at, at, KEY);
    put(r, at, at, text);
    put(r, at, at, SLICE("\","));
}

static size_t count_turns(const struct chat *chat, const struct request_change *change)
{
    size_t count = 0;
    for (size_t i = 0; i < chat->message_count; i++) {
        count += lacks(&chat->messages[i], change) ? 1 : 0;
    }
    return count;
}

static void replay_turn(struct replay *r, const struct chat_message *message, uint32_t turn)
{
    struct slice details;
    if (r->change->reasoning_details) {
        if (openai_recall_details(message, r->change, &details)) {
            put_details(r, turn, details);
        }
        return;
    }
    struct slice text = recalled(r, message);
    if (text.len > 0) {
        put_thought(r, turn, text);
    }
}

static void replay_turns(struct replay *r, uint32_t messages)
{
    const struct json_doc *doc = r->chat->doc;
    uint32_t turn = json_first(doc, messages);
    for (size_t i = 0; i < r->chat->message_count && turn != JSON_ABSENT; i++) {
        const struct chat_message *message = &r->chat->messages[i];
        if (lacks(message, r->change)) {
            replay_turn(r, message, turn);
        }
        turn = json_next(doc, messages, turn);
    }
}

bool openai_replay_wanted(const struct chat *chat, const struct request_change *change)
{
    return (change->replay_reasoning || change->reasoning_details) && change->recall != NULL &&
           count_turns(chat, change) > 0;
}

bool openai_replay(const struct chat *chat, const struct request_change *change, uint32_t messages,
                   struct json_edit **ret_edits, size_t *ret_count)
{
    struct replay replay = {.chat = chat, .change = change};
    replay.edits =
        memory_array(count_turns(chat, change), OPENAI_REPLAY_EDITS * sizeof *replay.edits);
    if (replay.edits == NULL) {
        return false;
    }
    replay_turns(&replay, messages);
    *ret_edits = replay.edits;
    *ret_count = replay.count;
    return true;
}
