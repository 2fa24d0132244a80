/* SPDX-License-Identifier: Apache-2.0 */
/* ATTEMPT: the next target of the plan gets a hold, a lane, a body and a request. */
#include "gateway/attempt_request.h"
#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_error.h"
#include "gateway/call_forecast.h"
#include "gateway/call_new.h"
#include "gateway/call_wait.h"
#include "gateway/fragile.h"
#include "gateway/opaque.h"
#include "gateway/runtime.h"

#include "base/fault.h"
#include "dialect/emulate.h"
#include "dialect/made_part.h"
#include "dialect/service.h"
#include "dialect/tool_fit.h"
#include "dialect/wish.h"

#define WINDOW_MOST (INT64_C(1) << 24)

/* Does the request ask to have some of it written to the provider's prompt cache? */
static bool marks_cache(const struct chat *chat)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        for (size_t p = 0; p < message->part_count; p++) {
            if (message->parts[p].cache != CACHE_MARK_NONE) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (chat->tools[i].cache != CACHE_MARK_NONE) {
            return true;
        }
    }
    return false;
}

/* What the prompt costs at most: writing it to a cache can be dearer than reading it. */
static int64_t prompt_nd(const struct call *call, const struct price *price, int64_t tokens)
{
    const struct price_rates *rates = price_rates_for(price, tokens);
    const struct usage prompt = {.input = tokens};
    bool dearer = rates->cache_write > rates->input || rates->cache_write_1h > rates->input;
    return dearer && marks_cache(&call->chat) ? price_bound(price, tokens, 0, 0)
                                              : price_cost(price, &prompt);
}

/* What still may be spent on this call at this target, as a ceiling on the tokens of each of its
   answers. 0: no ceiling; negative: not even the prompt fits. */
static int64_t affordable_tokens(const struct call *call, const struct target *target,
                                 const struct plan_entry *entry)
{
    if (call->max_cost_nd == NO_LIMIT || price_is_free(&target->price)) {
        return 0;
    }
    struct price spare;
    const struct price *price = attempt_price(call, target, &spare);
    const struct price_rates *rates = price_rates_for(price, entry->high_input);
    int64_t spent_nd = money_add(call->cost_nd, prompt_nd(call, price, entry->high_input));
    if (spent_nd >= call->max_cost_nd) {
        return -1;
    }
    int64_t left_nd = call->max_cost_nd - spent_nd;
    if (rates->output <= 0 || left_nd > INT64_MAX / 1000) {
        return 0;
    }
    int64_t choices = call->chat.choices > 1 ? call->chat.choices : 1;
    int64_t tokens = left_nd * 1000 / rates->output / choices;
    return tokens < 1 ? -1 : tokens;
}

/* The clamp only bites where it is tighter than what the client and the model allow anyway. */
static int64_t clamp_of(const struct call *call, const struct target *target, int64_t affordable)
{
    int64_t limit = call->chat.max_tokens;
    if (limit == 0) {
        limit = target->output_tokens > 0 ? target->output_tokens : target->context_tokens;
    }
    return affordable > 0 && (limit == 0 || affordable < limit) ? affordable : 0;
}

/* The next target that may be tried now, or NULL when the plan is used up. */
static const struct plan_entry *next_entry(struct call *call, int64_t *ret_affordable,
                                           bool *ret_probe)
{
    struct plan *plan = &call->decision->plan;
    while (call->next_entry < plan->taken && call->tries < call->max_attempts) {
        const struct plan_entry *entry = &plan->entries[call->next_entry++];
        const struct target *target = &call->snapshot->policy.targets[entry->target];
        if (decide_model(call->snapshot, call->decision, entry->target).len == 0) {
            continue; /* it stands for a model that only another request named */
        }
        *ret_affordable = affordable_tokens(call, target, entry);
        if (*ret_affordable < 0) {
            call->over_budget = true;
            continue;
        }
        int64_t now_ns = clock_monotonic(call->worker->loop.clock);
        if (health_try(target->health, now_ns, ret_probe)) {
            return entry;
        }
    }
    return NULL;
}

/* False: this provider has no word for what is asked. */
static bool choose_lane(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    unsigned client = call->endpoint->dialect;
    attempt->back_id = attempt_dialect(attempt->provider, client, call->chat.operation,
                                       decide_dialects(&call->chat, false));
    if (attempt->back_id == DIALECT_COUNT) {
        attempt->back_id = attempt_dialect(attempt->provider, client, call->chat.operation,
                                           decide_dialects(&call->chat, true));
    }
    if (attempt->back_id == DIALECT_COUNT) {
        return false;
    }
    attempt->back = dialect_of(attempt->back_id);
    /* providers are always asked for server-sent events */
    bool same = attempt->back_id == client && !call->stream_array;
    attempt->lane = same ? LANE_EDIT : LANE_TRANSLATE;
    return true;
}

static bool wants_thinking(const struct chat *chat)
{
    bool effort =
        chat->reasoning_effort.len > 0 && !slice_eq(chat->reasoning_effort, SLICE("none"));
    return effort || chat->thinking == THINKING_ON || chat->thinking == THINKING_ADAPTIVE;
}

/* What the provider's dialect has no word for, and we have another way. */
static bool emulate(struct call *call, struct chat *chat)
{
    struct attempt *attempt = &call->attempt;
    unsigned missing = wishes_missing(chat, attempt->back_id);
    unsigned emulated = missing == 0 ? 0 : emulation_able(chat, missing);
    if (emulated == 0) {
        return true;
    }
    attempt->must_call = (emulated & WISH_BIT(WISH_TOOL_CHOICE)) != 0;
    attempt->emulation = emulation_new(chat, emulated);
    return attempt->emulation != NULL && emulation_rewrite(chat, emulated, &call->arena);
}

/* Names of tools that the provider would refuse. */
static bool fit_names(struct call *call, struct chat *chat)
{
    struct attempt *attempt = &call->attempt;
    return attempt->back_id == call->endpoint->dialect ||
           tool_fit_rewrite(chat, attempt->back, &call->arena, &attempt->tool_fit);
}

/* Models that cannot think refuse every word about it, and agents send such words to all: they are
 * left out, and what was wanted is listed. */
static bool write_body(struct call *call, const struct request_change *change, struct error *error)
{
    struct attempt *attempt = &call->attempt;
    struct chat chat = call->chat;
    int64_t now_ns = clock_monotonic(call->worker->loop.clock);
    capability_set lacks = health_lacks(attempt->target->health, now_ns);
    if ((attempt->target->capabilities & ~lacks & CAPABILITY_REASONING) == 0) {
        if (wants_thinking(&chat)) {
            loss_add(&attempt->loss, SLICE("reasoning_effort"));
        }
        chat.reasoning_effort = SLICE_EMPTY;
        chat.thinking = THINKING_UNSET;
        chat.thinking_budget = -1;
        chat.show_thinking = false;
    }
    return emulate(call, &chat) && fit_names(call, &chat) &&
           made_parts_drop(&chat, attempt->back_id, &call->arena, &attempt->loss) &&
           attempt->back->write_request(&chat, change, &attempt->body, &attempt->loss, error);
}

/* The window to ask for where a longer prompt would be cut: the input as it is expected, a quarter
 * more, and the output. Powers of two: with each other window the server loads the model anew. */
static int64_t window_of(const struct call *call)
{
    const struct target *target = call->attempt.target;
    if (!target->asks_window || call->attempt.lane != LANE_TRANSLATE ||
        call->chat.operation == OPERATION_EMBEDDING) {
        return 0;
    }
    int64_t input = call->attempt.forecast.input;
    int64_t output = call->attempt.forecast.output_high;
    int64_t most = target->context_tokens > 0 ? target->context_tokens : WINDOW_MOST;
    bool sane = input < WINDOW_MOST / 2 && output < WINDOW_MOST / 2;
    int64_t needed = sane ? input + input / 4 + output : WINDOW_MOST;
    int64_t window = WINDOW_UNTOLD;
    while (window < needed && window < WINDOW_MOST) {
        window *= 2;
    }
    return window <= WINDOW_UNTOLD ? 0 : window < most ? window : most;
}

static bool make_body(struct call *call, int64_t clamp, struct error *error)
{
    struct attempt *attempt = &call->attempt;
    const struct provider *provider = attempt->provider;
    bool may_ask = (provider->quirks & QUIRK_NO_STREAM_OPTIONS) == 0;
    struct request_change change = {
        .model = attempt->model,
        .model_json = attempt->called
                          ? SLICE_EMPTY
                          : runtime_target(call->snapshot, attempt->target)->model_json,
        .clamp_max_tokens = clamp,
        .window = window_of(call),
        .add_usage = call->streamed && !call->include_usage && may_ask,
        .drop_routing = (provider->quirks & QUIRK_ROUTING_FIELDS) == 0,
        .replay_reasoning = (provider->quirks & QUIRK_REPLAY_REASONING) != 0,
        .reasons = (attempt->target->capabilities & CAPABILITY_REASONING) != 0,
        .reasoning_details = (provider->quirks & QUIRK_REASONING_DETAILS) != 0,
        .cache_marks = (provider->quirks & QUIRK_CACHE_MARKS) != 0,
        .default_max_tokens = attempt->target->output_tokens,
        .recall = opaque_recall,
        .recall_user = call,
        .max_completion_tokens = (provider->quirks & QUIRK_MAX_COMPLETION_TOKENS) != 0,
    };
    attempt->fragile = call->streamed ? fragile_client(http_exchange_request(call->exchange)) : 0;
    attempt->hide_usage = change.add_usage && (attempt->fragile & FRAGILE_USAGE_ASKED) == 0;
    if (attempt->lane == LANE_TRANSLATE) {
        if (call->streamed && may_ask) {
            change.add_usage = true;
        }
        return write_body(call, &change, error);
    }
    size_t edits = 0;
    if (!attempt->back->edit_request(&call->chat, &change, &attempt->body, &edits)) {
        return error_set(error, ERROR_LIMIT, "request_too_large",
                         "The request is too large to edit.");
    }
    if (edits == 0) {
        attempt->lane = LANE_VERBATIM;
        buf_clear(&attempt->body);
    }
    return true;
}

/* The journal has it before the first upstream byte. */
static bool take_hold(struct call *call, const struct attempt_bound *bound)
{
    struct attempt *attempt = &call->attempt;
    attempt->hold_nd = bound->amount_nd;
    attempt->open = attempt_journal_hold(call);
    if (!attempt->open) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
        attempt->open = attempt->unjournaled = call->snapshot->ledger_allows_full;
    }
    return attempt->open;
}

/* True: what is left of the call's time is shorter than the timeout, and takes its place. */
static bool shorten(uint64_t *timeout_ms, int64_t left_ms)
{
    uint64_t left = left_ms < 1 ? 1 : (uint64_t)left_ms;
    bool shorter = *timeout_ms == 0 || left < *timeout_ms;
    *timeout_ms = shorter ? left : *timeout_ms;
    return shorter;
}

/* The provider's, but no better answer than the one that is there is waited for longer than the
 * call may take; a stream that may begin early has to do that in time, not to end. */
static struct upstream_timeouts timeouts_of(struct call *call)
{
    const struct provider *provider = call->attempt.provider;
    struct upstream_timeouts timeouts = {.connect = (uint64_t)provider->timeouts.connect,
                                         .first_byte = (uint64_t)provider->timeouts.first_byte,
                                         .idle = (uint64_t)provider->timeouts.idle,
                                         .total = (uint64_t)provider->timeouts.total};
    int64_t left_ms = call_check_patience_ms(call);
    if (left_ms == INT64_MAX) {
        return timeouts;
    }
    bool early = call->streamed && call->check->escalation->stream == STREAM_EARLY;
    if (shorten(early ? &timeouts.first_byte : &timeouts.total, left_ms)) {
        call->attempt.hurried =
            upstream_failure_name(early ? UPSTREAM_FIRST_BYTE_TIMEOUT : UPSTREAM_TOTAL_TIMEOUT);
    }
    return timeouts;
}

/* All but the sending: a request that cannot be made must not have a hold. */
static bool make_request(struct call *call, struct error *error)
{
    struct attempt *attempt = &call->attempt;
    attempt->request = (struct upstream_request){
        .origin = runtime_origin(call->snapshot, attempt->target->provider),
        .body = attempt->lane == LANE_VERBATIM ? call->chat.body : buf_slice(&attempt->body),
        .timeouts = timeouts_of(call),
        .body_limit = 256u << 20,
        .ops = &attempt_upstream_ops,
        .user = call,
    };
    return attempt_request_head(call, &attempt->request, error);
}

static void send_request(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    attempt->upstream_open = true;
    FAULT_POINT("call.before_send");
    upstream_send(call->worker->upstream, &attempt->request);
    if (call->tries == 1) {
        histogram_add(&call->worker->metrics.overhead, METRICS_OVERHEAD_FIRST_NS,
                      attempt->request.started_ns - call->started_ns);
    } else {
        metric_add(&call->worker->metrics.fallbacks, 1);
    }
}

static bool loses(const struct attempt *attempt, struct slice name)
{
    struct slice rest = slice_of(attempt->loss.text, attempt->loss.len);
    while (rest.len > 0) {
        if (slice_eq(slice_cut(&rest, ','), name)) {
            return true;
        }
    }
    return false;
}

/* What costs a multiple of the target's price would be held and charged at the price: no cap could
 * be kept. */
static bool is_priced(const struct call *call, struct error *error)
{
    const struct attempt *attempt = &call->attempt;
    const struct price *price = &attempt->target->price;
    struct slice member = chat_dear_service(&call->chat, attempt->lane != LANE_TRANSLATE);
    if (LIKELY(member.len == 0) || !price->known || price_is_free(price) ||
        (attempt->lane == LANE_TRANSLATE && loses(attempt, member))) {
        return true;
    }
    error_set(error, ERROR_UNSUPPORTED, "service_unpriced",
              "The price of the target %.*s is that of the usual service, not of what %.*s asks "
              "for.",
              SLICE_ARG(attempt->target->name), SLICE_ARG(member));
    error_at(error, "/%.*s", SLICE_ARG(member));
    return false;
}

/* Lane, body and head, or why this target cannot be asked. */
static bool prepare(struct call *call, int64_t clamp, struct error *error)
{
    struct attempt *attempt = &call->attempt;
    if (!choose_lane(call)) {
        return error_set(error, ERROR_UNSUPPORTED, "untranslatable",
                         "The provider %.*s has no word for what is asked.",
                         SLICE_ARG(attempt->provider->name));
    }
    if (attempt->lane == LANE_TRANSLATE && call->chat.previous.len > 0) {
        error_set(error, ERROR_INVALID, "previous_response_not_found",
                  "No answer with this id is kept here.");
        error_at(error, "/previous_response_id");
        return false;
    }
    if (!make_body(call, clamp, error)) {
        return error->kind == ERROR_NONE &&
               error_set(error, ERROR_LIMIT, "request_too_large",
                         "The request needs more memory than one call may use.");
    }
    if (attempt->loss.count > 0 && call->decision->strict) {
        return error_set(error, ERROR_UNSUPPORTED, "lossy_translation",
                         "x-sluice-strict: this target's dialect cannot carry %.*s.",
                         (int)attempt->loss.len, attempt->loss.text);
    }
    return is_priced(call, error) && make_request(call, error);
}

/* A limit of this target alone leaves the next one of the plan, and the call is refused by it only
 * where there is none. */
static enum call_step hold_refused(struct call *call, const struct budget_refusal *refusal)
{
    call_attempt_undo(call);
    if (!refusal->of_target) {
        return call_budget_refuse(call, refusal);
    }
    call_wait_over(call);
    call_note_limited(call, refusal);
    return STEP_ATTEMPT;
}

/* The request is made: its worst case is held, and off it goes. */
enum call_step call_take_hold(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct budget_refusal refusal;
    struct attempt_bound bound;
    struct error error;
    error_clear(&error);
    attempt_bound(call, attempt->clamp, &bound);
    if (!call_budget_hold(call, &bound, &refusal)) {
        if (refusal.leasable) {
            return call_wait(call, STEP_HOLD);
        }
        return hold_refused(call, &refusal);
    }
    attempt->decoder = call_take_decoder(call, attempt->back);
    if (attempt->decoder == NULL || !take_hold(call, &bound)) {
        call_budget_release(call);
        error_set(&error, ERROR_ENVIRONMENT, "ledger_full",
                  "The ledger cannot take another record; calls are refused until it can.");
        return call_attempt_impossible(call, &error);
    }
    send_request(call);
    return STEP_STREAM;
}

static enum call_step begin(struct call *call, const struct plan_entry *entry, int64_t affordable)
{
    struct attempt *attempt = &call->attempt;
    struct error error;
    error_clear(&error);
    attempt->target = &call->snapshot->policy.targets[entry->target];
    attempt->provider = &call->snapshot->providers[attempt->target->provider];
    attempt->model = decide_model(call->snapshot, call->decision, entry->target);
    attempt->called = attempt->model.ptr != attempt->target->model.ptr;
    attempt->number = ++call->attempts;
    attempt->success_permille = entry->success_permille;
    call_check_attempt(call);
    call->tries++;
    call->expected_cost_nd = entry->expected_cost_nd;
    call_forecast_begin(call, entry);
    health_begin(attempt->target->health);
    int64_t clamp = clamp_of(call, attempt->target, affordable);
    call_budget_target(call);
    clamp = call_budget_clamp(call, attempt->target, clamp);
    if (!prepare(call, clamp, &error)) {
        return call_attempt_impossible(call, &error);
    }
    attempt->clamp = clamp;
    return call_take_hold(call);
}

enum call_step call_attempt(struct call *call)
{
    int64_t affordable = 0;
    bool probe = false;
    const struct plan_entry *entry = next_entry(call, &affordable, &probe);
    if (entry == NULL) {
        return call_plan_exhausted(call);
    }
    if (call->attempt.number > 0) { /* the call's first finds all as the call before has left it */
        attempt_reset(call);
    }
    call->attempt.probe = probe;
    return begin(call, entry, affordable);
}
