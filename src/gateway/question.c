/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/question.h"

#include "codec/json_follow.h"
#include "codec/json_write.h"
#include "gateway/attempt_request.h"
#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"
#include "gateway/call_offers.h"
#include "gateway/call_record.h"
#include "gateway/runtime.h"
#include "route/feasible.h"

#include "base/fault.h"

#define QUESTION_MAGIC 0x51554553u
#define ANSWER_BYTES_MAX (64u << 10)
#define PATH_BYTES_MAX ((size_t)16 << 10)
#define BODY_BYTES_MAX ((size_t)512 << 10)

struct question {
    uint32_t magic;
    struct call *call;
    question_done *done;
    struct upstream_request request;
    struct buf body;
    struct buf answer;
    int status;
    int64_t answer_tokens;
    const struct target *target;
    const struct provider *provider;
    const struct dialect *dialect;
    struct decoder *decoder;
    struct seen seen; /* of the answer */
    bool untrue;      /* beyond doubt it is longer than was asked for */
    bool held;
    int64_t hold_nd;
    struct budget_hold budget;
    uint32_t number;
};

static void release(struct question *c)
{
    buf_release(&c->body);
    buf_release(&c->answer);
    seen_release(&c->seen);
    if (c->decoder != NULL) {
        c->dialect->decoder_free(c->decoder);
    }
    c->magic = 0;
    c->call->question = NULL;
}

/* Did the provider work for it, for all we know? It may where it has all of it and has not refused
 * it, as with attempts. */
static bool is_spent(const struct question *c)
{
    return c->request.sent_whole && c->status < 300;
}

/* As many as were asked for, or what came, where that is more. */
static int64_t most_output(struct question *c)
{
    struct seen_count count;
    seen_count(&c->seen, call_budget_vocabulary(c->call, c->target), &count);
    c->untrue = count.sure > c->answer_tokens;
    return count.least > c->answer_tokens ? count.most : c->answer_tokens;
}

/* What is charged where nobody reported anything: under a hard cap all that was held, or that came;
 * else what was visible. Says what it is. */
static enum charge_basis estimate_usage(struct question *c, struct usage *usage)
{
    if (usage->reported) {
        return CHARGE_PRICE;
    }
    if (!is_spent(c)) {
        return CHARGE_NOTHING;
    }
    if (c->call->claim.capped || c->budget.count > 0) {
        usage->input = (int64_t)c->body.len;
        usage->output = most_output(c);
        return CHARGE_MOST;
    }
    usage->input = (int64_t)(c->body.len / 4) + 1;
    usage->output = (int64_t)(c->answer.len / 4) < c->answer_tokens ? (int64_t)(c->answer.len / 4)
                                                                    : c->answer_tokens;
    return CHARGE_PRICE;
}

/* Fills in the cost and what it is made of. */
static void price_attempt(const struct question *c, enum charge_basis basis,
                          struct settle_record *record)
{
    const struct usage *usage = &record->usage;
    const struct policy *policy = &c->call->snapshot->policy;
    struct price price = policy_price(policy, c->target);
    bool told = usage->has_provider_cost && (c->provider->quirks & QUIRK_REPORTS_COST) != 0;
    int64_t priced_nd = basis == CHARGE_NOTHING ? 0
                        : basis == CHARGE_MOST
                            ? price_bound(&price, usage->input, usage->output, 0)
                            : policy_cost(policy, c->target, usage);
    record->offer = call_offer(c->call, c->target);
    record->purpose = ATTEMPT_FOR_JUDGE;
    record->basis = told ? CHARGE_PROVIDER : basis;
    record->cost_nd = told ? usage->provider_cost_nd : priced_nd;
    record->catalogue_nd = told && c->target->price.known ? priced_nd : RECORD_NO_CATALOGUE;
    if (record->catalogue_nd >= 0) {
        target_state_told(c->call->snapshot, c->target, record->cost_nd, record->catalogue_nd);
    }
}

/* Time boxes of a classifier are far shorter than a target's own deadlines: running out of one says
 * nothing about the target. */
static enum health_outcome health_of(const struct question *c, enum attempt_outcome outcome,
                                     const char *error)
{
    if (outcome == ATTEMPT_OK) {
        return HEALTH_OK;
    }
    if (outcome == ATTEMPT_CANCELLED || strstr(error, "timeout") != NULL) {
        return HEALTH_CANCELLED;
    }
    switch (c->status) {
    case 429:
    case 529:
        return HEALTH_OVERLOADED;
    case 401:
    case 402:
    case 403:
        return HEALTH_FATAL;
    default:
        return c->status >= 400 && c->status < 500 ? HEALTH_REJECTED : HEALTH_FAILED;
    }
}

static void record_health(const struct question *c, enum health_outcome outcome,
                          const struct settle_record *settle)
{
    struct target_state *state = target_state_of(c->target);
    struct health_sample sample = {
        .outcome = outcome,
        .now_ns = clock_monotonic(c->call->worker->loop.clock),
        .first_byte_ms = -1,
        .total_ms = -1,
        .input_tokens = settle->usage.input,
        .output_tokens = settle->usage.output,
        .cost_nd = settle->cost_nd,
    };
    health_record(&state->health, &sample);
    metric_add_shared(&state->outcomes[settle->outcome], 1);
}

/* The attempt's charge when a target classified. */
static void settle(struct question *c, enum attempt_outcome outcome, const struct usage *reported,
                   const char *error)
{
    struct call *call = c->call;
    if (!c->held) {
        return;
    }
    c->held = false;
    struct usage usage = *reported;
    enum charge_basis basis = estimate_usage(c, &usage);
    struct settle_record record = {
        .call = call->id,
        .attempt = c->number,
        .wall_ns = clock_wall(call->worker->loop.clock),
        .released_nd = c->hold_nd,
        .key_id = call->key_id,
        .outcome = outcome,
        .status = c->status,
        .usage = usage,
        .priced = c->target->price.known,
        .first_byte_us = -1,
        .total_us = (clock_monotonic(call->worker->loop.clock) - c->request.started_ns) / NS_PER_US,
        .target = c->target->name,
        .provider = c->target->provider_name,
        .model = c->target->model,
        .lane = SLICE("translate"),
        .error = slice_from_cstr(error),
    };
    price_attempt(c, basis, &record);
    call->cost_nd = money_add(call->cost_nd, record.cost_nd);
    call->tokens_used += usage.input + usage.output;
    c->budget.tokens_used = usage.input + usage.output;
    bool told = usage.reported || usage.has_provider_cost;
    if (told || basis == CHARGE_MOST) {
        record.blocks = call_budget_compare(call, c->target, c->hold_nd, record.cost_nd,
                                            told || c->untrue);
    }
    budget_settle(call->worker->gateway->budget, &call->claim, &c->budget, record.cost_nd);
    record_health(c, health_of(c, outcome, error), &record);
    struct ledger *ledger = call->worker->gateway->ledger;
    FAULT_POINT("cascade.before_question_settle");
    if (ledger != NULL && !journal_settle(ledger_journal(ledger), &record)) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
        if (record.blocks) {
            call_budget_unkept(call);
        }
    }
    FAULT_POINT("cascade.after_question_settle");
}

static void take_answer(struct question *c, const struct frame *frame, struct buf *text,
                        struct usage *usage)
{
    seen_frame(&c->seen, frame);
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == EVENT_TEXT) {
            (void)!json_unescape(frame->events[i].text, text);
        } else if (frame->events[i].kind == EVENT_USAGE) {
            usage_report(usage, &frame->events[i].usage);
        }
    }
}

/* What was said, if it is an answer at all. */
static void read_answer(struct question *c, struct buf *text)
{
    struct frame frame;
    struct usage usage = {.reported = false};
    if (c->dialect->decode_answer(c->decoder, buf_slice(&c->answer), &frame) != DECODE_FRAME) {
        c->dialect->read_usage(c->decoder, buf_slice(&c->answer), &usage);
        settle(c, ATTEMPT_FAILED, &usage, "malformed_answer");
        return;
    }
    take_answer(c, &frame, text, &usage);
    bool none_in = usage.input == 0 && c->dialect != dialect_of(DIALECT_OLLAMA);
    bool none_out = usage.output == 0 && text->len > 0;
    usage.reported = usage.reported && !none_in && !none_out; /* as of answers: attempt_usage.c */
    settle(c, ATTEMPT_OK, &usage, "");
}

/* The usage that an answer reports of which not all came. */
static void read_part(struct question *c, struct usage *ret_usage)
{
    struct buf text = BUF_INIT(ANSWER_BYTES_MAX);
    struct buf whole = BUF_INIT(ANSWER_BYTES_MAX + 1);
    struct frame frame;
    *ret_usage = (struct usage){.reported = false};
    if (c->status == 200 && json_mend(buf_slice(&c->answer), &whole)) {
        if (c->dialect->decode_answer(c->decoder, buf_slice(&whole), &frame) == DECODE_FRAME) {
            take_answer(c, &frame, &text, ret_usage);
        } else {
            c->dialect->read_usage(c->decoder, buf_slice(&whole), ret_usage);
        }
        ret_usage->reported = ret_usage->reported && ret_usage->output > 0;
    }
    buf_release(&whole);
    buf_release(&text);
}

static struct question *question_of(struct upstream_request *r)
{
    struct question *c = r->user;
    CHECK(c->magic == QUESTION_MAGIC);
    return c;
}

static void finish(struct question *c, struct slice text)
{
    struct call *call = c->call;
    question_done *done = c->done;
    release(c);
    done(call, text);
}

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    question_of(r)->status = head->status;
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    buf_append(&question_of(r)->answer, bytes);
}

static void on_end(struct upstream_request *r)
{
    struct question *c = question_of(r);
    struct usage none = {.reported = false};
    struct buf text = BUF_INIT(ANSWER_BYTES_MAX);
    if (c->status != 200) {
        settle(c, ATTEMPT_FAILED, &none, "http_error");
    } else {
        read_answer(c, &text);
    }
    finish(c, buf_slice(&text));
    buf_release(&text);
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct question *c = question_of(r);
    struct usage usage;
    (void)detail;
    read_part(c, &usage);
    /* The time box is one for all that may take long: which of them it was says nothing. */
    const char *name = upstream_failure_name(failure);
    settle(c, ATTEMPT_FAILED, &usage, strstr(name, "timeout") == NULL ? name : "total_timeout");
    finish(c, SLICE_EMPTY);
}

static const struct upstream_ops question_ops = {
    .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_fail = on_fail};

static void write_message(struct json_writer *w, struct slice role, struct slice text)
{
    json_begin_object(w);
    json_member_string(w, SLICE("role"), role);
    json_member_string(w, SLICE("content"), text);
    json_end_object(w);
}

/* Empty: out of memory. */
static struct slice path_of(const struct question *c, const struct chat *chat, struct arena *arena)
{
    struct buf path = BUF_INIT(PATH_BYTES_MAX);
    bool ok = attempt_path(c->provider, (enum dialect_id)c->provider->default_dialect, chat,
                           c->target->model, &path);
    struct slice copy = ok ? arena_copy(arena, buf_slice(&path)) : SLICE_EMPTY;
    buf_release(&path);
    return copy;
}

/* A request of our own in OpenAI's dialect, read and written again in the target's. */
static bool write_body(struct question *c, const struct question_words *words)
{
    struct arena *arena = &c->call->arena;
    struct buf text = BUF_INIT(BODY_BYTES_MAX);
    struct json_writer w;
    json_writer_init(&w, &text);
    json_begin_object(&w);
    json_member_string(&w, SLICE("model"), c->target->model);
    json_member_int(&w, SLICE("max_tokens"), c->answer_tokens);
    json_key(&w, SLICE("messages"));
    json_begin_array(&w);
    write_message(&w, SLICE("system"), words->instruction);
    write_message(&w, SLICE("user"), words->text);
    json_end_array(&w);
    json_end_object(&w);
    struct chat chat = {.stream = false};
    struct json_doc doc;
    struct error error;
    struct loss loss = {.len = 0};
    struct request_change change = {.model = c->target->model,
                                    .max_completion_tokens =
                                        (c->provider->quirks & QUIRK_MAX_COMPLETION_TOKENS) != 0};
    json_doc_init(&doc);
    bool ok = !text.failed &&
              dialect_of(DIALECT_OPENAI_CHAT)
                  ->read_request(buf_slice(&text), &doc, arena, &chat, &error) &&
              c->dialect->write_request(&chat, &change, &c->body, &loss, &error);
    if (ok) {
        c->request.path = path_of(c, &chat, arena);
        ok = c->request.path.len > 0;
    }
    json_doc_release(&doc);
    buf_release(&text);
    return ok;
}

/* The whole call's limit: what was charged, the answer that is judged, and this question. */
static bool within_budget(const struct call *call, int64_t nd)
{
    const struct decision *decision = call->decision;
    int64_t caller_nd = decision->constraints.max_cost_nd;
    int64_t route_nd = decision->route->max_cost_nd;
    int64_t whole_nd = money_add(money_add(call->cost_nd, attempt_cost_nd(call)), nd);
    return (caller_nd == NO_LIMIT || whole_nd <= caller_nd) &&
           (route_nd == NO_LIMIT || whole_nd <= route_nd);
}

static bool hold(struct question *c)
{
    struct call *call = c->call;
    struct price price = policy_price(&call->snapshot->policy, c->target);
    struct budget *budget = call->worker->gateway->budget;
    struct budget_refusal refusal;
    c->hold_nd = price_bound(&price, (int64_t)c->body.len, c->answer_tokens, 0);
    const struct budget_want want = {.amount_nd = c->hold_nd,
                                     .tokens = (int64_t)c->body.len + c->answer_tokens};
    if (!within_budget(call, c->hold_nd) ||
        !call_budget_take(call, c->target, want, &c->budget, &refusal)) {
        return false; /* the rules are free */
    }
    c->number = call->attempts + 1;
    struct ledger *ledger = call->worker->gateway->ledger;
    struct hold_record record = {.call = call->id,
                                 .attempt = c->number,
                                 .wall_ns = clock_wall(call->worker->loop.clock),
                                 .amount_nd = c->hold_nd,
                                 .key_id = call->key_id,
                                 .target = c->target->name,
                                 .provider = c->target->provider_name,
                                 .model = c->target->model};
    char names[BUDGET_NAMES_SIZE];
    call_budget_scopes(call, &c->budget, names, &record);
    call_record_facts(call, &record);
    record.route = call->decision->route->name; /* there may be no plan yet */
    c->held = ledger == NULL || journal_hold(ledger_journal(ledger), &record);
    if (!c->held) {
        budget_settle(budget, &call->claim, &c->budget, 0);
    }
    call->attempts += c->held ? 1 : 0;
    return c->held;
}

/* It is asked under the rules of every other target: the prompt of a call that must stay
 * local stays local, an unknown price is not zero, and who is switched off or resting is left
 * alone. */
static bool may_ask(const struct call *call, const struct target *target)
{
    const struct decision *decision = call->decision;
    const struct policy *policy = &call->snapshot->policy;
    bool local_only = decision->constraints.local_only || decision->route->local_only;
    return (target->local || !local_only) && !target->off &&
           feasible_named(&decision->constraints, target) &&
           feasible_tags(policy, decision->route, &decision->constraints, target) &&
           !atomic_load(&target->health->switched_off) &&
           (target->price.known || policy->unknown_price != UNKNOWN_PRICE_DENY);
}

static bool prepare(struct question *c, const struct question_words *words)
{
    struct call *call = c->call;
    const struct target *target = c->target;
    bool probe;
    if (!may_ask(call, target)) {
        return false;
    }
    enum provider_auth auth = call->snapshot->providers[target->provider].auth;
    if (auth == AUTH_AWS_SIGV4 || auth == AUTH_GOOGLE_SERVICE_ACCOUNT) {
        return false; /* nothing is signed here: sluice check says so */
    }
    c->provider = &call->snapshot->providers[target->provider];
    c->dialect = dialect_of((enum dialect_id)c->provider->default_dialect);
    c->request.origin = runtime_origin(call->snapshot, target->provider);
    c->decoder = c->dialect->decoder_new(ANSWER_BYTES_MAX);
    if (c->decoder == NULL || !write_body(c, words) ||
        !health_try(target->health, clock_monotonic(call->worker->loop.clock), &probe)) {
        return false;
    }
    health_begin(target->health);
    if (hold(c)) {
        FAULT_POINT("cascade.before_question");
        return true;
    }
    struct health_sample unsent = {.outcome = HEALTH_CANCELLED,
                                   .now_ns = clock_monotonic(call->worker->loop.clock),
                                   .first_byte_ms = -1,
                                   .total_ms = -1};
    health_record(target->health, &unsent);
    return false;
}

bool question_ask(struct call *call, uint16_t target, const struct question_words *words,
                  question_done *done)
{
    struct question *c = ARENA_NEW(&call->arena, struct question);
    if (c == NULL) {
        return false;
    }
    c->magic = QUESTION_MAGIC;
    c->call = call;
    c->done = done;
    c->target = &call->snapshot->policy.targets[target];
    c->answer_tokens = words->answer_tokens;
    buf_init(&c->body, BODY_BYTES_MAX);
    buf_init(&c->answer, ANSWER_BYTES_MAX);
    seen_init(&c->seen);
    call->question = c;
    if (!prepare(c, words)) {
        release(c);
        return false;
    }
    uint64_t ms = (uint64_t)words->timeout_ms;
    c->request.method = SLICE("POST");
    c->request.headers = SLICE("Content-Type: application/json\r\n");
    c->request.body = buf_slice(&c->body);
    c->request.timeouts =
        (struct upstream_timeouts){.connect = ms, .first_byte = ms, .idle = ms, .total = ms};
    c->request.body_limit = ANSWER_BYTES_MAX;
    c->request.ops = &question_ops;
    c->request.user = c;
    upstream_send(call->worker->upstream, &c->request);
    return true;
}

void question_cancel(struct call *call, const char *why)
{
    struct question *c = call->question;
    if (c == NULL) {
        return;
    }
    struct usage usage;
    upstream_cancel(&c->request);
    read_part(c, &usage);
    settle(c, ATTEMPT_CANCELLED, &usage, why);
    release(c);
}
