/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/conversation.h"

#include "base/hash.h"
#include "dialect/dialect.h"

/* Of a text that names: its length, its beginning and its end. Whole texts would cost more time
 * than a decision has; what is told apart wrongly shares a target, and nothing else. */
#define SAMPLE_HEAD 384u
#define SAMPLE_TAIL 128u
#define NAME_BYTES 4096u
#define CLAUDE_SESSION "_session_"

enum name_kind { NAME_NONE, NAME_GIVEN, NAME_AGENT, NAME_OPENING, NAME_CALL };

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

/* --- calls of tools --- */

static bool keeps_tool_loops(const struct decision *decision, const struct chat *chat)
{
    bool several =
        decision->route == NULL ? decision->model_count > 1 : decision->route->tool_loops;
    return several && chat->operation == OPERATION_CHAT;
}

/* System prompts are left out: some clients write the time into theirs. */
static uint64_t name_calls(const struct sessions *sessions, const struct chat *chat, uint64_t owner)
{
    struct name_bytes name;
    name.len = 0;
    put_number(&name, NAME_CALL);
    put_number(&name, owner);
    for (size_t i = 0; i < chat->message_count; i++) {
        if (chat->messages[i].role == ROLE_USER) {
            put_message(&name, &chat->messages[i]);
            break;
        }
    }
    return sessions_hash(sessions, slice_of(name.bytes, name.len));
}

uint64_t conversation_call_key(const struct sessions *sessions, uint64_t calls, uint64_t hash)
{
    const uint64_t name[] = {calls, hash};
    return sessions_hash(sessions, slice_of((const char *)name, sizeof(name)));
}

/* Of one answer, which may be several messages. Adds its calls, the first one first: that is the
 * one which is remembered. */
static size_t add_calls(const struct chat *chat, size_t begin, size_t end,
                        const struct chat_part *calls[CONVERSATION_CALLS_MAX], size_t count)
{
    size_t most = count + CONVERSATION_CALLS_OF_ONE;
    most = most < CONVERSATION_CALLS_MAX ? most : CONVERSATION_CALLS_MAX;
    for (size_t i = begin; i < end; i++) {
        const struct chat_message *message = &chat->messages[i];
        for (size_t p = 0; p < message->part_count && count < most; p++) {
            if (message->parts[p].kind == PART_TOOL_CALL) {
                calls[count++] = &message->parts[p];
            }
        }
    }
    return count;
}

/* The calls of the last answers, those of the latest first. Returns how many. */
static size_t last_calls(const struct chat *chat,
                         const struct chat_part *calls[CONVERSATION_CALLS_MAX])
{
    size_t count = 0;
    size_t end = chat->message_count;
    while (end > 0 && count < CONVERSATION_CALLS_MAX) {
        size_t begin = end;
        while (begin > 0 && chat->messages[begin - 1].role == ROLE_ASSISTANT) {
            begin--;
        }
        count = add_calls(chat, begin, end, calls, count);
        end = begin == end ? end - 1 : begin;
    }
    return count;
}

bool conversation_nameless(unsigned dialect)
{
    return dialect == DIALECT_GEMINI || dialect == DIALECT_OLLAMA;
}

uint64_t conversation_asked_call(const struct sessions *sessions,
                                 const struct conversation *conversation, const struct chat *chat)
{
    const struct chat_part *calls[CONVERSATION_CALLS_MAX];
    if (conversation->calls == 0 || !conversation->in_tool_loop || last_calls(chat, calls) == 0) {
        return 0;
    }
    struct slice word = conversation_nameless(chat->dialect) ? calls[0]->name : calls[0]->id;
    return word.len == 0 ? 0
                         : conversation_call_key(sessions, conversation->calls, hash_stable(word));
}

bool conversation_find_call(struct sessions *sessions, const struct conversation *conversation,
                            const struct chat *chat, uint64_t owner, int64_t wall_ns,
                            struct session *ret_session)
{
    const struct chat_part *calls[CONVERSATION_CALLS_MAX];
    bool found = false;
    if (conversation->calls == 0 || !conversation->in_tool_loop) {
        return false;
    }
    size_t count = last_calls(chat, calls);
    for (size_t i = 0; i < count && !found; i++) {
        const struct slice words[] = {calls[i]->id, calls[i]->name};
        for (size_t w = 0; w < ARRAY_LEN(words) && !found; w++) {
            uint64_t key =
                conversation_call_key(sessions, conversation->calls, hash_stable(words[w]));
            found = words[w].len > 0 && sessions_get(sessions, key, owner, wall_ns, ret_session);
        }
    }
    return found;
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
    if (sessions == NULL) {
        return;
    }
    if (keeps_tool_loops(decision, chat)) {
        ret_conversation->in_tool_loop = session_in_tool_loop(chat);
        ret_conversation->calls = chat->tool_count > 0 || ret_conversation->in_tool_loop
                                      ? name_calls(sessions, chat, owner)
                                      : 0;
    }
    if (!can_converse(decision, chat)) {
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

static void add_elsewhere(const struct session *session, const struct policy *policy,
                          int64_t wall_ns, struct session_view *view)
{
    for (size_t i = 0; i < SESSION_OTHERS && session->others[i].name != 0; i++) {
        const struct session_other *other = &session->others[i];
        uint16_t target = 0;
        while (target < policy->target_count &&
               hash_stable(policy->targets[target].name) != other->name) {
            target++;
        }
        if (target < policy->target_count && wall_ns < other->warm_until_ns &&
            target != view->target) {
            view->elsewhere[view->elsewhere_count++] =
                (struct session_warmth){target, other->warm_tokens};
        }
    }
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
    add_elsewhere(session, &snapshot->policy, wall_ns, &decision->session);
}

void conversation_loop(const struct session *session, const struct snapshot *snapshot,
                       struct tool_loop *ret_loop)
{
    *ret_loop = (struct tool_loop){
        .found = true,
        .target = policy_find_target(&snapshot->policy, session_target(session)),
        .warm_tokens = session->warm_tokens,
        .warm_until_ns = session->warm_until_ns,
    };
}

void conversation_view_loop(const struct tool_loop *loop, int64_t wall_ns,
                            struct decision *decision)
{
    struct session_view *view = &decision->session;
    if (!decision->in_session) {
        *view = (struct session_view){.target = NO_TARGET};
    }
    int64_t warm = wall_ns < loop->warm_until_ns ? loop->warm_tokens : 0;
    int64_t known = loop->target == NO_TARGET ? 0 : session_warm_tokens(view, loop->target);
    decision->in_session = true;
    view->target = loop->target;
    view->in_tool_loop = true;
    view->warm_tokens = known > warm ? known : warm;
}

void conversation_recall(struct sessions *sessions, const struct snapshot *snapshot,
                         const struct chat *chat, const struct http_request *request,
                         uint64_t owner, int64_t wall_ns, struct decision *decision)
{
    struct conversation conversation;
    struct session session;
    struct tool_loop loop;
    conversation_name(sessions, decision, chat, request, owner, &conversation);
    if (conversation.key != 0 && !conversation.begins &&
        sessions_get(sessions, conversation.key, owner, wall_ns, &session)) {
        conversation_view(&session, snapshot, chat, wall_ns, decision);
    }
    if (sessions != NULL &&
        conversation_find_call(sessions, &conversation, chat, owner, wall_ns, &session)) {
        conversation_loop(&session, snapshot, &loop);
        conversation_view_loop(&loop, wall_ns, decision);
    }
}
