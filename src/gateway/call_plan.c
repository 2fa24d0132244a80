/* SPDX-License-Identifier: Apache-2.0 */
/* PARSE and PLAN: bytes -> chat -> ordered targets. */
#include "gateway/answer_cache.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_count.h"
#include "gateway/call_exact.h"
#include "gateway/call_new.h"
#include "gateway/call_offers.h"
#include "gateway/status.h"
#include "gateway/stored.h"
#include "gateway/tag_words.h"

#include "codec/json_write.h"
#include "dialect/place.h"
#include "dialect/wish.h"
#include "route/contradiction.h"

/* The asked model is kept as plain text for the ledger: it outlives the request's bytes. */
static void keep_asked_model(struct call *call)
{
    size_t len = json_unescape_to(call->chat.model, call->asked_model, CALL_ASKED_MODEL_MAX - 1);
    call->asked_model[len] = '\0';
    call->asked_model_len = len;
}

static bool wants_events(const struct http_request *request)
{
    struct slice query = request->query;
    while (query.len > 0) {
        if (slice_eq(slice_cut(&query, '&'), SLICE("alt=sse"))) {
            return true;
        }
    }
    return false;
}

/* What the path says already: the reader of such a dialect does not find it in the body. False: out
 * of memory. */
static bool read_path(struct call *call)
{
    const struct endpoint *endpoint = call->endpoint;
    call->chat.operation = endpoint->operation;
    if (!endpoint->model_in_path) {
        return true;
    }
    char decoded[CALL_ASKED_MODEL_MAX * 4];
    struct slice name = http_exchange_request(call->exchange)->path;
    name = slice_from(name, endpoint->path.len);
    name.len -= endpoint->suffix.len;
    struct buf inner = BUF_INIT(sizeof(decoded) * 6);
    json_escape(path_decode(name, decoded, sizeof(decoded)), &inner);
    call->chat.model = arena_copy(&call->arena, buf_slice(&inner));
    call->chat.stream = endpoint->stream;
    call->stream_array = endpoint->stream && !wants_events(http_exchange_request(call->exchange));
    buf_release(&inner);
    return call->chat.model.ptr != NULL;
}

static bool read_body(struct call *call, struct slice body, struct error *error)
{
    if (!read_path(call)) {
        return error_set(error, ERROR_LIMIT, "request_too_large",
                         "The request needs more memory than one call may use.");
    }
    return call->front->read_request(body, &call->doc, &call->arena, &call->chat, error);
}

/* The body, and what it builds on. *ret_target: the one that has the rest of the conversation, or
 * NO_TARGET. */
static bool read_request(struct call *call, uint16_t *ret_target, struct error *error)
{
    struct slice whole = SLICE_EMPTY;
    if (!read_body(call, call->chat.body, error) ||
        !stored_recall(call, &whole, ret_target, error)) {
        return false;
    }
    if (whole.ptr != NULL) {
        stored_note_items(call);
        if (!read_body(call, whole, error)) {
            return false;
        }
    }
    call->keeps_answer = call->chat.dialect == DIALECT_OPENAI_RESPONSES && call->chat.store != 0;
    return true;
}

/* Only this target has what the request builds on. */
static void pin_target(const struct snapshot *snapshot, struct decision *decision, uint16_t target)
{
    struct slice model =
        target == NO_TARGET ? SLICE_EMPTY : decide_model(snapshot, decision, target);
    if (model.len > 0) { /* else it stands for a model that this request does not name */
        decision->route = NULL;
        decision->models[0] = target;
        decision->called[0] =
            model.ptr == snapshot->policy.targets[target].model.ptr ? SLICE_EMPTY : model;
        decision->model_count = 1;
    }
}

/* The caller's own words are let in at a bounded rate. */
static void keep_tag(struct call *call)
{
    struct decision *decision = call->decision;
    if (decision->tag_count > 0) {
        decision->tag = tag_words_admit(call->worker->gateway->tag_words, decision->tag,
                                        clock_monotonic(call->worker->loop.clock));
    }
    slice_to_cstr(decision->tag, call->tag, sizeof(call->tag));
}

enum call_step call_parse(struct call *call)
{
    struct error error;
    uint16_t pinned = NO_TARGET;
    error_clear(&error);
    if (!read_request(call, &pinned, &error)) {
        return call_fail_error(call, &error);
    }
    call->decision = call_take_decision(call);
    if (call->decision == NULL) {
        return call_fail(call, 503, "out_of_memory", NULL, "The gateway is out of memory.");
    }
    call->streamed = call->chat.stream;
    call->include_usage = call->chat.include_usage;
    keep_asked_model(call);
    struct caller caller;
    enum call_step refused = STEP_DONE;
    if (!call_still_admitted(call, &caller, &refused)) {
        return refused;
    }
    if (!decide_begin(call->snapshot, &caller, &call->chat, call->endpoint->dialect,
                      http_exchange_request(call->exchange), call->started_wall_ns, &call->arena,
                      call->decision, &error)) {
        return call_fail_error(call, &error);
    }
    keep_tag(call);
    call->limited_route = call->decision->route != NULL ? call->decision->route->name : SLICE_EMPTY;
    pin_target(call->snapshot, call->decision, pinned);
    return STEP_SESSION;
}

enum call_step call_understand(struct call *call)
{
    enum call_step refused = STEP_DONE;
    decide_classify(call->snapshot, &call->chat, &call->worker->features, call->decision);
    call->tokens = call->worker->features.tokens;
    return call_budget_model(call, &refused) ? STEP_CLASSIFY : refused;
}

enum call_step call_model(struct call *call)
{
    enum call_step refused = STEP_DONE;
    return call_budget_model(call, &refused) ? STEP_CLASSIFY : refused;
}

/* When nothing but their rest after failures keeps targets away, trying again later helps: ms until
 * the first of them is probed; 0: other reasons stand. */
static int64_t rest_ms(const struct call *call)
{
    const struct plan *plan = &call->decision->plan;
    int64_t now_ns = clock_monotonic(call->worker->loop.clock);
    int64_t least = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct target *target = &call->snapshot->policy.targets[plan->entries[i].target];
        if (plan->entries[i].reason == REASON_DEAD) {
            int64_t ms = health_retry_in_ms(target->health, now_ns) + 1;
            least = least == 0 || ms < least ? ms : least;
        }
    }
    return least;
}

/* What the targets were refused for: what all of them lack, or else any of them. */
static capability_set common_need(const struct plan *plan)
{
    capability_set all = 0;
    capability_set common = ~(capability_set)0;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].reason == REASON_CAPABILITY) {
            all |= (capability_set)plan->entries[i].wanted;
            common &= (capability_set)plan->entries[i].wanted;
        }
    }
    return (all & common) != 0 ? all & common : all;
}

/* The member that asks for what the targets do not have, as a JSON pointer in *error. */
static void point_at_need(const struct call *call, struct error *error)
{
    const struct plan *plan = &call->decision->plan;
    capability_set need = common_need(plan);
    unsigned wishes = wishes_of(&call->chat);
    bool dialect = false;
    for (size_t i = 0; i < plan->count; i++) {
        dialect |= plan->entries[i].reason == REASON_DIALECT;
    }
    if (need != 0) {
        place_need(&call->chat, need, error);
    } else if (dialect && wishes != 0) {
        place_wish(&call->chat, (enum wish)__builtin_ctz(wishes), error);
    }
    stored_place(call, error);
}

static void put_reasons(const struct plan_input *input, const struct plan_entry *entry,
                        struct buf *message)
{
    struct plan_entry further[PLAN_FURTHER_MAX];
    size_t count = plan_entry_further(input, entry, further);
    buf_append_cstr(message, plan_reason_name((enum plan_reason)entry->reason));
    for (size_t i = 0; i < count; i++) {
        buf_printf(message, ", %s", plan_reason_name((enum plan_reason)further[i].reason));
    }
}

static void name_refused(const struct call *call, const struct plan_input *input,
                         struct buf *message)
{
    const struct plan *plan = &call->decision->plan;
    buf_append_cstr(message, "No target can take this request: ");
    for (size_t i = 0; i < plan->count; i++) {
        if (message->len > 260) {
            buf_append_cstr(message, "...");
            break;
        }
        const struct target *target = &call->snapshot->policy.targets[plan->entries[i].target];
        buf_printf(message, "%s%.*s (", i == 0 ? "" : ", ", SLICE_ARG(target->name));
        put_reasons(input, &plan->entries[i], message);
        buf_append_char(message, ')');
    }
    buf_append_char(message, '.');
}

static void name_contradiction(const struct call *call, const struct plan_input *input,
                               struct buf *message)
{
    struct buf sentence = BUF_INIT(1024);
    contradiction_explain(input, &call->decision->plan, &sentence);
    if (sentence.len > 0) {
        buf_append_char(message, ' ');
        buf_append(message, buf_slice(&sentence));
    }
    buf_release(&sentence);
}

/* The list of refused targets is the useful part of the answer: it goes into the error's `sluice`
 * member. */
static enum call_step refuse(struct call *call)
{
    metric_add(&call->worker->metrics.refused_plans, 1);
    struct buf message = BUF_INIT(2048);
    struct plan_input input;
    decide_plan_input(call->snapshot, &call->chat, &call->worker->features,
                      clock_monotonic(call->worker->loop.clock), call->decision, &input);
    name_refused(call, &input, &message);
    name_contradiction(call, &input, &message);
    call->attempt.retry_after_ms = rest_ms(call);
    bool resting = call->attempt.retry_after_ms > 0;
    struct error place;
    error_clear(&place);
    if (!resting) {
        point_at_need(call, &place);
    }
    if (place.pointer[0] != '\0') { /* not every dialect shows its people more than the message */
        buf_printf(&message, " What they lack is asked for at %s.", place.pointer);
    }
    enum call_step next =
        call_fail(call, resting ? 503 : 422, resting ? "no_target_available" : "no_feasible_target",
                  place.pointer, "%.*s", SLICE_ARG(buf_slice(&message)));
    buf_release(&message);
    return next;
}

/* Where a route takes what comes nearest although it is dearer than the limit, what the plan said
 * it may cost becomes the limit. */
static int64_t cost_limit(const struct plan *plan)
{
    int64_t high_nd = plan->taken > 0 ? plan->entries[0].high_cost_nd : 0;
    bool dearer = plan->max_cost_nd != NO_LIMIT && high_nd > plan->max_cost_nd;
    return plan->relaxed && dearer ? high_nd : plan->max_cost_nd;
}

static void keep_plan_facts(struct call *call)
{
    const struct decision *decision = call->decision;
    const struct plan *plan = &decision->plan;
    call->route_name = decision->route != NULL ? decision->route->name : SLICE_EMPTY;
    call->task = decision->classification.task;
    call->complexity_permille = (int32_t)(decision->classification.complexity * 1000.0 + 0.5);
    call->required_tier = plan->required_tier;
    call->asked = plan->asked;
    call->counted = decision->counted;
    call->counted_tokens = decision->counted_tokens;
    call->below_tier = plan->below_tier;
    call->rule_name = plan->rule != NULL ? plan->rule->name : SLICE_EMPTY;
    call->session.planned = plan->session;
    call->session.loop_held = plan->loop_held;
    call->relaxed = plan->relaxed;
    call->max_cost_nd = cost_limit(plan);
    call->max_attempts = decision->route != NULL ? decision->route->max_attempts : 3;
    call->baseline = plan->baseline;
    call->meta = decision->meta;
}

enum call_step call_plan(struct call *call)
{
    struct worker *worker = call->worker;
    int64_t now_ns = clock_monotonic(worker->loop.clock);
    call->decision->cheaper = call_budget_pressure(call);
    call->decision->call_limit_nd = call->claim.call_limit_nd;
    decide_plan(call->snapshot, &call->chat, &worker->features, now_ns, call->decision);
    if (call_exact_begin(call)) {
        return STEP_WAIT;
    }
    keep_plan_facts(call);
    call_offers_note(call);
    return answer_cache_wanted(call) ? STEP_RECALL : call_planned(call);
}

enum call_step call_planned(struct call *call)
{
    if (call->chat.operation == OPERATION_TOKEN_COUNT && !count_can_be_asked(call)) {
        return call_count_here(call);
    }
    if (call->chat.operation == OPERATION_TOKEN_COUNT) {
        call->max_attempts = 1; /* then we count */
    }
    if (call->decision->plan.taken == 0) {
        return refuse(call);
    }
    call_check_begin(call);
    return STEP_ATTEMPT;
}
