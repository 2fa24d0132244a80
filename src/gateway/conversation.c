/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/conversation.h"

/* Of a text that names: its length, its beginning and its end. Whole texts would cost more time
 * than a decision has; what is told apart wrongly shares a target, and nothing else. */
#define SAMPLE_HEAD 384u
#define SAMPLE_TAIL 128u
#define NAME_BYTES 4096u
#define CLAUDE_SESSION "_session_"

enum name_kind { NAME_NONE, NAME_GIVEN, NAME_AGENT, NAME_OPENING };

struct name_bytes {
    char bytes[NAME_BYTES];
    size_t len;
};

static void put(struct name_bytes *name, const void *bytes, size_t len)
{
    size_t room = sizeof(name->bytes) - name->len;
    len = len < room ? len : room;
    if (len > 0) {
        memcpy(name->bytes + name->len, bytes, len);
    }
    name->len += len;
}

static void put_number(struct name_bytes *name, uint64_t number)
{
    put(name, &number, sizeof(number));
}

static void put_text(struct name_bytes *name, struct slice text)
{
    put_number(name, text.len);
    if (text.len <= SAMPLE_HEAD + SAMPLE_TAIL) {
        put(name, text.ptr, text.len);
    } else {
        put(name, text.ptr, SAMPLE_HEAD);
        put(name, text.ptr + text.len - SAMPLE_TAIL, SAMPLE_TAIL);
    }
}

/* --- what the caller says --- */

static struct slice header_of(const struct http_request *request, struct slice name)
{
    for (size_t i = 0; request != NULL && i < request->header_count; i++) {
        if (slice_eq_nocase(request->headers[i].name, name)) {
            return slice_trim(request->headers[i].value);
        }
    }
    return SLICE_EMPTY;
}

/* Claude Code's metadata.user_id ends with its session; any other is a person. */
static struct slice claude_session(const struct chat *chat, const struct http_request *request)
{
    struct slice header = header_of(request, SLICE("x-claude-code-session-id"));
    size_t at = slice_find_slice(chat->user, SLICE(CLAUDE_SESSION));
    if (header.len > 0 || at == SIZE_MAX) {
        return header;
    }
    return slice_from(chat->user, at + sizeof(CLAUDE_SESSION) - 1);
}

static enum name_kind given_name(const struct decision *decision, const struct chat *chat,
                                 const struct http_request *request, struct slice *ret_name)
{
    bool own = chat->session.len > 0 && chat->session.ptr != chat->cache_key.ptr;
    *ret_name = decision->session_id;
    if (ret_name->len == 0) {
        *ret_name = own ? chat->session : header_of(request, SLICE("x-session-id"));
    }
    if (ret_name->len == 0) {
        *ret_name = chat->cache_key;
    }
    if (ret_name->len > 0) {
        return NAME_GIVEN;
    }
    *ret_name = claude_session(chat, request);
    return ret_name->len > 0 ? NAME_AGENT : NAME_NONE;
}

/* --- the opening --- */

static void put_message(struct name_bytes *name, const struct chat_message *message)
{
    put_number(name, message->role);
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        put_number(name, part->kind);
        put_text(name, part->kind == PART_TEXT ? part->text
                       : part->data.len > 0    ? part->data
                                               : part->url);
    }
}

/* False: no turn of a user is there. */
static bool put_opening(struct name_bytes *name, const struct chat *chat)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        if (message->role == ROLE_ASSISTANT || message->role == ROLE_TOOL) {
            return false;
        }
        put_message(name, message);
        if (message->role == ROLE_USER) {
            return true;
        }
    }
    return false;
}

static bool has_answer(const struct chat *chat)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        if (chat->messages[i].role == ROLE_ASSISTANT || chat->messages[i].role == ROLE_TOOL) {
            return true;
        }
    }
    return false;
}

/* --- the whole --- */

static bool can_converse(const struct decision *decision, const struct chat *chat)
{
    bool answers = chat->operation == OPERATION_CHAT || chat->operation == OPERATION_COMPLETION;
    return answers && decision->route != NULL && decision->route->sticky;
}

void conversation_name(const struct sessions *sessions, const struct decision *decision,
                       const struct chat *chat, const struct http_request *request, uint64_t owner,
                       struct conversation *ret_conversation)
{
    struct name_bytes name;
    struct slice given = SLICE_EMPTY;
    *ret_conversation = (struct conversation){.key = 0};
    if (sessions == NULL || !can_converse(decision, chat)) {
        return;
    }
    enum name_kind kind = given_name(decision, chat, request, &given);
    if (kind == NAME_NONE && decision->route->sticky_opening && chat->operation == OPERATION_CHAT) {
        kind = NAME_OPENING;
    }
    name.len = 0;
    put_number(&name, (uint64_t)kind);
    put_number(&name, owner);
    put_text(&name, decision->route->name);
    put_text(&name, given);
    bool opens = kind == NAME_GIVEN || put_opening(&name, chat);
    if (kind == NAME_NONE || !opens) {
        return;
    }
    ret_conversation->key = sessions_hash(sessions, slice_of(name.bytes, name.len));
    ret_conversation->begins = kind == NAME_OPENING && !has_answer(chat);
}

void conversation_view(const struct session *session, const struct snapshot *snapshot,
                       const struct chat *chat, int64_t wall_ns, struct decision *decision)
{
    decision->in_session = true;
    decision->session = (struct session_view){
        .target = policy_find_target(&snapshot->policy, session_target(session)),
        .in_tool_loop = session_in_tool_loop(chat),
        .warm_tokens = wall_ns < session->warm_until_ns ? session->warm_tokens : 0,
        .turns = session->turns,
        .stay = session->stay,
        .recent_tier = session_tiers_highest(session->tiers),
        .floor_tier =
            session->floor_tier < TIER_COUNT ? (enum tier)session->floor_tier : TIER_PREMIUM,
    };
}

void conversation_recall(struct sessions *sessions, const struct snapshot *snapshot,
                         const struct chat *chat, const struct http_request *request,
                         uint64_t owner, int64_t wall_ns, struct decision *decision)
{
    struct conversation conversation;
    struct session session;
    conversation_name(sessions, decision, chat, request, owner, &conversation);
    if (conversation.key != 0 && !conversation.begins &&
        sessions_get(sessions, conversation.key, owner, wall_ns, &session)) {
        conversation_view(&session, snapshot, chat, wall_ns, decision);
    }
}
