/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/evidence_keep.h"

#include "gateway/gateway.h"
#include "route/evidence.h"

#include <math.h>

#define DAY_S INT64_C(86400)

static uint64_t tag_of(enum evidence_of of, enum task task, struct slice name)
{
    switch (of) {
    case EVIDENCE_OF_TASK:
        return evidence_task(task);
    case EVIDENCE_OF_TAG:
    case EVIDENCE_OF_CHECK: /* no tag can have such a name */
        return evidence_tag(name);
    case EVIDENCE_OF_ROUTE:
        return evidence_route(name);
    }
    return 0;
}

/* In parts that the table takes. */
static void add(struct evidence *table, uint64_t owner, uint64_t tag, struct slice target,
                double score, double weight, int64_t age_s)
{
    double left = fabs(weight);
    while (left > 0) {
        double part = left > EVIDENCE_WEIGHT_MAX ? EVIDENCE_WEIGHT_MAX : left;
        evidence_add_named(table, owner, tag, target, score, weight < 0 ? -part : part, age_s);
        left -= part;
    }
}

struct loading {
    struct evidence *table;
    int64_t now_s;
};

static void load_sum(void *user, const struct evidence_sum *sum)
{
    const struct loading *loading = user;
    uint64_t tag = tag_of(sum->of, sum->task, sum->name);
    double weight = sum->good + sum->bad;
    weight = weight > EVIDENCE_COUNT_MAX ? EVIDENCE_COUNT_MAX : weight;
    int64_t age_s = loading->now_s - sum->day * DAY_S;
    if (weight > 0 && sum->good >= 0 && sum->bad >= 0) {
        add(loading->table, 0, tag, sum->target, sum->good / (sum->good + sum->bad), weight,
            age_s < DAY_S ? 0 : age_s);
    }
}

bool evidence_keep_read(struct evidence *table, const char *path, int64_t now_s,
                        struct error *error)
{
    struct loading loading = {table, now_s};
    evidence_tick(table, now_s);
    return ledger_evidence_read(path, now_s, load_sum, &loading, error);
}

bool evidence_keep_load(struct gateway *gateway, struct error *error)
{
    int64_t now_s = clock_wall(gateway->clock) / NS_PER_S;
    evidence_tick(gateway->states.evidence, now_s);
    return gateway->ledger == NULL ||
           evidence_keep_read(gateway->states.evidence, gateway->ledger_path, now_s, error);
}

static void count(struct gateway *gateway, const struct evidence_change *change)
{
    if (change->of != EVIDENCE_OF_TASK || change->weight < 0) {
        return; /* each record has one of these */
    }
    if (change->source == EVIDENCE_FEEDBACK) {
        atomic_fetch_add(&gateway->feedbacks, 1);
        atomic_fetch_add(&gateway->feedback_score_ppm,
                         (uint_fast64_t)(change->score * EVIDENCE_PPM + 0.5));
    } else {
        atomic_fetch_add(&gateway->verdicts, 1);
    }
}

void evidence_keep_changed(void *user, const struct evidence_change *changes, size_t changed)
{
    struct gateway *gateway = user;
    int64_t now_s = clock_wall(gateway->clock) / NS_PER_S;
    evidence_tick(gateway->states.evidence, now_s);
    for (size_t i = 0; i < changed; i++) {
        const struct evidence_change *change = &changes[i];
        int64_t age_s = now_s - change->day * DAY_S;
        add(gateway->states.evidence, change->key_id,
            tag_of(change->of, change->task, slice_from_cstr(change->name)),
            slice_from_cstr(change->target), change->score, change->weight,
            age_s < DAY_S ? 0 : age_s);
        count(gateway, change);
    }
}

static void write_counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name,
               (unsigned long long)value);
}

void evidence_keep_metrics(struct gateway *gateway, struct buf *out)
{
    write_counter(out, "sluice_feedback_total", "Feedback on calls that was taken.",
                  atomic_load(&gateway->feedbacks));
    write_counter(out, "sluice_feedback_score_millionths_total", "Its scores, added up.",
                  atomic_load(&gateway->feedback_score_ppm));
    write_counter(out, "sluice_evidence_verdicts_total",
                  "Verdicts on answers that count as evidence.", atomic_load(&gateway->verdicts));
}
