/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_session.h"

#include "gateway/call_budget.h"
#include "gateway/cluster_ask.h"
#include "gateway/conversation.h"
#include "store/redis.h"

#include <inttypes.h>
#include <stdio.h>

/* What providers say of their prompt caches: kept for at least so long after the last use. */
#define WARM_NS (300 * NS_PER_S)
#define WARM_LONG_NS (3600 * NS_PER_S)
/* Caches that work by themselves keep no shorter prompts. */
#define WARM_TOKENS_LEAST 1024

#define KEY_SIZE 32 /* "session:" and 16 digits */

static struct slice key_text(uint64_t key, char out[KEY_SIZE])
{
    int len = snprintf(out, KEY_SIZE, "session:%016" PRIx64, key);
    return slice_of(out, (size_t)len);
}

/* --- what is known --- */

static void on_answer(void *user, const struct redisReply *answer)
{
    struct call *call = user;
    struct call_session *session = &call->session;
    struct session other;
    struct slice text = answer == NULL ? SLICE_EMPTY : redis_text(answer);
    session->question = NULL;
    int64_t now_ns = clock_wall(call->worker->loop.clock);
    bool told = text.len > 0 && text.len <= SESSION_TEXT_MAX && session_read(text, &other) &&
                other.expires_ns > now_ns;
    if (told && session->asked != session->key) {
        conversation_loop(&other, call->snapshot, &session->loop);
    } else if (told && (!session->found || other.used_ns > session->known.used_ns)) {
        session->known = other;
        session->found = true;
    }
    call_run(call, STEP_SESSION);
}

/* True: the answer is awaited. */
static bool ask_others(struct call *call, uint64_t name)
{
    char key[KEY_SIZE];
    struct call_session *session = &call->session;
    session->asked = name;
    session->question =
        name == 0 ? NULL
                  : cluster_get(call->worker, key_text(name, key), SESSION_ASK_MS, on_answer, call);
    return session->question != NULL;
}

/* A node learns the name of its cluster when it is there for the first time. */
static void hash_as_others(struct gateway *gateway)
{
    if (gateway->cluster.member == NULL || atomic_load(&gateway->sessions_shared)) {
        return;
    }
    struct member_facts facts = member_facts(gateway->cluster.member);
    if (facts.cluster[0] != '\0') {
        sessions_share(gateway->sessions, slice_from_cstr(facts.cluster));
        atomic_store(&gateway->sessions_shared, true);
    }
}

/* Returns the name of the call whose target is to be asked of other nodes, or 0. */
static uint64_t look_up_call(struct call *call, const struct conversation *conversation)
{
    struct call_session *session = &call->session;
    struct sessions *sessions = call->worker->gateway->sessions;
    struct session made;
    session->calls = conversation->calls;
    if (conversation->calls == 0 || !conversation->in_tool_loop) {
        return 0;
    }
    if (!conversation_find_call(sessions, conversation, &call->chat, call->key_id,
                                clock_wall(call->worker->loop.clock), &made)) {
        return conversation_asked_call(sessions, conversation, &call->chat);
    }
    conversation_loop(&made, call->snapshot, &session->loop);
    return 0;
}

/* Returns as look_up_call(). */
static uint64_t look_up(struct call *call)
{
    struct call_session *session = &call->session;
    struct sessions *sessions = call->worker->gateway->sessions;
    const struct route *route = call->decision->route;
    struct conversation conversation;
    session->looked = true;
    hash_as_others(call->worker->gateway);
    conversation_name(sessions, call->decision, &call->chat, http_exchange_request(call->exchange),
                      call->key_id, &conversation);
    session->key = conversation.key;
    session->begins = conversation.begins;
    session->ttl_ns = (route == NULL ? CONVERSATION_TTL_MS : route->session_ttl_ms) * NS_PER_MS;
    session->found = session->key != 0 && !session->begins &&
                     sessions_get(sessions, session->key, call->key_id,
                                  clock_wall(call->worker->loop.clock), &session->known);
    return look_up_call(call, &conversation);
}

enum call_step call_session(struct call *call)
{
    struct call_session *session = &call->session;
    bool begins = !session->looked;
    if (begins) {
        uint64_t made = look_up(call);
        if (made != 0 && ask_others(call, made)) {
            return STEP_WAIT;
        }
    }
    bool asks = session->key != 0 && !session->begins && session->asked != session->key;
    if (asks && ask_others(call, session->key)) {
        return STEP_WAIT;
    }
    if (session->found) {
        conversation_view(&session->known, call->snapshot, &call->chat,
                          clock_wall(call->worker->loop.clock), call->decision);
    }
    if (session->loop.found) {
        conversation_view_loop(&session->loop, clock_wall(call->worker->loop.clock),
                               call->decision);
    }
    return call_understand(call);
}

void call_session_end(struct call *call)
{
    if (call->session.question != NULL) {
        cluster_ask_cancel(call->session.question);
        call->session.question = NULL;
    }
}

/* --- what became of it --- */

/* Is it the target that had the conversation, or made the call whose result came? */
static bool is_held(const struct call *call)
{
    const struct call_session *session = &call->session;
    const struct target *target = call->attempt.target;
    return session->loop.found ? session->loop.target == target - call->snapshot->policy.targets
                               : slice_eq(target->name, session_target(&session->known));
}

enum session_state call_session_state(const struct call *call)
{
    const struct call_session *session = &call->session;
    if (session->key == 0 && !session->loop.found) {
        return SESSION_NONE;
    }
    if (session->escalated) {
        return SESSION_ESCALATED;
    }
    if (!session->found && !session->loop.found) {
        return SESSION_NEW;
    }
    bool elsewhere = call->attempt.target != NULL && !is_held(call);
    return session->planned == SESSION_KEPT && elsewhere ? SESSION_FAILED : session->planned;
}

void call_session_escalate(struct call *call)
{
    call->session.escalated = true;
}

/* How much of the prompt the target's cache has now, by its own report. */
static void note_warmth(const struct call *call, bool first, struct session *session)
{
    const struct usage *usage = &call->attempt.meter.usage;
    const struct price *price = &call->attempt.target->price;
    int64_t written = usage->cache_write + usage->cache_write_1h;
    bool caches =
        price->known && price->base.cache_read >= 0 && price->base.cache_read < price->base.input;
    session->warm_tokens = 0;
    if (written > 0) {
        session->warm_tokens = usage->cache_read + written;
    } else if (usage->cache_read > 0) {
        session->warm_tokens = usage->input;
    } else if (first && usage->reported && caches && usage->input >= WARM_TOKENS_LEAST) {
        session->warm_tokens = usage->input; /* it shows in the next turn */
    }
    session->warm_until_ns =
        session->used_ns + (usage->cache_write_1h > 0 ? WARM_LONG_NS : WARM_NS);
}

static void put(struct call *call, const struct session *session)
{
    char key[KEY_SIZE];
    char text[SESSION_TEXT_MAX];
    sessions_put(call->worker->gateway->sessions, session);
    if (cluster_ask_possible(call->worker)) {
        (void)cluster_set(call->worker, key_text(session->key, key),
                          slice_of(text, session_write(session, text)),
                          call->session.ttl_ns / NS_PER_MS);
    }
}

static void count(struct call *call)
{
    struct metrics *metrics = &call->worker->metrics;
    enum session_state state = call_session_state(call);
    if (state == SESSION_NONE) {
        return;
    }
    metric_add(&metrics->sessions[state], 1);
    if (state == SESSION_KEPT) {
        metric_add(&metrics->session_cached_tokens, (uint64_t)call->attempt.meter.usage.cache_read);
    }
}

/* The answer's first call of a tool, under its id; under the tool's name, too, for clients that
 * give no ids back. */
static void keep_call(struct call *call, struct session *session)
{
    const struct meter *meter = &call->attempt.meter;
    const struct sessions *sessions = call->worker->gateway->sessions;
    if (call->session.calls == 0 || meter->call_name == 0) {
        return;
    }
    session->key = conversation_call_key(sessions, call->session.calls, meter->call_id);
    put(call, session);
    if (conversation_nameless(call->endpoint->dialect)) {
        session->key = conversation_call_key(sessions, call->session.calls, meter->call_name);
        put(call, session);
    }
}

void call_session_keep(struct call *call)
{
    const struct target *target = call->attempt.target;
    struct call_session *own = &call->session;
    bool calls = own->calls != 0 && call->attempt.meter.call_name != 0;
    count(call);
    if (own->key == 0 && !calls) {
        return;
    }
    struct session session = {.key = 0};
    if (own->found) {
        session = own->known;
    }
    bool same = own->found && slice_eq(session_target(&session), target->name);
    session_leave(&session, target->name);
    if (!session_set_target(&session, target->name)) {
        return;
    }
    session.key = own->key;
    session.owner = call->key_id;
    session.used_ns = clock_wall(call->worker->loop.clock);
    session.expires_ns = session.used_ns + own->ttl_ns;
    session.turns += session.turns < UINT32_MAX ? 1 : 0;
    session.stay = !same ? 1 : session.stay + (session.stay < UINT32_MAX ? 1 : 0);
    session.tiers = session_tiers_add(session.tiers, call->required_tier);
    if (own->escalated && session.floor_tier < target->tier) {
        session.floor_tier = (uint8_t)target->tier;
    }
    note_warmth(call, !same, &session);
    if (own->key != 0) {
        put(call, &session);
    }
    keep_call(call, &session);
}

/* --- the ledger's thread --- */

static bool keeper_changed(void *user)
{
    return sessions_changed(user);
}

static bool keeper_write(void *user, struct sqlite3 *db, int64_t wall_ns)
{
    return sessions_write(user, db, wall_ns);
}

static void keeper_written(void *user, bool committed)
{
    sessions_written(user, committed);
}

struct ledger_keeper call_session_keeper(struct sessions *sessions)
{
    return (struct ledger_keeper){.changed = keeper_changed,
                                  .write = keeper_write,
                                  .written = keeper_written,
                                  .user = sessions};
}
