/* SPDX-License-Identifier: Apache-2.0 */
/* How a route, or a rule of it, orders its targets. */
#include "config/resolve_strategy.h"

static size_t position_of(const uint16_t *targets, size_t count, uint16_t target)
{
    size_t i = 0;
    while (i < count && targets[i] != target) {
        i++;
    }
    return i;
}

/* The member's name is a target's. */
static uint16_t member_target(struct reader *reader, const struct yaml *member)
{
    struct yaml named = *member;
    named.text = member->key;
    named.written = member->key;
    named.place = member->key_place;
    return setting_target(reader, &named);
}

static void read_weight(struct reader *reader, const struct yaml *member,
                        const struct arrangement *arrangement, uint32_t *weights)
{
    uint16_t target = member_target(reader, member);
    size_t at = position_of(arrangement->targets, arrangement->count, target);
    uint64_t weight;
    if (target == NO_TARGET || !slice_to_u64(member->text, &weight)) {
        return; /* reported */
    }
    if (at == arrangement->count) {
        diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "contradiction", member->key_place,
                        "remove it, or add the target",
                        "\"%.*s\" has a weight and is not among the targets here",
                        (int)(member->key.len < 100 ? member->key.len : 100), member->key.ptr);
        return;
    }
    weights[at] = (uint32_t)weight;
}

/* Without weights all count the same; where some are given the others have none. */
static void read_weights(struct reader *reader, const struct yaml *section, const char *pattern,
                         struct arrangement *arrangement)
{
    const struct yaml *members = setting_node(section, pattern);
    uint32_t *weights = arena_array(reader->arena, arrangement->count + 1, sizeof(*weights));
    uint64_t sum = 0;
    if (weights == NULL) {
        return;
    }
    for (const struct yaml *m = member_first(members); m != NULL; m = member_next(m)) {
        read_weight(reader, m, arrangement, weights);
    }
    for (size_t i = 0; i < arrangement->count; i++) {
        weights[i] = members == NULL ? 1 : weights[i];
        sum += weights[i];
    }
    if (members != NULL && sum == 0 && reader->diagnostics->errors == 0) {
        report_error(reader, members->key_place, "contradiction", "give one of them more than 0",
                     "all weights are 0");
    }
    arrangement->weights = weights;
}

void resolve_strategy(struct reader *reader, const struct yaml *section,
                      const struct strategy_options *options, struct arrangement *arrangement)
{
    if (setting_given(section, options->strategy)) {
        arrangement->strategy = (enum strategy)setting_number(section, options->strategy);
    }
    if (arrangement->strategy == STRATEGY_WEIGHTED) {
        read_weights(reader, section, options->weights, arrangement);
    } else if (setting_attempted(section, options->weights)) {
        report_error(reader, setting_node(section, options->weights)->key_place, "contradiction",
                     "say strategy: weighted, or remove them",
                     "weights count only where the strategy is weighted");
    }
}
