/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TALLY_ARENA ((size_t)64 << 20)
#define TENTH_TO_NINETIETH 1.2816 /* standard deviations from the middle to either end */

void replay_tally_init(struct replay_tally *tally)
{
    *tally = (struct replay_tally){.calls = 0};
    map_init(&tally->by_kind);
    arena_init(&tally->arena, TALLY_ARENA);
}

void replay_tally_release(struct replay_tally *tally)
{
    map_release(&tally->by_kind);
    arena_release(&tally->arena);
}

static void sum_add(struct replay_sum *sum, const struct replay_choice *choice, int64_t baseline_nd)
{
    double deviation = (double)choice->output_nd * choice->spread;
    sum->cost_nd += choice->cost_nd;
    sum->variance += deviation * deviation;
    if (choice->target.len == 0) {
        sum->refused++;
        return;
    }
    sum->baseline_nd += baseline_nd < 0 ? 0 : baseline_nd;
    sum->tiers[choice->tier]++;
    if (choice->latency_ms > 0) {
        sum->latency_ms += choice->latency_ms;
        sum->timed++;
    }
}

static struct slice shown(struct slice name)
{
    return slice_of(name.ptr, name.len < REPLAY_NAME_MAX ? name.len : REPLAY_NAME_MAX);
}

static struct replay_kind *kind_of(struct replay_tally *tally, const struct replay_call *call)
{
    char key[2 * REPLAY_NAME_MAX + 32];
    struct slice from = shown(call->before.target);
    struct slice to = shown(call->after.target);
    int len = snprintf(key, sizeof(key), "%u\n%.*s\n%.*s", (unsigned)call->task, SLICE_ARG(from),
                       SLICE_ARG(to));
    struct slice name = slice_of(key, (size_t)len);
    struct replay_kind *kind = map_get(&tally->by_kind, name);
    if (kind != NULL) {
        return kind;
    }
    kind = ARENA_NEW(&tally->arena, struct replay_kind);
    if (kind == NULL || !map_set(&tally->by_kind, name, kind)) {
        tally->failed = true;
        return NULL;
    }
    kind->from = arena_copy(&tally->arena, from);
    kind->to = arena_copy(&tally->arena, to);
    kind->task = call->task;
    return kind;
}

static void kind_add(struct replay_kind *kind, const struct replay_call *call)
{
    kind->calls++;
    kind->before_nd += call->before.cost_nd;
    kind->after_nd += call->after.cost_nd;
    kind->output_nd[0] += call->before.output_nd;
    kind->output_nd[1] += call->after.output_nd;
    kind->spread[0] = fmax(kind->spread[0], call->before.common_spread);
    kind->spread[1] = fmax(kind->spread[1], call->after.common_spread);
}

void replay_tally_add(struct replay_tally *tally, const struct replay_call *call)
{
    tally->calls++;
    tally->changed += !slice_eq(call->before.target, call->after.target);
    tally->no_baseline += call->baseline_nd < 0;
    tally->baseline_nd += call->baseline_nd < 0 ? 0 : call->baseline_nd;
    sum_add(&tally->before, &call->before, call->baseline_nd);
    sum_add(&tally->after, &call->after, call->baseline_nd);
    struct replay_kind *kind = kind_of(tally, call);
    if (kind != NULL) {
        kind_add(kind, call);
    }
}

int64_t replay_tally_doubt_nd(const struct replay_tally *tally, unsigned side)
{
    double variance = side == 0 ? tally->before.variance : tally->after.variance;
    size_t cursor = 0;
    for (struct map_entry *e; (e = map_next(&tally->by_kind, &cursor)) != NULL;) {
        const struct replay_kind *kind = e->value;
        double deviation = (double)kind->output_nd[side] * kind->spread[side];
        variance += deviation * deviation;
    }
    return (int64_t)(sqrt(variance) * TENTH_TO_NINETIETH);
}

static int64_t weight_of(const struct replay_kind *kind)
{
    int64_t difference = kind->after_nd - kind->before_nd;
    return difference < 0 ? -difference : difference;
}

static int by_weight(const void *a, const void *b)
{
    const struct replay_kind *left = *(const struct replay_kind *const *)a;
    const struct replay_kind *right = *(const struct replay_kind *const *)b;
    int64_t difference = weight_of(right) - weight_of(left);
    if (difference == 0) {
        difference = right->calls - left->calls;
    }
    if (difference == 0) { /* any order that does not depend on the table's */
        int order = slice_compare(left->from, right->from);
        return order != 0 ? order : slice_compare(left->to, right->to);
    }
    return difference > 0 ? 1 : -1;
}

const struct replay_kind **replay_tally_kinds(struct replay_tally *tally, size_t *ret_count)
{
    size_t cursor = 0;
    *ret_count = 0;
    const struct replay_kind **kinds =
        arena_array(&tally->arena, tally->by_kind.used + 1, sizeof(const struct replay_kind *));
    for (struct map_entry *e; kinds != NULL && (e = map_next(&tally->by_kind, &cursor)) != NULL;) {
        kinds[(*ret_count)++] = e->value;
    }
    if (kinds != NULL) {
        qsort(kinds, *ret_count, sizeof(*kinds), by_weight);
    }
    return kinds;
}
