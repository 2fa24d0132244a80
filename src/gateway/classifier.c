/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/classifier.h"

#include "codec/json_write.h"
#include "gateway/attempt_request.h"
#include "gateway/call_budget.h"
#include "gateway/call_offers.h"
#include "gateway/call_record.h"
#include "gateway/runtime.h"

#define CLASSIFIER_MAGIC 0x434c5346u
#define CLASSIFIER_ANSWER_MAX (64u << 10)
#define CLASSIFIER_TEXT_MAX 2000
#define PATH_BYTES_MAX ((size_t)16 << 10)
#define ANSWER_TOKENS 16 /* of a target: one word */

struct classifier_request {
    uint32_t magic;
    struct call *call;
    struct upstream_request request;
    struct buf body;
    struct buf answer;
    int status;
    const struct target *target; /* NULL: an endpoint */
    const struct provider *provider;
    const struct dialect *dialect;
    struct decoder *decoder;
    bool held;
    int64_t hold_nd;
    struct budget_hold budget;
    uint32_t number;
};

static void release(struct classifier_request *c)
{
    buf_release(&c->body);
    buf_release(&c->answer);
    if (c->decoder != NULL) {
        c->dialect->decoder_free(c->decoder);
    }
    c->magic = 0;
    c->call->classifier = NULL;
}

/* What an answer without a report of usage is charged: what it visibly was. */
static void estimate_usage(const struct classifier_request *c, struct usage *usage)
{
    if (usage->reported || c->status != 200) {
        return;
    }
    usage->input = (int64_t)(c->body.len / 4) + 1;
    usage->output =
        (int64_t)(c->answer.len / 4 < ANSWER_TOKENS ? c->answer.len / 4 : ANSWER_TOKENS);
}

/* Fills in the cost and what it is made of. */
static void price_attempt(const struct classifier_request *c, struct settle_record *record)
{
    struct price price = policy_price(&c->call->snapshot->policy, c->target);
    const struct usage *usage = &record->usage;
    bool told = usage->has_provider_cost && (c->provider->quirks & QUIRK_REPORTS_COST) != 0;
    bool answered = usage->reported || c->status == 200;
    int64_t priced_nd = price_cost(&price, usage);
    record->offer = call_offer(c->call, c->target);
    record->purpose = ATTEMPT_FOR_JUDGE;
    record->basis = told ? CHARGE_PROVIDER : answered ? CHARGE_PRICE : CHARGE_NOTHING;
    record->cost_nd = told ? usage->provider_cost_nd : answered ? priced_nd : 0;
    record->catalogue_nd = told && c->target->price.known ? priced_nd : RECORD_NO_CATALOGUE;
    if (record->catalogue_nd >= 0) {
        target_state_told(c->call->snapshot, c->target, record->cost_nd, record->catalogue_nd);
    }
}

/* Time boxes of a classifier are far shorter than a target's own deadlines: running out of one says
 * nothing about the target. */
static enum health_outcome health_of(const struct classifier_request *c,
                                     enum attempt_outcome outcome, const char *error)
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

static void record_health(const struct classifier_request *c, enum health_outcome outcome,
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
static void settle(struct classifier_request *c, enum attempt_outcome outcome,
                   const struct usage *reported, const char *error)
{
    struct call *call = c->call;
    if (!c->held) {
        return;
    }
    c->held = false;
    struct usage usage = *reported;
    estimate_usage(c, &usage);
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
    price_attempt(c, &record);
    call->cost_nd = money_add(call->cost_nd, record.cost_nd);
    call->tokens_used += usage.input + usage.output;
    budget_settle(call->worker->gateway->budget, &call->claim, &c->budget, record.cost_nd);
    record_health(c, health_of(c, outcome, error), &record);
    struct ledger *ledger = call->worker->gateway->ledger;
    if (ledger != NULL && !journal_settle(ledger_journal(ledger), &record)) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
    }
}

/* The word in a model's answer, or the members of an endpoint's, into the classification. */
static bool apply_word(struct call *call, struct slice text)
{
    struct slice word = slice_trim(text);
    while (word.len > 0 && (word.ptr[word.len - 1] == '.' || word.ptr[word.len - 1] == '"')) {
        word.len--;
    }
    while (word.len > 0 && word.ptr[0] == '"') {
        word = slice_from(word, 1);
    }
    enum task task;
    if (!task_from_name(word, &task)) {
        return false;
    }
    call->decision->classification.task = task;
    call->decision->classification.confidence = 1.0;
    call->decision->classification.reason = "operator's classifier";
    judge_task(task, &call->decision->classification.judged);
    return true;
}

static void apply_endpoint(struct call *call, struct slice body)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    if (json_parse(&doc, body, &json_default_limits, &error)) {
        uint32_t task = json_member(&doc, JSON_ROOT, SLICE("task"));
        uint32_t complexity = json_member(&doc, JSON_ROOT, SLICE("complexity"));
        int64_t permille;
        if (json_is(&doc, task, JSON_STRING) && apply_word(call, json_inner(&doc, task)) &&
            json_is(&doc, complexity, JSON_NUMBER) && json_scaled(&doc, complexity, 3, &permille) &&
            permille >= 0 && permille <= 1000) {
            call->decision->classification.complexity = (double)permille / 1000.0;
        }
    }
    json_doc_release(&doc);
}

static void apply_target(struct classifier_request *c)
{
    struct frame frame;
    struct usage usage = {.reported = false};
    if (c->dialect->decode_answer(c->decoder, buf_slice(&c->answer), &frame) != DECODE_FRAME) {
        settle(c, ATTEMPT_FAILED, &usage, "malformed_answer");
        return;
    }
    struct buf text = BUF_INIT(4096);
    for (size_t i = 0; i < frame.count; i++) {
        if (frame.events[i].kind == EVENT_TEXT) {
            json_unescape(frame.events[i].text, &text);
        } else if (frame.events[i].kind == EVENT_USAGE) {
            usage_report(&usage, &frame.events[i].usage);
        }
    }
    apply_word(c->call, buf_slice(&text));
    buf_release(&text);
    settle(c, ATTEMPT_OK, &usage, "");
}

static void go_on(struct classifier_request *c)
{
    struct call *call = c->call;
    release(c);
    /* other calls used the worker's scratch meanwhile */
    features_extract(&call->chat, &call->worker->features);
    call_run(call, STEP_PLAN);
}

static struct classifier_request *request_of(struct upstream_request *r)
{
    struct classifier_request *c = r->user;
    CHECK(c->magic == CLASSIFIER_MAGIC);
    return c;
}

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    request_of(r)->status = head->status;
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    buf_append(&request_of(r)->answer, bytes);
}

static void on_end(struct upstream_request *r)
{
    struct classifier_request *c = request_of(r);
    struct usage none = {.reported = false};
    if (c->status != 200) {
        settle(c, ATTEMPT_FAILED, &none, "http_error");
    } else if (c->target != NULL) {
        apply_target(c);
    } else {
        apply_endpoint(c->call, buf_slice(&c->answer));
    }
    go_on(c);
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct classifier_request *c = request_of(r);
    struct usage none = {.reported = false};
    (void)detail;
    settle(c, ATTEMPT_FAILED, &none, upstream_failure_name(failure));
    go_on(c);
}

static const struct upstream_ops classifier_ops = {
    .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_fail = on_fail};

/* The beginning of the last user turn's text, as its author wrote it. */
static struct slice question_text(struct call *call)
{
    const struct chat *chat = &call->chat;
    for (size_t m = chat->message_count; m > 0; m--) {
        const struct chat_message *message = &chat->messages[m - 1];
        for (size_t p = 0; message->role == ROLE_USER && p < message->part_count; p++) {
            char *text = message->parts[p].kind == PART_TEXT
                             ? arena_alloc(&call->arena, CLASSIFIER_TEXT_MAX)
                             : NULL;
            if (text != NULL) {
                return slice_of(
                    text, json_unescape_to(message->parts[p].text, text, CLASSIFIER_TEXT_MAX));
            }
        }
    }
    return SLICE_EMPTY;
}

static void write_endpoint_body(struct call *call, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("text"), question_text(call));
    json_member_int(&w, SLICE("tools"), call->worker->features.tools);
    json_end_object(&w);
}

static void write_message(struct json_writer *w, struct slice role, struct slice text)
{
    json_begin_object(w);
    json_member_string(w, SLICE("role"), role);
    json_member_string(w, SLICE("content"), text);
    json_end_object(w);
}

/* Empty: out of memory. */
static struct slice path_of(const struct classifier_request *c, const struct chat *chat,
                            struct arena *arena)
{
    struct buf path = BUF_INIT(PATH_BYTES_MAX);
    bool ok = attempt_path(c->provider, (enum dialect_id)c->provider->default_dialect, chat,
                           c->target->model, &path);
    struct slice copy = ok ? arena_copy(arena, buf_slice(&path)) : SLICE_EMPTY;
    buf_release(&path);
    return copy;
}

/* A request of our own in OpenAI's dialect, read and written again in the target's. */
static bool write_target_body(struct classifier_request *c, struct arena *arena)
{
    struct buf text = BUF_INIT(16384);
    struct buf instruction = BUF_INIT(4096);
    buf_append_cstr(&instruction, "Say what kind of work the user's message asks for. Answer with "
                                  "exactly one of these words: ");
    for (int task = 0; task < TASK_COUNT; task++) {
        buf_printf(&instruction, "%s%s", task == 0 ? "" : ", ", task_name((enum task)task));
    }
    struct json_writer w;
    json_writer_init(&w, &text);
    json_begin_object(&w);
    json_member_string(&w, SLICE("model"), c->target->model);
    json_member_int(&w, SLICE("max_tokens"), ANSWER_TOKENS);
    json_key(&w, SLICE("messages"));
    json_begin_array(&w);
    write_message(&w, SLICE("system"), buf_slice(&instruction));
    write_message(&w, SLICE("user"), question_text(c->call));
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
    bool ok = dialect_of(DIALECT_OPENAI_CHAT)
                  ->read_request(buf_slice(&text), &doc, arena, &chat, &error) &&
              c->dialect->write_request(&chat, &change, &c->body, &loss, &error);
    if (ok) {
        c->request.path = path_of(c, &chat, arena);
        ok = c->request.path.len > 0;
    }
    json_doc_release(&doc);
    buf_release(&text);
    buf_release(&instruction);
    return ok;
}

/* The whole call's limit, its classifier included. */
static bool within_budget(const struct call *call, int64_t nd)
{
    const struct decision *decision = call->decision;
    int64_t caller_nd = decision->constraints.max_cost_nd;
    int64_t route_nd = decision->route->max_cost_nd;
    return (caller_nd == NO_LIMIT || nd <= caller_nd) && (route_nd == NO_LIMIT || nd <= route_nd);
}

static bool hold(struct classifier_request *c)
{
    struct call *call = c->call;
    struct price price = policy_price(&call->snapshot->policy, c->target);
    struct budget *budget = call->worker->gateway->budget;
    struct budget_refusal refusal;
    c->hold_nd = price_bound(&price, (int64_t)c->body.len, ANSWER_TOKENS, false);
    if (!within_budget(call, c->hold_nd) ||
        !budget_hold(budget, &call->claim, c->hold_nd, &c->budget, &refusal)) {
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
    call_budget_scopes(call, &record);
    call_record_facts(call, &record);
    record.route = call->decision->route->name; /* there is no plan yet */
    c->held = ledger == NULL || journal_hold(ledger_journal(ledger), &record);
    if (!c->held) {
        budget_settle(budget, &call->claim, &c->budget, 0);
    }
    call->attempts += c->held ? 1 : 0;
    return c->held;
}

/* A classifier is asked under the rules of every other target: the prompt of a call that must stay
 * local stays local, an unknown price is not zero, and who is switched off or resting is left
 * alone. */
static bool may_ask(const struct call *call, const struct target *target)
{
    const struct decision *decision = call->decision;
    const struct policy *policy = &call->snapshot->policy;
    bool local_only = decision->constraints.local_only || decision->route->local_only;
    return (target->local || !local_only) && !target->off &&
           !atomic_load(&target->health->switched_off) &&
           (target->price.known || policy->unknown_price != UNKNOWN_PRICE_DENY);
}

static bool prepare_endpoint(struct classifier_request *c)
{
    struct call *call = c->call;
    const struct classifier_settings *settings = &call->snapshot->classifier;
    const struct runtime *runtime = call->snapshot->runtime;
    c->request.origin = &runtime->classifier;
    c->request.path = settings->endpoint.path.len > 0 ? settings->endpoint.path : SLICE("/");
    write_endpoint_body(call, &c->body);
    return runtime->has_classifier && !c->body.failed;
}

static bool prepare_target(struct classifier_request *c, uint16_t index)
{
    struct call *call = c->call;
    const struct target *target = &call->snapshot->policy.targets[index];
    bool probe;
    if (!may_ask(call, target)) {
        return false;
    }
    enum provider_auth auth = call->snapshot->providers[target->provider].auth;
    if (auth == AUTH_AWS_SIGV4 || auth == AUTH_GOOGLE_SERVICE_ACCOUNT) {
        return false; /* nothing is signed here: sluice check says so */
    }
    c->target = target;
    c->provider = &call->snapshot->providers[target->provider];
    c->dialect = dialect_of((enum dialect_id)c->provider->default_dialect);
    c->request.origin = runtime_origin(call->snapshot, target->provider);
    c->decoder = c->dialect->decoder_new(CLASSIFIER_ANSWER_MAX);
    if (c->decoder == NULL || !write_target_body(c, &call->arena) ||
        !health_try(target->health, clock_monotonic(call->worker->loop.clock), &probe)) {
        return false;
    }
    health_begin(target->health);
    if (hold(c)) {
        return true;
    }
    struct health_sample unsent = {.outcome = HEALTH_CANCELLED,
                                   .now_ns = clock_monotonic(call->worker->loop.clock),
                                   .first_byte_ms = -1,
                                   .total_ms = -1};
    health_record(target->health, &unsent);
    return false;
}

enum call_step call_classify(struct call *call)
{
    const struct classifier_settings *settings = &call->snapshot->classifier;
    if (settings->kind != CLASSIFIER_EXTERNAL || call->decision->task_given ||
        call->decision->route == NULL) {
        return STEP_PLAN; /* nothing depends on what it would say */
    }
    struct classifier_request *c = ARENA_NEW(&call->arena, struct classifier_request);
    if (c == NULL) {
        return STEP_PLAN;
    }
    c->magic = CLASSIFIER_MAGIC;
    c->call = call;
    buf_init(&c->body, 64u << 10);
    buf_init(&c->answer, CLASSIFIER_ANSWER_MAX);
    call->classifier = c;
    if (settings->target == NO_TARGET ? !prepare_endpoint(c)
                                      : !prepare_target(c, settings->target)) {
        release(c);
        return STEP_PLAN;
    }
    uint64_t ms = (uint64_t)settings->timeout_ms;
    c->request.method = SLICE("POST");
    c->request.headers = SLICE("Content-Type: application/json\r\n");
    c->request.body = buf_slice(&c->body);
    c->request.timeouts =
        (struct upstream_timeouts){.connect = ms, .first_byte = ms, .idle = ms, .total = ms};
    c->request.body_limit = CLASSIFIER_ANSWER_MAX;
    c->request.ops = &classifier_ops;
    c->request.user = c;
    upstream_send(call->worker->upstream, &c->request);
    return STEP_WAIT;
}

void classifier_cancel(struct call *call, const char *why)
{
    struct classifier_request *c = call->classifier;
    if (c == NULL) {
        return;
    }
    struct usage none = {.reported = false};
    upstream_cancel(&c->request);
    settle(c, ATTEMPT_CANCELLED, &none, why);
    release(c);
}
