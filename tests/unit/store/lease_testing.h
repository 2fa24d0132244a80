/* SPDX-License-Identifier: Apache-2.0 */
/* An authority in memory, by the rules of budget_lease.h: what a test may lose, double or turn
 * round is between it and the budgets. */
#ifndef TESTS_LEASE_TESTING_H
#define TESTS_LEASE_TESTING_H

#include "store/budget_lease.h"

#include <stdlib.h>

#define AUTHORITY_NODES 4
#define AUTHORITY_METERS 16
#define AUTHORITY_SPENDS 4096

struct authority_meter {
    bool used;
    struct lease_meter meter;
    int64_t epoch_s;
    int64_t limit;
    uint64_t generation;
    int64_t spent[AUTHORITY_NODES];
    int64_t room[AUTHORITY_NODES];
    bool recalled[AUTHORITY_NODES]; /* to be told */
    bool wanted;
    struct {
        int64_t at_ns;
        int64_t amount;
    } spends[AUTHORITY_SPENDS]; /* of a window */
    size_t spend_count;
};

struct authority {
    struct authority_meter meters[AUTHORITY_METERS];
    uint64_t seqs[AUTHORITY_NODES];
    unsigned live;
};

static inline bool meter_is(const struct authority_meter *m, const struct lease_ask *ask)
{
    return m->used && m->meter.kind == ask->meter.kind && m->meter.scope == ask->meter.scope &&
           m->meter.what == ask->meter.what && m->meter.window_s == ask->meter.window_s &&
           m->epoch_s == ask->epoch_s && strcmp(m->meter.model, ask->meter.model) == 0;
}

static inline struct authority_meter *authority_meter(struct authority *a,
                                                      const struct lease_ask *ask)
{
    size_t i = 0;
    while (i < AUTHORITY_METERS && a->meters[i].used && !meter_is(&a->meters[i], ask)) {
        i++;
    }
    CHECK(i < AUTHORITY_METERS);
    a->meters[i].used = true;
    a->meters[i].meter = ask->meter;
    a->meters[i].epoch_s = ask->epoch_s;
    return &a->meters[i];
}

static inline int64_t meter_window_ns(const struct authority_meter *m)
{
    return m->meter.what == LEASE_ROLLING ? m->meter.window_s * NS_PER_S : 60 * NS_PER_S;
}

static inline bool meter_has_window(const struct authority_meter *m)
{
    return m->meter.what == LEASE_ROLLING || m->meter.what == LEASE_REQUESTS ||
           m->meter.what == LEASE_TOKENS;
}

/* What counts against the limit; of all but `without`. */
static inline int64_t meter_used(const struct authority_meter *m, int64_t now_ns, unsigned without)
{
    int64_t sum = 0;
    for (unsigned n = 0; n < AUTHORITY_NODES; n++) {
        sum += n == without ? 0 : m->room[n];
        sum += n == without || meter_has_window(m) ? 0 : m->spent[n];
    }
    for (size_t i = 0; meter_has_window(m) && i < m->spend_count; i++) {
        sum += now_ns - m->spends[i].at_ns <= meter_window_ns(m) ? m->spends[i].amount : 0;
    }
    return sum;
}

static inline void authority_grant(struct authority *a, struct authority_meter *m, unsigned node,
                                   const struct lease_ask *ask, int64_t now_ns,
                                   struct lease_answer *answer)
{
    int64_t left = m->limit - meter_used(m, now_ns, AUTHORITY_NODES);
    left = left < 0 ? 0 : left;
    int64_t grant = 0;
    if (left >= ask->need_least) {
        grant = left < ask->need_all ? left : ask->need_all;
        int64_t share = (left - grant) / (2 * (int64_t)a->live);
        grant += ask->want < share ? ask->want : share;
    } else {
        answer->exhausted = true;
        for (unsigned n = 0; n < AUTHORITY_NODES; n++) {
            bool has = n != node && m->room[n] > 0;
            answer->exhausted &= !has;
            m->recalled[n] |= has;
        }
        m->wanted = true;
    }
    m->room[node] += grant;
}

/* One transaction. False: it is late, and nothing was done. */
static inline bool authority_exchange(struct authority *a, unsigned node, uint64_t seq,
                                      const struct lease_ask *asks, size_t count, int64_t now_ns,
                                      struct lease_answer *answers)
{
    if (seq <= a->seqs[node]) {
        return false;
    }
    a->seqs[node] = seq;
    for (size_t i = 0; i < count; i++) {
        const struct lease_ask *ask = &asks[i];
        struct authority_meter *m = authority_meter(a, ask);
        int64_t more = ask->spent - m->spent[node];
        answers[i] = (struct lease_answer){0};
        if (ask->generation >= m->generation && ask->limit != LIMIT_NONE) {
            m->generation = ask->generation;
            m->limit = ask->limit;
        }
        if (more > 0) {
            m->spent[node] = ask->spent;
            if (meter_has_window(m)) {
                CHECK(m->spend_count < AUTHORITY_SPENDS);
                m->spends[m->spend_count].at_ns = now_ns;
                m->spends[m->spend_count++].amount = more;
            }
        }
        m->room[node] = ask->room;
        authority_grant(a, m, node, ask, now_ns, &answers[i]);
        answers[i].spent = m->spent[node];
        answers[i].room = m->room[node];
        answers[i].limit = m->limit;
        answers[i].elsewhere = meter_used(m, now_ns, node);
    }
    return true;
}

#endif
