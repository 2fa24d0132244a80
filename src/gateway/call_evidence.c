/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_evidence.h"

#include "route/check_weight.h"
#include "route/evidence.h"

/* Without a ledger it counts at once, and as long as the process lives. */
static void count_here(const struct call *call, const struct target *target, double score,
                       double weight)
{
    struct evidence *table = call->snapshot->policy.evidence;
    evidence_add(table, evidence_task(call->task), target, score, weight);
    if (call->tag[0] != '\0') {
        uint64_t tag = evidence_tag(slice_from_cstr(call->tag));
        evidence_add_named(table, call->key_id, tag, target->name, score, weight, 0);
    }
}

/* What a check said, under the names of its counts: the task's, and the tag's if there is one. */
static unsigned names_of(struct slice word, enum task task, struct slice tag, uint64_t key,
                         char out[2][CHECK_WEIGHT_NAME_MAX], struct slice ret_names[2])
{
    unsigned count = 0;
    if (word.len > 0) {
        ret_names[count] =
            check_weight_name(word, slice_from_cstr(task_name(task)), false, key, out[count]);
        count++;
    }
    if (word.len > 0 && tag.len > 0) {
        ret_names[count] = check_weight_name(word, tag, true, key, out[count]);
        count++;
    }
    return count;
}

static struct slice word_of(const uint8_t results[CHECK_COUNT], unsigned check)
{
    return slice_from_cstr(
        check_weight_word((enum answer_check)check, (enum check_result)results[check]));
}

void evidence_checks_journal(struct journal *journal, const struct evidence_record *record,
                             uint64_t key, const uint8_t results[CHECK_COUNT])
{
    char texts[2][CHECK_WEIGHT_NAME_MAX];
    struct slice names[2];
    struct evidence_record said = *record;
    said.source = EVIDENCE_CHECK;
    said.success_permille = 0;
    for (unsigned check = 0; check < CHECK_COUNT; check++) {
        unsigned count =
            names_of(word_of(results, check), record->task, record->tag, key, texts, names);
        for (unsigned i = 0; i < count; i++) {
            said.label = names[i];
            (void)!journal_evidence(journal, &said); /* a full journal: less is learned */
        }
    }
}

static uint32_t ppm(double value)
{
    return (uint32_t)(value * EVIDENCE_PPM + 0.5);
}

/* What the plan expected of the target; 0: the plan is gone, or had it not. */
static uint32_t expected_of(const struct call *call, const struct target *target)
{
    const struct plan *plan = call->decision == NULL ? NULL : &call->decision->plan;
    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        if (&call->snapshot->policy.targets[plan->entries[i].target] == target) {
            return plan->entries[i].success_permille;
        }
    }
    return 0;
}

void call_evidence(const struct call *call, const struct target *target, double score,
                   double weight)
{
    struct ledger *ledger = call->worker->gateway->ledger;
    if (!(score >= 0 && score <= 1 && weight > 0 && weight <= EVIDENCE_WEIGHT_MAX)) {
        return;
    }
    if (ledger == NULL) {
        count_here(call, target, score, weight);
        return;
    }
    const struct evidence_record record = {
        .call = call->id,
        .wall_ns = clock_wall(call->worker->loop.clock),
        .source = EVIDENCE_VERDICT,
        .score_ppm = ppm(score),
        .weight_ppm = ppm(weight),
        .success_permille = expected_of(call, target),
        .key_id = call->key_id,
        .task = call->task,
        .tag = slice_from_cstr(call->tag),
        .route = call->route_name,
        .target = target->name,
    };
    if (!journal_evidence(ledger_journal(ledger), &record)) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
    }
}

static void count_checks_here(const struct call *call, const struct target *target,
                              const uint8_t results[CHECK_COUNT], double score, double weight)
{
    char texts[2][CHECK_WEIGHT_NAME_MAX];
    struct slice names[2];
    for (unsigned check = 0; check < CHECK_COUNT; check++) {
        unsigned count = names_of(word_of(results, check), call->task, slice_from_cstr(call->tag),
                                  call->key_id, texts, names);
        for (unsigned i = 0; i < count; i++) {
            evidence_add_named(call->snapshot->policy.evidence, call->key_id,
                               evidence_tag(names[i]), target->name, score, weight, 0);
        }
    }
}

void call_evidence_checks(const struct call *call, const struct target *target,
                          const uint8_t results[CHECK_COUNT], double score, double weight)
{
    struct ledger *ledger = call->worker->gateway->ledger;
    if (ledger == NULL) {
        count_checks_here(call, target, results, score, weight);
        return;
    }
    const struct evidence_record record = {
        .call = call->id,
        .wall_ns = clock_wall(call->worker->loop.clock),
        .score_ppm = ppm(score),
        .weight_ppm = ppm(weight),
        .key_id = call->key_id,
        .task = call->task,
        .tag = slice_from_cstr(call->tag),
        .target = target->name,
    };
    evidence_checks_journal(ledger_journal(ledger), &record, call->key_id, results);
}
