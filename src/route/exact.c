/* SPDX-License-Identifier: Apache-2.0 */
#include "route/exact.h"

#include "model/tokenizers.h"
#include "route/token_count.h"

/* Does the limit lie among what the tokens may be? */
static bool lies_between(int64_t low, int64_t high, int64_t limit)
{
    return low <= limit && limit < high;
}

static bool window_is_open(const struct plan_input *input, const struct target *target,
                           const struct plan_entry *entry)
{
    const struct token_estimate *tokens = &input->features->tokens;
    int64_t output = input->max_tokens > 0 ? input->max_tokens : entry->expected_output;
    return target->context_tokens > 0 &&
           lies_between(tokens->low + output, tokens->high + output, target->context_tokens);
}

static bool cost_is_open(const struct plan_input *input, const struct plan *plan,
                         const struct target *target, const struct plan_entry *entry)
{
    const struct token_estimate *tokens = &input->features->tokens;
    struct usage least = {.input = tokens->low, .output = entry->high_output};
    struct usage most = {.input = tokens->high, .output = entry->high_output};
    return plan->max_cost_nd > 0 && target->price.known &&
           lies_between(price_cost(&target->price, &least), price_cost(&target->price, &most),
                        plan->max_cost_nd);
}

#define OUTPUT_MOST (INT64_C(1) << 30)

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A limit of what one call may cost is held against its worst case, as the gateway does: the prompt
 * as the most that it may be, and all of the output that may come, at the dearest rates. */
static bool limit_is_open(const struct plan_input *input, const struct target *target)
{
    const struct token_estimate *tokens = &input->features->tokens;
    int64_t output = input->max_tokens > 0       ? input->max_tokens
                     : target->output_tokens > 0 ? target->output_tokens
                                                 : target->context_tokens;
    output =
        smaller(output, OUTPUT_MOST) * (input->choices > 1 ? smaller(input->choices, 1024) : 1);
    return input->call_limit_nd > 0 && target->price.known &&
           lies_between(price_bound(&target->price, tokens->low, output, 0),
                        price_bound(&target->price, tokens->high, output, 0), input->call_limit_nd);
}

unsigned exact_wanted(const struct plan_input *input, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        const struct target *target = &input->policy->targets[entry->target];
        if (target->encoding != 0 &&
            (window_is_open(input, target, entry) || cost_is_open(input, plan, target, entry) ||
             limit_is_open(input, target))) {
            return target->encoding;
        }
    }
    return 0;
}

bool exact_plan(const struct chat *chat, struct plan_input *input, struct plan *plan, bool leisure)
{
    if (input->policy->tokenizers == NULL ||
        (input->features->text_bytes > EXACT_BYTES_MAX && !leisure)) {
        return false;
    }
    unsigned encoding = exact_wanted(input, plan);
    const struct tokenizer *tokenizer =
        encoding == 0 ? NULL
                      : tokenizers_get(input->policy->tokenizers,
                                       (enum token_encoding)(encoding - 1), leisure);
    if (tokenizer == NULL || !tokens_count(chat, tokenizer, &input->counted_tokens)) {
        return false;
    }
    input->counted = encoding;
    plan_make(input, plan);
    return true;
}
