/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a snapshot needs to be used: one upstream origin per provider, the credential bound to it,
 * and texts that would be the same in every call. Built before the snapshot is published, released
 * with it.
 */
#ifndef SLUICE_GATEWAY_RUNTIME_H
#define SLUICE_GATEWAY_RUNTIME_H

#include "config/snapshot.h"
#include "dialect/dialect.h"
#include "net/upstream.h"
#include "store/offer.h"

struct runtime_target {
    struct slice model_json;   /* the model's name as a JSON string */
    struct slice answer_lines; /* "x-sluice-target: ...\r\nx-sluice-provider: ...\r\n" */
    uint64_t offer;            /* see store/offer.h */
    atomic_bool offered;       /* it is in the journal */
};

struct runtime {
    size_t origin_count;
    struct upstream_origin *origins; /* by provider index */
    /* [provider][dialect][operation], as far as the provider speaks the dialect */
    struct upstream_template (*templates)[DIALECT_COUNT][OPERATION_COUNT];
    struct runtime_target *targets; /* by target index; in the arena, as their texts */
    struct arena arena;
    struct upstream_origin classifier; /* of an HTTP classifier */
    bool has_classifier;
};

MUST_USE bool runtime_attach(struct snapshot *snapshot, struct error *error);

static inline const struct upstream_origin *runtime_origin(const struct snapshot *snapshot,
                                                           uint16_t provider)
{
    return &((const struct runtime *)snapshot->runtime)->origins[provider];
}

/* The head of requests in a dialect that this provider speaks. */
static inline const struct upstream_template *runtime_template(const struct snapshot *snapshot,
                                                               uint16_t provider,
                                                               enum dialect_id dialect,
                                                               enum operation operation)
{
    return &((const struct runtime *)snapshot->runtime)->templates[provider][dialect][operation];
}

/* What this target costs as long as the snapshot is in force. */
void runtime_offer(const struct snapshot *snapshot, const struct target *target,
                   struct offer *ret_offer);

static inline struct runtime_target *runtime_target(const struct snapshot *snapshot,
                                                    const struct target *target)
{
    return &((struct runtime *)snapshot->runtime)->targets[target - snapshot->policy.targets];
}

#endif
