/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_check.h"

#include "base/memory.h"
#include "dialect/emulate.h"
#include "dialect/responses_store.h"
#include "dialect/tool_fit.h"
#include "gateway/attempt_run.h"
#include "gateway/call_evidence.h"
#include "gateway/call_new.h"
#include "gateway/call_ping.h"
#include "gateway/call_record.h"
#include "gateway/call_session.h"
#include "gateway/judge.h"
#include "gateway/opaque.h"
#include "gateway/stored.h"
#include "route/answer_result.h"
#include "route/check_weight.h"
#include "route/weights.h"

#include <math.h>
#include <stdio.h>

#define PROMPT_MAX ((size_t)64 << 10)
#define EARLY_BYTES 160u     /* by then a refusal or another language shows */
#define AGREEMENT_WEIGHT 0.5 /* of a judge's or a stronger target's word: either may be wrong */
#define PRIOR_MAX 2.0        /* however good a target is, what its answer says counts for more */

static void read_prompt(const struct chat *chat, struct buf *prompt)
{
    for (size_t i = chat->message_count; i > 0; i--) {
        const struct chat_message *message = &chat->messages[i - 1];
        if (message->role != ROLE_USER) {
            continue;
        }
        for (size_t p = 0; p < message->part_count; p++) {
            if (message->parts[p].kind == PART_TEXT) {
                (void)!json_unescape(message->parts[p].text, prompt);
            }
        }
        return;
    }
}

void call_check_begin(struct call *call)
{
    const struct route *route = call->decision->route;
    if (route == NULL || route->escalation == NULL || !decide_is_checked(call->chat.operation)) {
        return;
    }
    struct call_check *check = memory_array(1, sizeof(*check));
    if (check == NULL) {
        return; /* the answer passes as it is */
    }
    check->escalation = route->escalation;
    buf_init(&check->prompt, PROMPT_MAX);
    answer_text_init(&check->answer);
    read_prompt(&call->chat, &check->prompt);
    call->check = check;
    call_ping_watch(call);
}

static void release_best(struct call_check *check)
{
    struct attempt *best = &check->best;
    if (!check->has_best) {
        return;
    }
    opaque_notes_free(best->notes);
    responses_record_free(best->record);
    buf_release(&best->body);
    buf_release(&best->answer);
    check->has_best = false;
}

/* What was said of the answer that was rejected last, unless it turned out otherwise. */
static void tell_doubt(const struct call *call)
{
    struct call_check *check = call->check;
    if (check->doubted != NULL) {
        call_evidence(call, check->doubted, check->doubted_score, check->doubted_weight);
        check->doubted = NULL;
    }
}

void call_check_free(struct call *call)
{
    struct call_check *check = call->check;
    if (check == NULL) {
        return;
    }
    tell_doubt(call);
    release_best(check);
    answer_text_release(&check->answer);
    buf_release(&check->prompt);
    memory_free(check);
    call->check = NULL;
}

void call_check_attempt(struct call *call)
{
    struct call_check *check = call->check;
    if (check == NULL) {
        return;
    }
    answer_text_clear(&check->answer);
    check->checked = (struct checked){.worst = CHECK_COUNT};
    check->verdict = VERDICT_NONE;
    check->learned = false;
    check->early = false; /* of an attempt that failed before it could begin */
    check->suspect = false;
    check->meta_at = 0;
}

void call_check_frame(struct call *call, const struct frame *frame)
{
    if (call->check != NULL && !call->committed) {
        answer_text_frame(&call->check->answer, frame);
    }
}

/* --- the verdict --- */

static void view(const struct call *call, struct checked_call *calls, struct checked_answer *answer)
{
    const struct call_check *check = call->check;
    answer_text_view(&check->answer, &call->chat, calls, answer);
    answer->prompt = buf_slice(&check->prompt);
    answer->finish = call->attempt.meter.first;
}

/* What is known of the target's answers before this one is read. */
static double prior_of(const struct call *call)
{
    double odds = call->attempt.success_permille == 0
                      ? CHECK_PRIOR
                      : log_odds_of(call->attempt.success_permille / 1000.0);
    return odds > PRIOR_MAX ? PRIOR_MAX : odds < -PRIOR_MAX ? -PRIOR_MAX : odds;
}

/* By how much the next target is likelier to be right here than it is on average, in log odds:
 * where it will probably fail, too, there is less to be had for its price. */
static double promise_of_next(const struct call *call, const struct text_vector *vector)
{
    const struct weights *weights = call->check->escalation->weights;
    const struct plan *plan = &call->decision->plan;
    const struct policy *policy = &call->snapshot->policy;
    const struct weights_question question = {.vector = vector};
    for (size_t i = call->next_entry; i < plan->taken; i++) {
        const struct target *target = &policy->targets[plan->entries[i].target];
        if (target->tier > call->attempt.target->tier) {
            uint32_t head = weights_find_target(weights, HEAD_MODEL, target);
            return head == WEIGHTS_NO_HEAD
                       ? 0
                       : log_odds_of(weights_success(weights, head, &question)) -
                             (double)weights->heads[head].average;
        }
    }
    return 0;
}

/* What was learned knows the target better than the prior does, and takes its place. */
static void add_learned(const struct call *call, const struct checked_answer *answer, double prior)
{
    struct call_check *check = call->check;
    const struct weights *weights = check->escalation->weights;
    const struct check_settings *settings = &check->escalation->checks;
    float marks[ANSWER_MARKS];
    if (weights == NULL || (settings->when & CHECK_BIT(CHECK_LEARNED)) == 0) {
        return;
    }
    struct text_vector *vector = memory_alloc(sizeof(*vector));
    if (vector == NULL) {
        return;
    }
    vector_of_text(answer->prompt, vector);
    uint32_t head = weights_find_target(weights, HEAD_ANSWER, call->attempt.target);
    if (head != WEIGHTS_NO_HEAD) {
        answer_marks(answer->prompt, answer->text, marks);
        const struct weights_question question = {.vector = vector, .marks = marks};
        double promise = promise_of_next(call, vector);
        double odds = log_odds_of(weights_success(weights, head, &question)) - promise;
        check->learned = true;
        check->promise = promise;
        checked_add(&check->checked, CHECK_LEARNED,
                    odds < log_odds_of(settings->threshold) ? CHECK_FAILED : CHECK_PASSED,
                    odds - prior);
    }
    memory_free(vector);
}

/* What the checks of this answer weigh by what is known of their word. */
static void weigh(struct call *call, double prior)
{
    const struct check_history history = {
        .evidence = call->snapshot->policy.evidence,
        .target = call->attempt.target,
        .task = call->task,
        .tag = slice_from_cstr(call->tag),
        .key = call->key_id,
    };
    checked_weigh(&call->check->checked, &history, prior);
}

/* A stronger target's answer is there, and good enough: does it come to the same as the one that
 * was not? Then that was good after all, whatever the checks said of it. */
static void compare_with_rejected(const struct call *call)
{
    struct call_check *check = call->check;
    uint64_t result = answer_result(buf_slice(&check->answer.text));
    if (check->rejected == NULL || check->rejected_result == 0 || result == 0) {
        return;
    }
    bool same = result == check->rejected_result;
    call_evidence_checks(call, check->rejected, check->rejected_results, same ? 1 : 0,
                         AGREEMENT_WEIGHT);
    if (same && check->doubted == check->rejected) {
        check->doubted_score = 1;
        check->doubted_weight = AGREEMENT_WEIGHT;
    }
}

/* What a judge thinks of an answer says what the other checks' words are worth. */
static void learn_from_judge(const struct call *call)
{
    const struct checked *checked = &call->check->checked;
    if (checked->results[CHECK_JUDGE] != CHECK_SILENT) {
        call_evidence_checks(call, call->attempt.target, checked->results,
                             checked->results[CHECK_JUDGE] == CHECK_PASSED ? 1 : 0,
                             AGREEMENT_WEIGHT);
    }
}

static bool wants_judge(const struct call_check *check)
{
    return (check->escalation->checks.when & CHECK_BIT(CHECK_JUDGE)) != 0 &&
           checked_accepts(&check->checked, &check->escalation->checks);
}

enum call_step call_check(struct call *call)
{
    struct call_check *check = call->check;
    struct checked_call calls[CHECK_CALLS_MAX];
    struct checked_answer answer;
    if (call->attempt.meter.unread || !answer_text_whole(&check->answer)) {
        return STEP_SETTLE; /* what we cannot read is not ours to judge */
    }
    double prior = prior_of(call);
    view(call, calls, &answer);
    answer_check(&check->escalation->checks, &answer, prior, &check->checked);
    weigh(call, prior);
    add_learned(call, &answer, prior);
    if (wants_judge(check) && judge_ask(call)) {
        check->under_way = true;
        return STEP_WAIT;
    }
    return call_check_judged(call);
}

/* Was it opinions alone that spoke against the answer? Those a stronger answer may refute. */
static bool is_doubt(const struct checked *checked)
{
    bool doubt = false;
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        if (checked->results[i] == CHECK_FAILED) {
            doubt = check_is_opinion((enum answer_check)i);
            if (!doubt) {
                return false;
            }
        }
    }
    return doubt;
}

/* What the checks said of this answer, without what was known before, as evidence. What was learned
 * has taken that place already, and says more than the answer: what the next target is good for. A
 * doubt waits for what the stronger target says. */
static void tell_evidence(const struct call *call)
{
    struct call_check *check = call->check;
    double known = check->learned ? -check->promise : prior_of(call);
    double good = probability_of(check->checked.log_odds - known);
    double weight = fabs(2 * good - 1);
    if (weight <= 0.05) {
        return;
    }
    if (check->verdict == VERDICT_ESCALATE && is_doubt(&check->checked)) {
        tell_doubt(call);
        check->doubted = call->attempt.target;
        check->doubted_score = good;
        check->doubted_weight = weight;
    } else {
        call_evidence(call, call->attempt.target, good, weight);
    }
}

enum call_step call_check_judged(struct call *call)
{
    struct call_check *check = call->check;
    struct metrics *metrics = &call->worker->metrics;
    bool accepts = checked_accepts(&check->checked, &check->escalation->checks);
    check->under_way = false;
    check->verdict = accepts ? VERDICT_ACCEPT : VERDICT_ESCALATE;
    metric_add(accepts ? &metrics->answers_accepted : &metrics->answers_rejected, 1);
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        if (check->checked.results[i] == CHECK_FAILED) {
            metric_add(&metrics->checks_failed[i], 1);
        }
    }
    tell_evidence(call);
    learn_from_judge(call);
    if (accepts) {
        compare_with_rejected(call);
        tell_doubt(call);
        verdict_memory_put(&call->worker->gateway->verdicts_seen, &call->id, call->key_id,
                           &check->checked);
    }
    return STEP_SETTLE;
}

enum call_step call_check_next(const struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    bool complete = attempt->open && attempt->outcome == ATTEMPT_OK && attempt->error == NULL;
    return call->check != NULL && complete && !call->committed ? STEP_CHECK : STEP_SETTLE;
}

/* --- streams --- */

static bool sounds_well(struct call *call)
{
    struct checked_call calls[CHECK_CALLS_MAX];
    struct checked_answer answer;
    struct checked *checked = &call->check->checked; /* of an answer that is held: until its end */
    view(call, calls, &answer);
    answer.partial = true;
    answer_check(&call->check->escalation->checks, &answer, prior_of(call), checked);
    return checked_accepts(checked, &call->check->escalation->checks);
}

bool call_check_holds(struct call *call)
{
    struct call_check *check = call->check;
    if (check == NULL || check->early || call->attempt.answer.len > CALL_CHECK_BYTES_MAX) {
        return false;
    }
    if (check->escalation->stream == STREAM_BUFFERED || check->suspect) {
        return true;
    }
    const struct answer_text *answer = &check->answer;
    if (answer->text.len < EARLY_BYTES && answer->call_count == 0 && !answer->carries) {
        return true;
    }
    check->early = sounds_well(call);
    check->suspect = !check->early;
    if (check->early) {
        metric_add(&call->worker->metrics.answers_early, 1);
    }
    return check->suspect;
}

/* --- what follows --- */

/* Nanoseconds that are left of what the call may take; zero or less: none. */
static int64_t time_left(const struct call *call)
{
    int64_t limit_ms = call->decision->plan.max_latency_ms;
    int64_t spent_ns = clock_monotonic(call->worker->loop.clock) - call->started_ns;
    return limit_ms == NO_LIMIT ? INT64_MAX : limit_ms * NS_PER_MS - spent_ns;
}

static enum tier tier_of(const struct call *call, const struct plan_entry *entry)
{
    return call->snapshot->policy.targets[entry->target].tier;
}

int64_t call_check_patience_ms(const struct call *call)
{
    bool kept = call->check != NULL && call->check->has_best && !call->committed;
    int64_t left_ns = kept ? time_left(call) : INT64_MAX;
    return left_ns == INT64_MAX ? INT64_MAX : left_ns > 0 ? left_ns / NS_PER_MS : 0;
}

/* Forgets the targets that would hardly be done in the time that is left. */
static void keep_timely(struct call *call)
{
    struct plan *plan = &call->decision->plan;
    int64_t left_ns = time_left(call);
    size_t kept = call->next_entry;
    for (size_t i = call->next_entry; i < plan->taken; i++) {
        if (left_ns > 0 && plan->entries[i].high_latency_ms <= left_ns / NS_PER_MS) {
            plan->entries[kept++] = plan->entries[i];
        }
    }
    plan->taken = kept;
}

/* The targets that are left, those of a higher tier alone; without any those of the same one.
 * False: there is none. */
static bool keep_stronger(struct call *call)
{
    struct plan *plan = &call->decision->plan;
    keep_timely(call);
    enum tier tier = call->attempt.target->tier;
    bool higher = false;
    for (size_t i = call->next_entry; i < plan->taken; i++) {
        higher = higher || tier_of(call, &plan->entries[i]) > tier;
    }
    size_t kept = call->next_entry;
    for (size_t i = call->next_entry; i < plan->taken; i++) {
        enum tier other = tier_of(call, &plan->entries[i]);
        if (higher ? other > tier : other == tier) {
            plan->entries[kept++] = plan->entries[i];
        }
    }
    plan->taken = kept;
    return kept > call->next_entry;
}

bool call_check_moves_on(struct call *call)
{
    const struct call_check *check = call->check;
    return check != NULL && check->verdict == VERDICT_ESCALATE && call_has_another(call) &&
           keep_stronger(call);
}

const char *call_check_reason(const struct call *call)
{
    const struct call_check *check = call->check;
    return check == NULL || check->verdict != VERDICT_ESCALATE
               ? NULL
               : answer_check_code(check->checked.worst);
}

int32_t call_check_verdict(const struct call *call)
{
    static const enum call_verdict words[] = {
        [VERDICT_NONE] = CALL_UNJUDGED,
        [VERDICT_ACCEPT] = CALL_ACCEPTED,
        [VERDICT_ESCALATE] = CALL_ESCALATED,
    };
    const struct call_check *check = call->check;
    if (check == NULL || (check->verdict == VERDICT_NONE && !check->early)) {
        return 0;
    }
    const struct checked *checked = &check->checked;
    return verdict_pack(
        check->early ? CALL_EARLY : words[check->verdict],
        checked->worst == CHECK_COUNT ? VERDICT_NO_CHECK : (unsigned)checked->worst,
        (unsigned)lround(1000 * probability_of(checked->log_odds)));
}

static void note_escalated(struct call *call)
{
    struct call_check *check = call->check;
    size_t used = strlen(check->escalated);
    snprintf(check->escalated + used, sizeof(check->escalated) - used, "%s%.*s: %s",
             used == 0 ? "" : ", ", SLICE_ARG(call->attempt.target->name),
             call_check_reason(call) + strlen("check_"));
}

/* Of what a kept answer does not need any more. */
static void strip(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    if (attempt->decoder != NULL) {
        call_give_decoder(call, attempt->back, attempt->decoder);
        attempt->decoder = NULL;
    }
    if (call->encoder != NULL) {
        call->front->encoder_free(call->encoder);
        call->encoder = NULL;
    }
    attempt_forget_secret(attempt);
    inflate_free(attempt->inflate);
    emulation_free(attempt->emulation);
    tool_fit_free(attempt->tool_fit);
    attempt->inflate = NULL;
    attempt->emulation = NULL;
    attempt->tool_fit = NULL;
}

void call_check_keep(struct call *call)
{
    struct call_check *check = call->check;
    size_t noted = strlen(check->escalated);
    note_escalated(call);
    metric_add(&call->worker->metrics.escalations, 1);
    check->rejected = call->attempt.target;
    check->rejected_result = answer_result(buf_slice(&check->answer.text));
    memcpy(check->rejected_results, check->checked.results, sizeof(check->rejected_results));
    if (check->has_best && check->best_checked.log_odds > check->checked.log_odds) {
        return;
    }
    release_best(check);
    strip(call);
    check->best = call->attempt;
    check->best_checked = check->checked;
    check->best_meta_at = check->meta_at;
    check->best_noted_at = noted;
    check->attempts_before = call->attempts;
    check->has_best = true;
    attempt_init(&call->attempt);
}

bool call_check_has_better(const struct call *call)
{
    const struct call_check *check = call->check;
    if (check == NULL || !check->has_best || call->committed) {
        return false;
    }
    return !call->attempt.open || (check->verdict == VERDICT_ESCALATE &&
                                   check->best_checked.log_odds > check->checked.log_odds);
}

void call_check_restore(struct call *call)
{
    struct call_check *check = call->check;
    attempt_release(call);
    call->attempt = check->best;
    check->checked = check->best_checked;
    check->meta_at = check->best_meta_at;
    check->verdict = VERDICT_ESCALATE;
    check->has_best = false;
    if (call->attempts == check->attempts_before) { /* the other was too dear to be asked */
        check->escalated[check->best_noted_at] = '\0';
    }
    call->status = 200;
    call->error_code = NULL;
    call->delivered = true;
    verdict_memory_put(&call->worker->gateway->verdicts_seen, &call->id, call->key_id,
                       &check->checked);
    call->session.escalated = false; /* it is delivered after all */
    call_session_keep(call);
    if (call->attempt.notes != NULL) {
        opaque_keep(call);
    }
    if (call->attempt.record != NULL) {
        stored_keep(call);
    }
    call_record_close(call);
}
