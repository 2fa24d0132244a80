/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_budget.h"

#include "gateway/attempt_run.h"
#include "gateway/call_wait.h"
#include "gateway/gateway_budget.h"
#include "model/tokenizers.h"

#include "base/log.h"
#include "dialect/outside.h"

#include <stdio.h>

/* A client that is told to wait longer is told not to try again by itself. */
#define PATIENCE_MS 60000
#define AWAY_RETRY_MS 2000

/* A token says itself what its subject belongs to. */
static void payer_of(const struct key_set *keys, const struct key *key, const struct token *token,
                     struct budget_payer *payer)
{
    size_t count = 0;
    const struct scope_rule *rules = key_set_rules(keys, &count);
    *payer = (struct budget_payer){.generation = gateway_budget_generation(keys)};
    for (unsigned kind = 0; kind < SCOPE_KINDS; kind++) {
        uint64_t scope = token == NULL ? key->scopes[kind] : token->subject.scopes[kind];
        struct rule_range range = token == NULL || kind == SCOPE_KEY
                                      ? key->rules[kind]
                                      : key_set_scope_rules(keys, (enum scope_kind)kind, scope);
        payer->scopes[kind] = scope;
        payer->rules[kind] = rules + range.first;
        payer->rule_counts[kind] = range.count;
    }
}

/* --- what the client is told --- */

static const char *scope_words(const struct budget_refusal *refusal)
{
    static const char *const words[SCOPE_KINDS] = {
        [SCOPE_KEY] = "this key",
        [SCOPE_USER] = "this key's user",
        [SCOPE_TEAM] = "this key's team",
        [SCOPE_ORGANISATION] = "this key's organisation",
    };
    return words[refusal->kind];
}

static void append_period(struct buf *out, const struct budget_refusal *refusal)
{
    static const char *const words[CAP_PERIODS] = {
        [CAP_TOTAL] = " in total",
        [CAP_DAY] = " a day",
        [CAP_WEEK] = " a week",
        [CAP_MONTH] = " a month",
    };
    if (refusal->period == CAP_ROLLING) {
        buf_printf(out, " in any %lld seconds", (long long)refusal->window_s);
    } else {
        buf_append_cstr(out, words[refusal->period]);
    }
}

static void append_money(struct buf *out, int64_t nd)
{
    buf_append_char(out, '$');
    money_format(out, nd);
}

static void append_reset(struct buf *out, int64_t ms)
{
    if (ms >= 0) {
        buf_printf(out, " Try again in %lld s.", (long long)((ms + 999) / 1000));
    }
}

/* A limit is told to those that it is set for, so its name is no secret of others. */
static void append_model(struct buf *out, const struct budget_refusal *refusal)
{
    if (refusal->model != NULL) {
        buf_printf(out, " for %s", refusal->model);
    }
}

static void describe_money(struct buf *out, const struct budget_refusal *refusal)
{
    bool cap = refusal->limit == BUDGET_CAP;
    buf_append_cstr(out, cap ? "The cap of " : "A call may cost ");
    append_money(out, refusal->allowed);
    if (cap) {
        append_period(out, refusal);
    } else {
        buf_append_cstr(out, " at most");
    }
    buf_printf(out, " of %s", scope_words(refusal));
    append_model(out, refusal);
    buf_append_cstr(out, cap ? " has no room: " : ": ");
    append_money(out, refusal->used);
    buf_append_cstr(out, cap ? " is spent or held, and this call may cost "
                             : " is spent on it so far, and the next attempt may cost ");
    append_money(out, refusal->wanted);
    buf_append_cstr(out, ".");
}

static void describe(struct buf *out, const struct budget_refusal *refusal)
{
    static const char *const units[BUDGET_LIMITS] = {
        [BUDGET_REQUESTS] = "requests per minute",
        [BUDGET_TOKENS] = "tokens per minute",
        [BUDGET_PARALLEL] = "calls at the same time",
    };
    if (refusal->away) {
        buf_printf(
            out,
            "The nodes of this gateway share the limits of %s, and who grants them cannot be "
            "reached; what this node was granted is used up.",
            scope_words(refusal));
    } else if (refusal->limit == BUDGET_BLOCKED) {
        buf_append_cstr(out, "A provider charged more for a call of this key than could be "
                             "foreseen; the key is blocked until that is acknowledged.");
    } else if (units[refusal->limit] == NULL) {
        describe_money(out, refusal);
    } else {
        buf_printf(out, "The limit of %lld %s of %s", (long long)refusal->allowed,
                   units[refusal->limit], scope_words(refusal));
        append_model(out, refusal);
        buf_printf(out, " is reached: %lld used, %lld wanted.", (long long)refusal->used,
                   (long long)refusal->wanted);
    }
    append_reset(out, refusal->away ? AWAY_RETRY_MS : refusal->reset_ms);
}

static const char *code_of(const struct budget_refusal *refusal)
{
    static const char *const codes[BUDGET_LIMITS] = {
        [BUDGET_CAP] = "cap_exceeded",        [BUDGET_CALL_COST] = "call_cost_exceeded",
        [BUDGET_REQUESTS] = "rate_limited",   [BUDGET_TOKENS] = "rate_limited",
        [BUDGET_PARALLEL] = "parallel_limit", [BUDGET_BLOCKED] = "key_blocked",
    };
    return refusal->away ? "authority_away" : codes[refusal->limit];
}

static const struct rate_limits no_rates = {
    .requests = {-1, -1, -1},
    .tokens = {-1, -1, -1},
    .input_tokens = {-1, -1, -1},
    .output_tokens = {-1, -1, -1},
};

/* A refused rate is told in headers as it is. */
static void note_rate(struct call *call, const struct budget_refusal *refusal)
{
    struct rate_limit *limit = refusal->limit == BUDGET_REQUESTS ? &call->own_limits.requests
                               : refusal->limit == BUDGET_TOKENS ? &call->own_limits.tokens
                                                                 : NULL;
    if (limit != NULL) {
        if (!call->own_limited) {
            call->own_limits = no_rates;
        }
        int64_t left = refusal->allowed - refusal->used;
        *limit = (struct rate_limit){refusal->allowed, left > 0 ? left : 0, refusal->reset_ms};
        call->own_limited = true;
    }
}

enum call_step call_budget_refuse(struct call *call, const struct budget_refusal *refusal)
{
    struct buf text = BUF_INIT(1024);
    int64_t ms = refusal->away ? AWAY_RETRY_MS : refusal->reset_ms;
    call->attempt.retry_after_ms = ms;
    call->attempt.retry = ms >= 0 && ms <= PATIENCE_MS ? RETRY_YES : RETRY_NO;
    call->attempt.limits = SLICE_EMPTY;
    if (!refusal->away) {
        note_rate(call, refusal);
    }
    describe(&text, refusal);
    bool money =
        !refusal->away && (refusal->limit == BUDGET_CAP || refusal->limit == BUDGET_CALL_COST);
    if (money && call->chat.max_tokens <= 0 && refusal->wanted > 0) {
        buf_append_cstr(&text, " A request that limits its output needs less room.");
    }
    unsigned outside = money && refusal->wanted > 0 ? chat_outside(&call->chat) : 0;
    if (outside != 0) {
        buf_printf(&text,
                   " It asks for %s, input that it does not contain: the model's whole context "
                   "window is reckoned with.",
                   outside_words(outside));
    }
    const struct fail_words words = {.message = buf_slice(&text)};
    int status = refusal->away ? 503 : refusal->limit == BUDGET_BLOCKED ? 403 : 429;
    enum call_step next = call_fail_words(call, status, code_of(refusal), &words);
    buf_release(&text);
    return next;
}

/* --- entering --- */

enum call_step call_budget_enter(struct call *call, const struct key *key)
{
    struct budget_payer payer;
    struct budget_refusal refusal;
    payer_of(call->worker->keys, key, call->token, &payer);
    memcpy(call->scopes, payer.scopes, sizeof(call->scopes));
    call_wait_prepare(call);
    if (!budget_enter(call->worker->gateway->budget, &payer, &call->claim, &refusal)) {
        return refusal.leasable ? call_wait(call, STEP_ADMIT) : call_budget_refuse(call, &refusal);
    }
    call_wait_over(call);
    return STEP_READ;
}

bool call_budget_model(struct call *call, enum call_step *ret_step)
{
    struct budget_payer payer;
    struct budget_refusal refusal;
    if (!call->claim.entered) {
        return true;
    }
    const struct key_set *keys = call->worker->keys;
    const struct key *key = key_set_by_id(keys, call->key_id);
    if (key == NULL) {
        return true; /* its rules are gone with it; what it entered with still holds */
    }
    payer_of(keys, key, call->token, &payer);
    if (memcmp(payer.scopes, call->scopes, sizeof(payer.scopes)) != 0) {
        return true; /* it was moved meanwhile: the call pays for what it entered as */
    }
    call->targets_limited = budget_payer_names(&payer);
    call_wait_prepare(call);
    if (!budget_enter_model(call->worker->gateway->budget, &payer, call->limited_route,
                            &call->claim, &refusal)) {
        *ret_step =
            refusal.leasable ? call_wait(call, STEP_MODEL) : call_budget_refuse(call, &refusal);
        return false;
    }
    call_wait_over(call);
    return true;
}

unsigned call_budget_pressure(struct call *call)
{
    const struct route *route = call->decision->route;
    return budget_pressure(call->worker->gateway->budget, &call->claim,
                           route != NULL && route->pace);
}

unsigned caller_budget_pressure(struct worker *worker, const struct caller *caller,
                                const struct route *route)
{
    struct budget_payer payer;
    if (caller->key == NULL) {
        return 0;
    }
    payer_of(worker->keys, caller->key, caller->token, &payer);
    return budget_pressure_of(worker->gateway->budget, &payer,
                              route == NULL ? SLICE_EMPTY : route->name,
                              route != NULL && route->pace);
}

static struct rate_limit told_rate(const struct budget_rate *rate)
{
    return rate->limit == LIMIT_NONE
               ? (struct rate_limit){-1, -1, -1}
               : (struct rate_limit){rate->limit, rate->remaining, rate->reset_ms};
}

/* With the first hold: what then is left. */
static void tell_rates(struct call *call)
{
    struct budget_rate requests;
    struct budget_rate tokens;
    if (!call->claim.rated || call->chat.operation == OPERATION_TOKEN_COUNT) {
        return;
    }
    budget_rates(call->worker->gateway->budget, &call->claim, &requests, &tokens);
    call->own_limits = no_rates;
    call->own_limits.requests = told_rate(&requests);
    call->own_limits.tokens = told_rate(&tokens);
    call->own_limited = requests.limit != LIMIT_NONE || tokens.limit != LIMIT_NONE;
}

void call_budget_leave(struct call *call)
{
    struct budget *budget = call->worker->gateway->budget;
    if (!call->claim.entered) {
        return;
    }
    if (call->attempt.budget.open) { /* the attempt was never settled: it counts as held */
        call->attempt.budget.tokens_used = call->attempt.budget.tokens;
        call->tokens_used += call->attempt.budget.tokens;
        budget_settle(budget, &call->claim, &call->attempt.budget, call->attempt.budget.amount_nd);
    }
    budget_leave(budget, &call->claim, call->tokens_used);
}

/* --- attempts --- */

/* A target's name, and what its provider calls it: a limit may use either. */
#define TARGET_TEXT_SIZE (2 * SCOPE_NAME_SIZE)
struct target_names {
    struct slice names[BUDGET_TARGET_NAMES];
    char text[TARGET_TEXT_SIZE];
};

static void name_target(const struct target *target, struct target_names *ret_names)
{
    int len = snprintf(ret_names->text, sizeof(ret_names->text), "%.*s/%.*s",
                       SLICE_ARG(target->provider_name), SLICE_ARG(target->model));
    bool fits = len > 0 && len < SCOPE_NAME_SIZE; /* names of limits do */
    ret_names->names[0] = target->name;
    ret_names->names[1] = fits ? slice_of(ret_names->text, (size_t)len) : SLICE_EMPTY;
}

/* False: no limit names a target. */
static bool payer_of_call(const struct call *call, struct budget_payer *ret_payer)
{
    const struct key_set *keys = call->worker->keys;
    const struct key *key = call->targets_limited ? key_set_by_id(keys, call->key_id) : NULL;
    if (key == NULL) {
        return false;
    }
    payer_of(keys, key, call->token, ret_payer);
    return memcmp(ret_payer->scopes, call->scopes, sizeof(call->scopes)) == 0;
}

static void limits_at(const struct call *call, const struct target *target,
                      struct budget_target_limits *ret_limits)
{
    struct target_names names;
    struct budget_payer payer;
    *ret_limits = (struct budget_target_limits){.capped = false};
    if (payer_of_call(call, &payer)) {
        name_target(target, &names);
        budget_target_limits(&payer, names.names, ret_limits);
    }
}

void call_budget_target(struct call *call)
{
    limits_at(call, call->attempt.target, &call->attempt.target_limits);
}

bool call_budget_capped(const struct call *call)
{
    return call->claim.capped || call->attempt.target_limits.capped;
}

bool call_budget_take(struct call *call, const struct target *target, struct budget_want want,
                      struct budget_hold *ret_hold, struct budget_refusal *ret_refusal)
{
    struct target_names names;
    struct budget_payer payer;
    if (payer_of_call(call, &payer)) {
        name_target(target, &names);
        memcpy(want.target, names.names, sizeof(want.target));
        want.payer = &payer;
    }
    return budget_hold(call->worker->gateway->budget, &call->claim, &want, ret_hold, ret_refusal);
}

int64_t call_budget_clamp(const struct call *call, const struct target *target, int64_t clamp)
{
    int64_t wanted = call->chat.max_tokens;
    int64_t model = target->output_tokens > 0 ? target->output_tokens : target->context_tokens;
    bool counts =
        call_budget_capped(call) || call->claim.metered || call->attempt.target_limits.metered;
    if (!counts || wanted > 0 || call->chat.operation == OPERATION_EMBEDDING ||
        call->chat.operation == OPERATION_TOKEN_COUNT) {
        return clamp;
    }
    int64_t ceiling = call->snapshot->caps.output_tokens;
    if (ceiling == 0 && model == 0) {
        ceiling = ATTEMPT_OUTPUT_UNKNOWN;
    }
    bool lower = ceiling > 0 && (model == 0 || ceiling < model);
    return lower && (clamp == 0 || ceiling < clamp) ? ceiling : clamp;
}

/* Models that think make output that no event shows, unless they are told not to. */
static bool may_hide(const struct call *call)
{
    const struct chat *chat = &call->chat;
    bool off = chat->thinking == THINKING_OFF || chat->thinking_budget == 0 ||
               slice_eq(chat->reasoning_effort, SLICE("none"));
    bool thinks = (call->attempt.target->capabilities & CAPABILITY_REASONING) != 0;
    const unsigned made = PRICE_MEDIA(PRICE_AUDIO_OUTPUT) | PRICE_MEDIA(PRICE_IMAGE_OUTPUT);
    return (thinks && !off) || (call->attempt.media & made) != 0;
}

/* What it will probably take, where nothing cuts it. */
static int64_t expected_tokens(const struct call *call, const struct attempt_bound *bound)
{
    int64_t output = call->chat.max_tokens > 0 ? call->chat.max_tokens
                                               : call->decision->plan.expected_output_tokens;
    output = output < bound->output ? output : bound->output;
    return bound->input == 0 ? 0 : call->tokens.expected + output;
}

bool call_budget_hold(struct call *call, const struct attempt_bound *bound,
                      struct budget_refusal *ret_refusal)
{
    struct attempt *attempt = &call->attempt;
    attempt->input_bound = bound->input;
    attempt->output_bound = bound->output;
    attempt->output_asked = bound->output;
    attempt->seen_next = bound->output;
    attempt->media = bound->media;
    attempt->hides = may_hide(call);
    const struct budget_want want = {
        .amount_nd = bound->amount_nd,
        .tokens = bound->input + bound->output,
        .expected_tokens = expected_tokens(call, bound),
    };
    call_wait_prepare(call);
    bool held = call_budget_take(call, attempt->target, want, &attempt->budget, ret_refusal);
    if (held) {
        call_wait_over(call);
        tell_rates(call);
    }
    call->claim.patient = false; /* whoever holds besides does not wait */
    return held;
}

void call_budget_release(struct call *call)
{
    budget_settle(call->worker->gateway->budget, &call->claim, &call->attempt.budget, 0);
}

const struct tokenizer *call_budget_tokenizer(const struct call *call)
{
    return call_budget_vocabulary(call, call->attempt.target);
}

const struct tokenizer *call_budget_vocabulary(const struct call *call, const struct target *target)
{
    unsigned encoding = target->encoding;
    struct tokenizers *tokenizers = call->snapshot->policy.tokenizers;
    return encoding == 0 || tokenizers == NULL
               ? NULL
               : tokenizers_get(tokenizers, (enum token_encoding)(encoding - 1), false);
}

/* The journal has the larger hold before the bytes that it is for go on. */
static bool journal_extension(struct call *call)
{
    if (attempt_journal_hold(call)) {
        call->attempt.unjournaled = false;
        return true;
    }
    metric_add(&call->worker->metrics.ledger_refused, 1);
    call->attempt.unjournaled = call->snapshot->ledger_allows_full;
    return call->attempt.unjournaled;
}

static bool extend_by(struct call *call, int64_t more, struct budget_refusal *ret_refusal)
{
    struct attempt *attempt = &call->attempt;
    int64_t bound = attempt->output_bound;
    int64_t more_nd = attempt_most_nd(call, attempt->input_bound, bound + more) -
                      attempt_most_nd(call, attempt->input_bound, bound);
    call_wait_prepare(call);
    bool extended = budget_extend(call->worker->gateway->budget, &call->claim, more_nd,
                                  &attempt->budget, ret_refusal);
    call->claim.patient = false;
    if (!extended) {
        return false;
    }
    call_wait_over(call);
    attempt->output_bound += more;
    attempt->asked_ahead = false;
    ret_refusal->leasable = false;
    return journal_extension(call);
}

/* Room for so many tokens, and some more where the cap has it. False: *ret_refusal. */
static bool extend(struct call *call, int64_t tokens, struct budget_refusal *ret_refusal)
{
    const struct attempt *attempt = &call->attempt;
    int64_t needed = tokens > attempt->output_bound ? tokens - attempt->output_bound : 0;
    int64_t ahead = attempt->output_asked / 4 + 64; /* as it was asked for ahead */
    return extend_by(call, needed > ahead ? needed : ahead, ret_refusal) ||
           (!ret_refusal->leasable && needed > 0 && needed < ahead && !attempt->unjournaled &&
            extend_by(call, needed, ret_refusal));
}

/* What came, at least; *ret_most: and at most. */
static int64_t count_seen(struct call *call, int64_t *ret_most)
{
    struct attempt *attempt = &call->attempt;
    const struct usage *usage = &attempt->meter.usage;
    int64_t reported = usage->reported ? usage->output : 0;
    struct seen_count count;
    seen_count(&attempt->seen, call_budget_tokenizer(call), &count);
    *ret_most = count.most > reported ? count.most : reported;
    return count.least > reported ? count.least : reported;
}

enum stream_room call_budget_stream(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    const struct usage *usage = &attempt->meter.usage;
    struct budget_refusal refusal = {.leasable = false};
    int64_t bound = attempt->output_bound;
    int64_t reported = usage->reported ? usage->output : 0;
    bool shares = call->worker->lease_wait_ns > 0;
    bool ahead = shares && !attempt->asked_ahead &&
                 (attempt->seen.events > bound - bound / 4 || reported > bound - bound / 4);
    int64_t most;
    if (!call_budget_capped(call) || !attempt->budget.open ||
        (attempt->seen.bytes <= attempt->seen_next && reported <= bound && !ahead)) {
        return STREAM_FITS;
    }
    int64_t least = count_seen(call, &most);
    if (least <= bound) {
        attempt->seen_next = attempt->seen.bytes + (bound - least);
        attempt->asked_ahead = attempt->asked_ahead || ahead;
        if (ahead) { /* so that the lease is here when it is needed */
            (void)!extend(call, least, &refusal);
        }
        return STREAM_FITS;
    }
    if (most <= bound || extend(call, most, &refusal)) {
        attempt->seen_next = attempt->seen.bytes;
        return STREAM_FITS;
    }
    attempt->capped = !refusal.leasable;
    return refusal.leasable ? STREAM_WAITS : STREAM_CUT;
}

enum call_step call_budget_cut(struct call *call)
{
    return call_fail(call, 429, "cap_exceeded", NULL,
                     "The provider %.*s sent more than it was asked for, and a cap of this key has "
                     "no room for the rest: the answer was cut here.",
                     SLICE_ARG(call->attempt.provider->name));
}

bool call_budget_compare(struct call *call, const struct target *target, int64_t held_nd,
                         int64_t cost_nd, bool surely)
{
    if (cost_nd <= held_nd) {
        return false;
    }
    struct budget_target_limits limits;
    limits_at(call, target, &limits);
    metric_add(&call->worker->metrics.overruns, 1);
    if (call->key_id == 0) {
        return false;
    }
    const struct overrun overrun = {.call = call->id,
                                    .key_id = call->key_id,
                                    .target = target->name,
                                    .held_nd = held_nd,
                                    .cost_nd = cost_nd,
                                    .blocks = (call->claim.capped || limits.capped) && surely};
    gateway_budget_overrun(call->worker->gateway, &overrun);
    return overrun.blocks;
}

void call_budget_unkept(struct call *call)
{
    gateway_budget_unkept(call->worker->gateway, call->key_id);
}

bool call_budget_settle(struct call *call, int64_t cost_nd, bool reported)
{
    bool blocks = false;
    struct attempt *attempt = &call->attempt;
    const struct usage *usage = &attempt->meter.usage;
    call_wait_end(call); /* as a stream may */
    call->tokens_used += usage->input + usage->output;
    attempt->budget.tokens_used = usage->input + usage->output;
    if (reported || call_budget_capped(call)) {
        blocks = call_budget_compare(call, attempt->target, attempt->hold_nd, cost_nd,
                                     reported || attempt->untrue);
    }
    budget_settle(call->worker->gateway->budget, &call->claim, &attempt->budget, cost_nd);
    return blocks;
}

void call_budget_scopes(const struct call *call, const struct budget_hold *hold,
                        char names[BUDGET_NAMES_SIZE], struct hold_record *record)
{
    memcpy(record->scopes, call->scopes, sizeof(record->scopes));
    record->limited_model = slice_of(names, budget_hold_names(&call->claim, hold, names));
}
