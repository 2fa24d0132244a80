/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups in a policy. They are linear: a policy has tens of targets, names differ in length or in
 * their first bytes, and a call does one or two of these.
 */
#include "route/policy.h"

uint16_t policy_find_target(const struct policy *policy, struct slice name)
{
    for (size_t i = 0; i < policy->target_count && i < TARGETS_MAX; i++) {
        if (slice_eq(policy->targets[i].name, name) && !policy->targets[i].pattern) {
            return (uint16_t)i;
        }
    }
    return NO_TARGET;
}

uint16_t policy_find_provider_model(const struct policy *policy, struct slice text)
{
    struct slice model = text;
    /* The model may hold slashes itself ("openrouter/openai/gpt-4"): the provider ends at the first
     * one. */
    size_t slash = slice_find(text, '/');
    if (slash == SIZE_MAX) {
        return NO_TARGET;
    }
    struct slice provider = slice_cut(&model, '/');
    for (size_t i = 0; i < policy->target_count && i < TARGETS_MAX; i++) {
        const struct target *target = &policy->targets[i];
        if (slice_eq(target->model, model) && slice_eq(target->provider_name, provider) &&
            !target->pattern) {
            return (uint16_t)i;
        }
    }
    return NO_TARGET;
}

uint16_t policy_find_stand_in(const struct policy *policy, uint16_t provider, struct slice model)
{
    for (size_t i = 0; i < policy->target_count && i < TARGETS_MAX; i++) {
        const struct target *target = &policy->targets[i];
        if (target->provider == provider && slice_eq(target->model, model)) {
            return (uint16_t)i;
        }
    }
    return NO_TARGET;
}

const struct route *policy_find_route(const struct policy *policy, struct slice name)
{
    for (size_t i = 0; i < policy->route_count; i++) {
        if (slice_eq(policy->routes[i].name, name)) {
            return &policy->routes[i];
        }
    }
    return NULL;
}

struct price policy_price(const struct policy *policy, const struct target *target)
{
    if (target->price.known || policy->unknown_price == UNKNOWN_PRICE_DENY) {
        return target->price;
    }
    struct price price = {.known = true};
    if (policy->unknown_price == UNKNOWN_PRICE_CEILING) {
        price.base = policy->ceiling;
    }
    return price;
}

int64_t policy_cost(const struct policy *policy, const struct target *target,
                    const struct usage *usage)
{
    struct price price = policy_price(policy, target);
    return price.known ? price_cost(&price, usage) : 0;
}
